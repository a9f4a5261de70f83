#include "loop/fault_proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PAIRS_MAX = 64, LOOK_UP_MS = 5 };

const char *const fault_names[FAULT_COUNT] = {"none", "reset", "half-close", "silent", "garbage"};

struct pair {
    int client, server; /* -1: closed */
};

struct fault_proxy {
    int listener;
    unsigned port;
    char upstream[108];
    struct pair pairs[PAIRS_MAX];
    unsigned n_pairs;
    _Atomic int fault;
    _Atomic bool stop;
    pthread_t thread;
};

static void die(const char *what)
{
    perror(what);
    abort();
}

static int listen_anywhere(unsigned *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 64) ||
        getsockname(fd, (struct sockaddr *)&address, &len))
        die("listen");
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static int connect_upstream(const struct fault_proxy *proxy)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, proxy->upstream, sizeof address.sun_path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void close_pair(struct pair *pair, bool reset)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};

    if (reset && pair->client >= 0)
        setsockopt(pair->client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    if (pair->client >= 0)
        close(pair->client);
    if (pair->server >= 0)
        close(pair->server);
    *pair = (struct pair){-1, -1};
}

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        len -= (size_t)sent;
    }
}

static void misbehave(struct pair *pair, enum fault fault)
{
    /* To MariaDB's clients a short packet out of order, to Redis' an unknown type. */
    static const char garbage[] = "\x04\x00\x00\x55zzzz garbage \r\n\r\n";

    if (fault == FAULT_RESET)
        close_pair(pair, true);
    else if (fault == FAULT_HALF_CLOSE)
        shutdown(pair->client, SHUT_WR);
    else if (fault == FAULT_GARBAGE)
        send_all(pair->client, garbage, sizeof garbage - 1);
}

static void accept_one(struct fault_proxy *proxy)
{
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
        return;
    if (proxy->n_pairs == PAIRS_MAX)
        die("too many connections");
    struct pair *pair = &proxy->pairs[proxy->n_pairs++];
    *pair = (struct pair){client, -1};
    if (proxy->fault != FAULT_NONE) {
        misbehave(pair, proxy->fault);
        return;
    }
    pair->server = connect_upstream(proxy);
    if (pair->server < 0)
        close_pair(pair, false);
}

static void pass(struct fault_proxy *proxy, struct pair *pair, bool from_client)
{
    char bytes[16384];
    ssize_t got = recv(from_client ? pair->client : pair->server, bytes, sizeof bytes, 0);
    int to = from_client ? pair->server : pair->client;

    if (got <= 0)
        close_pair(pair, false);
    else if (proxy->fault != FAULT_NONE && from_client)
        misbehave(pair, proxy->fault);
    else if (to >= 0 && proxy->fault == FAULT_NONE)
        send_all(to, bytes, (size_t)got);
}

static void forget_closed(struct fault_proxy *proxy)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < proxy->n_pairs; i++)
        if (proxy->pairs[i].client >= 0)
            proxy->pairs[kept++] = proxy->pairs[i];
    proxy->n_pairs = kept;
}

static void turn(struct fault_proxy *proxy)
{
    struct pollfd fds[1 + 2 * PAIRS_MAX] = {{.fd = proxy->listener, .events = POLLIN}};
    unsigned n = proxy->n_pairs;

    for (unsigned i = 0; i < n; i++) {
        fds[1 + 2 * i] = (struct pollfd){.fd = proxy->pairs[i].client, .events = POLLIN};
        fds[2 + 2 * i] = (struct pollfd){.fd = proxy->pairs[i].server, .events = POLLIN};
    }
    if (poll(fds, 1 + 2 * n, LOOK_UP_MS) <= 0)
        return;
    for (unsigned i = 0; i < n; i++) {
        if (fds[1 + 2 * i].revents)
            pass(proxy, &proxy->pairs[i], true);
        if (fds[2 + 2 * i].revents && proxy->pairs[i].server >= 0)
            pass(proxy, &proxy->pairs[i], false);
    }
    if (fds[0].revents)
        accept_one(proxy);
    forget_closed(proxy);
}

static void *run(void *data)
{
    struct fault_proxy *proxy = data;
    while (!proxy->stop)
        turn(proxy);
    for (unsigned i = 0; i < proxy->n_pairs; i++)
        close_pair(&proxy->pairs[i], false);
    return NULL;
}

struct fault_proxy *fault_proxy_new(const char *upstream_socket)
{
    struct fault_proxy *proxy = calloc(1, sizeof *proxy);
    if (!proxy || strlen(upstream_socket) >= sizeof proxy->upstream)
        die("fault_proxy");
    memcpy(proxy->upstream, upstream_socket, strlen(upstream_socket));
    proxy->listener = listen_anywhere(&proxy->port);
    if (pthread_create(&proxy->thread, NULL, run, proxy) != 0)
        die("pthread_create");
    return proxy;
}

unsigned fault_proxy_port(const struct fault_proxy *proxy)
{
    return proxy->port;
}

void fault_proxy_set(struct fault_proxy *proxy, enum fault fault)
{
    proxy->fault = (int)fault;
}

void fault_proxy_free(struct fault_proxy *proxy)
{
    proxy->stop = true;
    pthread_join(proxy->thread, NULL);
    close(proxy->listener);
    free(proxy);
}

unsigned fault_proxy_refused_port(void)
{
    unsigned port;
    close(listen_anywhere(&port));
    return port;
}
