/* http_peer: a listener on a loop of its own and raw clients that say exactly what a test wants, in one thread: each
 * wait runs the loop once and looks at the socket. */
#ifndef DP_TESTS_HTTP_PEER_H
#define DP_TESTS_HTTP_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/rand.h"
#include "server/listener.h"
#include "server/response.h"

enum { PEER_PATIENCE_MS = 10000, PEER_LIMIT_MS = 6 * PEER_PATIENCE_MS, PEER_INPUT_MAX = 32 << 20 };

struct server {
    uv_loop_t loop;
    struct config config;
    struct router router;
    struct listener *listener;
    bool closed;
};

struct client {
    struct server *server;
    int fd;
    struct buf in;
    bool ended; /* the server closed its half, or reset */
    bool reset;
};

struct answer {
    unsigned status;
    struct str head; /* with the empty line; in the client's buffer until the next read */
    struct str body;
};

/* Limits so long that no test meets them by accident, and room for few. */
static inline void server_init(struct server *server, const struct route *routes,
                               void (*error)(struct request *, unsigned, const char *))
{
    *server = (struct server){
        .config.listen = {.address = "127.0.0.1",
                          .trusted_proxies = "",
                          .connections_max = 100,
                          .connections_per_address_max = 50,
                          .connections_bank_reserve = 10,
                          .head_timeout_ms = PEER_LIMIT_MS,
                          .body_timeout_ms = PEER_LIMIT_MS,
                          .keep_alive_timeout_ms = PEER_LIMIT_MS,
                          .write_timeout_ms = PEER_LIMIT_MS,
                          .requests_per_connection_max = 1000,
                          .drain_timeout_ms = PEER_LIMIT_MS},
        .router = {.routes = routes, .error = error},
    };
    assert_int_equal(uv_loop_init(&server->loop), 0);
}

static inline void server_open(struct server *server)
{
    const struct listener_options options = {
        .name = "test", .address = server->config.listen.address, .config = &server->config, .router = &server->router};
    assert_int_equal(listener_open(&server->loop, &options, &server->listener), 0);
}

static inline void server_on_closed(void *data)
{
    struct server *server = data;
    server->closed = true;
}

static inline void server_turn(struct server *server)
{
    uv_run(&server->loop, UV_RUN_NOWAIT);
}

static inline void server_run_ms(struct server *server, int64_t ms)
{
    int64_t end_ms = clock_monotonic_ms() + ms;
    do {
        server_turn(server);
        usleep(500);
    } while (clock_monotonic_ms() < end_ms);
}

static inline void server_wait_closed(struct server *server)
{
    int64_t end_ms = clock_monotonic_ms() + PEER_PATIENCE_MS;
    while (!server->closed && clock_monotonic_ms() < end_ms)
        server_run_ms(server, 1);
    assert_true(server->closed);
}

/* Every test ends here: all handles closed, nothing left on the loop. */
static inline void server_finish(struct server *server)
{
    if (!server->closed) {
        listener_drain(server->listener, server_on_closed, server);
        server_wait_closed(server);
    }
    assert_int_equal(uv_loop_close(&server->loop), 0);
}

static inline int peer_connect(unsigned port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&name, sizeof name) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline void client_open(struct client *client, struct server *server)
{
    *client = (struct client){.server = server, .fd = peer_connect(listener_port(server->listener))};
    assert_true(client->fd >= 0);
    buf_init(&client->in, PEER_INPUT_MAX);
    server_turn(server);
}

static inline void client_close(struct client *client)
{
    close(client->fd);
    buf_done(&client->in);
    server_turn(client->server);
}

/* Closes with a reset. */
static inline void client_reset(struct client *client)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    client_close(client);
}

static inline void client_send_bytes(struct client *client, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(client->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            client->reset = true;
            break;
        }
        if (n > 0)
            bytes = (struct str){bytes.ptr + n, bytes.len - (size_t)n};
        server_turn(client->server);
    }
    server_turn(client->server);
}

static inline void client_send(struct client *client, const char *text)
{
    client_send_bytes(client, str_from(text));
}

