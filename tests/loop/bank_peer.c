#include "loop/bank_peer.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { POLL_MS = 20, ENDLESS_CHUNK = 1024 };

struct session {
    struct bank_peer *peer;
    int fd;
    SSL *tls;
};

/* False: the other side has gone. */
static bool send_bytes(struct session *session, const char *bytes, size_t len)
{
    if (session->tls)
        return SSL_write(session->tls, bytes, (int)len) == (int)len;
    return send(session->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static ssize_t read_bytes(struct session *session, char *bytes, size_t len)
{
    return session->tls ? SSL_read(session->tls, bytes, (int)len) : recv(session->fd, bytes, len, 0);
}

static bool read_request(struct session *session)
{
    char *text = session->peer->request;
    size_t len = 0;
    while (len + 1 < BANK_PEER_TEXT_MAX) {
        ssize_t n = read_bytes(session, text + len, BANK_PEER_TEXT_MAX - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        text[len] = '\0';
        if (strstr(text, "\r\n\r\n"))
            return true;
    }
    return false;
}

/* Until the other side closes, or the test ends. */
static bool pause_open(struct session *session)
{
    struct pollfd gone = {.fd = session->fd, .events = POLLIN};
    return poll(&gone, 1, POLL_MS) == 0 && !session->peer->stopping;
}

static void trickle(struct session *session)
{
    for (const char *at = session->peer->response; *at && pause_open(session); at++) {
        if (!send_bytes(session, at, 1))
            return;
    }
}

static void pour(struct session *session)
{
    char chunk[ENDLESS_CHUNK];
    memset(chunk, ';', sizeof chunk);
    if (!send_bytes(session, "HTTP/1.1 200 OK\r\n\r\n", strlen("HTTP/1.1 200 OK\r\n\r\n")))
        return;
    while (!session->peer->stopping && send_bytes(session, chunk, sizeof chunk))
        ;
}

static void answer(struct session *session)
{
    const char *response = session->peer->response;
    switch (session->peer->manner) {
    case BANK_ANSWERS:
        send_bytes(session, response, strlen(response));
        break;
    case BANK_IS_TORN:
        send_bytes(session, response, strlen(response) - 20);
        break;
    case BANK_TRICKLES:
        trickle(session);
        break;
    case BANK_IS_SILENT:
        while (pause_open(session))
            ;
        break;
    case BANK_IS_ENDLESS:
        pour(session);
        break;
    case BANK_CLOSES:
        break;
    }
}

static void serve(struct bank_peer *peer, int fd)
{
    struct session session = {peer, fd, NULL};
    bool open = true;
    if (peer->tls) {
        session.tls = SSL_new(peer->tls);
        SSL_set_fd(session.tls, fd);
        open = SSL_accept(session.tls) == 1;
    }
    if (open && read_request(&session)) {
        peer->requests++;
        answer(&session);
    }
    SSL_free(session.tls);
    close(fd);
}

static void *run(void *arg)
{
    struct bank_peer *peer = arg;
    struct pollfd waiting = {.fd = peer->listen_fd, .events = POLLIN};
    while (!peer->stopping) {
        if (poll(&waiting, 1, POLL_MS) > 0)
            serve(peer, accept(peer->listen_fd, NULL, NULL));
    }
    return NULL;
}

void bank_peer_start(struct bank_peer *peer, SSL_CTX *tls)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    memset(peer, 0, sizeof *peer);
    peer->tls = tls;
    peer->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(peer->listen_fd, (struct sockaddr *)&address, len) || listen(peer->listen_fd, 8) ||
        getsockname(peer->listen_fd, (struct sockaddr *)&address, &len) ||
        pthread_create(&peer->thread, NULL, run, peer))
        abort();
    peer->port = ntohs(address.sin_port);
}

void bank_peer_stop(struct bank_peer *peer)
{
    peer->stopping = true;
    pthread_join(peer->thread, NULL);
    close(peer->listen_fd);
}

void bank_peer_says(struct bank_peer *peer, const char *body)
{
    peer->manner = BANK_ANSWERS;
    snprintf(peer->response, sizeof peer->response,
             "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
             strlen(body), body);
}
