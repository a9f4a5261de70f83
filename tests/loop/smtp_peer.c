#include "loop/smtp_peer.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_SIZE = 2048, POLL_MS = 20, VALID_S = 3600 };

const struct smtp_script smtp_script_good = {
    "220 peer ESMTP", "250 peer", "250 sender ok", "250 recipient ok", "354 go on", "250 queued",
};

struct session {
    struct smtp_peer *peer;
    int fd;
    SSL *tls; /* NULL while in clear */
    int n_mails;
};

static bool await_input(const struct session *session)
{
    struct pollfd waiting = {.fd = session->fd, .events = POLLIN};
    while (!session->peer->stopping) {
        if ((session->tls && SSL_pending(session->tls)) || poll(&waiting, 1, POLL_MS) > 0)
            return true;
    }
    return false;
}

static long read_byte(struct session *session, char *byte)
{
    if (!await_input(session))
        return -1;
    return session->tls ? SSL_read(session->tls, byte, 1) : read(session->fd, byte, 1);
}

/* A line without its CRLF; false when the client is gone. */
static bool read_line(struct session *session, char line[LINE_SIZE])
{
    size_t len = 0;
    char byte;
    while (len + 1 < LINE_SIZE && read_byte(session, &byte) == 1) {
        if (byte == '\n') {
            line[len] = '\0';
            if (len && line[len - 1] == '\r')
                line[len - 1] = '\0';
            struct smtp_peer *peer = session->peer;
            if (peer->log_len + len + 2 < SMTP_PEER_LOG_MAX)
                peer->log_len += (size_t)snprintf(peer->log + peer->log_len, LINE_SIZE, "%s\n", line);
            return true;
        }
        line[len++] = byte;
    }
    return false;
}

/* False: the script ends the session here. */
static bool say(struct session *session, const char *text)
{
    char line[LINE_SIZE], byte;
    if (!text)
        return false;
    if (!*text) {
        while (read_byte(session, &byte) == 1)
            ;
        return false;
    }
    int len = snprintf(line, sizeof line, "%s\r\n", text);
    if (session->tls)
        return SSL_write(session->tls, line, len) == len;
    return send(session->fd, line, (size_t)len, MSG_NOSIGNAL) == len;
}

static bool read_message(struct session *session)
{
    char line[LINE_SIZE];
    while (read_line(session, line)) {
        if (strcmp(line, ".") == 0)
            return true;
    }
    return false;
}

static bool start_tls(struct session *session)
{
    if (!say(session, "220 go ahead"))
        return false;
    session->tls = SSL_new(session->peer->tls);
    SSL_set_fd(session->tls, session->fd);
    return SSL_accept(session->tls) == 1;
}

static bool greet(struct session *session)
{
    char line[LINE_SIZE];
    if (session->peer->tls && !session->tls) {
        snprintf(line, sizeof line, "250-peer\r\n250 STARTTLS");
        return say(session, line);
    }
    return say(session, session->peer->script.ehlo);
}

static bool obey(struct session *session, const char *line)
{
    const struct smtp_script *script = &session->peer->script;
    if (strncasecmp(line, "EHLO", 4) == 0)
        return greet(session);
    if (strncasecmp(line, "STARTTLS", 8) == 0)
        return start_tls(session);
    if (strncasecmp(line, "MAIL", 4) == 0) {
        session->peer->commands++;
        if (session->peer->mails_max && session->n_mails++ == session->peer->mails_max)
            return say(session, "421 enough") && say(session, NULL);
        return say(session, script->mail);
    }
    if (strncasecmp(line, "RCPT", 4) == 0)
        return say(session, script->rcpt);
    if (strncasecmp(line, "DATA", 4) == 0)
        return say(session, script->data) &&
               (script->data[0] != '3' || (read_message(session) && say(session, script->dot)));
    return say(session, strncasecmp(line, "QUIT", 4) == 0 ? "221 bye" : "250 ok");
}

static void serve(struct smtp_peer *peer, int fd)
{
    struct session session = {peer, fd, NULL, 0};
    char line[LINE_SIZE];
    peer->connections++;
    bool open = say(&session, peer->script.greeting);
    while (open && read_line(&session, line))
        open = obey(&session, line);
    SSL_free(session.tls);
    close(fd);
}

static void *run(void *arg)
{
    struct smtp_peer *peer = arg;
    struct pollfd waiting = {.fd = peer->listen_fd, .events = POLLIN};
    while (!peer->stopping) {
        if (poll(&waiting, 1, POLL_MS) > 0)
            serve(peer, accept(peer->listen_fd, NULL, NULL));
    }
    return NULL;
}

void smtp_peer_start(struct smtp_peer *peer, const struct smtp_script *script, SSL_CTX *tls)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    memset(peer, 0, sizeof *peer);
    peer->script = *script;
    peer->tls = tls;
    peer->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(peer->listen_fd, (struct sockaddr *)&address, len) || listen(peer->listen_fd, 8) ||
        getsockname(peer->listen_fd, (struct sockaddr *)&address, &len) ||
        pthread_create(&peer->thread, NULL, run, peer))
        abort();
    peer->port = ntohs(address.sin_port);
}

void smtp_peer_stop(struct smtp_peer *peer)
{
    peer->stopping = true;
    pthread_join(peer->thread, NULL);
    close(peer->listen_fd);
}

SSL_CTX *smtp_peer_new_tls(const char *dns_name, const char *path)
{
    char san[LINE_SIZE];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    snprintf(san, sizeof san, "DNS:%s", dns_name);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_set_version(certificate, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -VALID_S);
    X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_S);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)dns_name, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    FILE *file = fopen(path, "w");
    PEM_write_X509(file, certificate);
    fclose(file);
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(tls, certificate);
    SSL_CTX_use_PrivateKey(tls, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return tls;
}