/* Takes what has arrived, after one turn of the loop. */
static inline void client_take(struct client *client)
{
    struct pollfd wait = {.fd = client->fd, .events = POLLIN};

    server_turn(client->server);
    if (client->ended || poll(&wait, 1, 1) <= 0)
        return;
    char *room = buf_reserve(&client->in, 65536);
    assert_non_null(room);
    ssize_t n = recv(client->fd, room, 65536, MSG_DONTWAIT);
    if (n > 0)
        buf_commit(&client->in, (size_t)n);
    else if (n == 0 || errno != EAGAIN)
        client->ended = true;
    client->reset |= n < 0 && errno != EAGAIN;
}

static inline size_t answer_body_len(struct str head)
{
    char text[8192];
    assert_true(head.len < sizeof text);
    memcpy(text, head.ptr, head.len);
    text[head.len] = '\0';
    const char *at = strstr(text, "\r\nContent-Length: ");
    return at ? (size_t)strtoul(at + strlen("\r\nContent-Length: "), NULL, 10) : 0;
}

static inline bool client_parse(struct client *client, bool head_only, struct answer *ret)
{
    struct str in = buf_str(&client->in);
    const char *end = in.len ? memmem(in.ptr, in.len, "\r\n\r\n", 4) : NULL;

    if (!end)
        return false;
    *ret = (struct answer){.head = {in.ptr, (size_t)(end + 4 - in.ptr)}};
    assert_memory_equal(in.ptr, "HTTP/1.1 ", 9);
    ret->status = (unsigned)strtoul(in.ptr + 9, NULL, 10);
    ret->body = (struct str){end + 4, head_only ? 0 : answer_body_len(ret->head)};
    return ret->head.len + ret->body.len <= in.len;
}

/* The next answer, still in the buffer; fails the test when none comes. */
static inline struct answer client_peek(struct client *client, bool head_only)
{
    int64_t end_ms = clock_monotonic_ms() + PEER_PATIENCE_MS;
    struct answer answer = {.status = 0};

    while (!client_parse(client, head_only, &answer)) {
        if (client->ended || clock_monotonic_ms() > end_ms)
            fail_msg("no answer%s", client->ended ? ": the connection ended" : "");
        client_take(client);
    }
    return answer;
}

static inline void client_drop(struct client *client, const struct answer *answer)
{
    buf_consume(&client->in, answer->head.len + answer->body.len);
}

static inline void client_expect(struct client *client, unsigned status, const char *body)
{
    struct answer answer = client_peek(client, false);
    assert_int_equal(answer.status, status);
    if (body && !str_eq_text(answer.body, body))
        fail_msg("body is %.*s", STR_ARG(answer.body));
    client_drop(client, &answer);
}

/* A reset that came after our half of the end shows only in SO_ERROR. */
static inline bool client_was_reset(const struct client *client)
{
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return client->reset || error != 0;
}

/* The server ends the connection in good order, and nothing comes before that. */
static inline void client_expect_end(struct client *client)
{
    int64_t end_ms = clock_monotonic_ms() + PEER_PATIENCE_MS;
    while (!client->ended && clock_monotonic_ms() < end_ms)
        client_take(client);
    server_run_ms(client->server, 2);
    assert_true(client->ended);
    assert_false(client_was_reset(client));
    assert_int_equal(client->in.len, 0);
}

static inline void client_expect_silence(struct client *client)
{
    for (unsigned i = 0; i < 20; i++)
        client_take(client);
    assert_false(client->ended);
    assert_int_equal(client->in.len, 0);
}

static inline bool answer_has(const struct answer *answer, const char *line)
{
    return memmem(answer->head.ptr, answer->head.len, line, strlen(line)) != NULL;
}

/* One request on a connection of its own. */
static inline void peer_exchange(struct server *server, const char *request, unsigned status, const char *body)
{
    struct client client;
    client_open(&client, server);
    client_send(&client, request);
    client_expect(&client, status, body);
    client_close(&client);
}

#endif
