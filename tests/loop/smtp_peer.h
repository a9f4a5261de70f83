/* smtp_peer: a mail server that follows a script, in a thread of the test, on a loopback port of its own. */
#ifndef DP_TESTS_SMTP_PEER_H
#define DP_TESTS_SMTP_PEER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { SMTP_PEER_LOG_MAX = 1 << 16 };

/* What to answer (without CRLF). NULL closes the connection, "" says nothing until the client goes away. */
struct smtp_script {
    const char *greeting, *ehlo, *mail, *rcpt, *data, *dot;
};
extern const struct smtp_script smtp_script_good;

struct smtp_peer {
    struct smtp_script script;
    SSL_CTX *tls; /* NULL: STARTTLS is not offered */
    int listen_fd;
    unsigned port;
    pthread_t thread;
    _Atomic bool stopping;
    _Atomic int commands; /* MAIL commands seen */
    _Atomic int connections;
    int mails_max; /* over one connection, then it says 421 and leaves; 0: any number. Set by the test after the start
                    */
    char log[SMTP_PEER_LOG_MAX]; /* every line that the client said, behind the TLS; read it after the stop */
    size_t log_len;
};

void smtp_peer_start(struct smtp_peer *peer, const struct smtp_script *script, SSL_CTX *tls);
void smtp_peer_stop(struct smtp_peer *peer);

/* A self-signed server context for one DNS name; its certificate goes to `path` as PEM. */
SSL_CTX *smtp_peer_new_tls(const char *dns_name, const char *path);

#endif
