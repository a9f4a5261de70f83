/* bank_peer: a bank's web server that follows a script, in a thread of the test, on a loopback port of its own. One
 * connection at a time, one answer on each. */
#ifndef DP_TESTS_BANK_PEER_H
#define DP_TESTS_BANK_PEER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { BANK_PEER_TEXT_MAX = 4096 };

enum bank_manner {
    BANK_ANSWERS,
    BANK_CLOSES,   /* after the request, without a word */
    BANK_IS_TORN,  /* half the answer, then it closes */
    BANK_TRICKLES, /* a byte now and then */
    BANK_IS_SILENT,
    BANK_IS_ENDLESS, /* the body has no end */
};

struct bank_peer {
    enum bank_manner manner;
    char response[BANK_PEER_TEXT_MAX]; /* head and body; set it while nobody asks */
    SSL_CTX *tls;                      /* NULL: plain */
    int listen_fd;
    unsigned port;
    pthread_t thread;
    _Atomic bool stopping;
    _Atomic int requests;             /* whole ones */
    char request[BANK_PEER_TEXT_MAX]; /* the last one's head */
};

void bank_peer_start(struct bank_peer *peer, SSL_CTX *tls);
void bank_peer_stop(struct bank_peer *peer);
/* From now on it answers so: 200 with that body. */
void bank_peer_says(struct bank_peer *peer, const char *body);

#endif
