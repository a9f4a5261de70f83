/* redis_pair: a private Redis and two clients of it on one loop, as two dp-servers have them. */
#ifndef DP_TESTS_REDIS_PAIR_H
#define DP_TESTS_REDIS_PAIR_H

#include "loop/loop_help.h"
#include "loop/private_server.h"

#include "server/redis_client.h"

enum { PAIR_CLIENTS = 2, PAIR_TIMEOUT_MS = 300 };

static struct private_server server;
static redisContext *admin;
static uv_loop_t loop;
static struct redis_client *clients[PAIR_CLIENTS];
static unsigned n_closed;

static inline int pair_start_server(void **state)
{
    (void)state;
    private_server_start_redis(&server, "always", NULL);
    admin = redisConnectUnix(server.socket);
    return admin->err;
}

static inline int pair_stop_server(void **state)
{
    (void)state;
    redisFree(admin);
    private_server_done(&server);
    return 0;
}

/* A command of the test's own: the integer answered, or how many elements. */
static inline long long pair_ask(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(admin, format, args);
    va_end(args);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    long long number = reply->type == REDIS_REPLY_ARRAY ? (long long)reply->elements : reply->integer;
    freeReplyObject(reply);
    return number;
}

static inline bool pair_is_ready(void *data)
{
    (void)data;
    return redis_client_is_ready(clients[0]) && redis_client_is_ready(clients[1]);
}

static inline int pair_open(void **state)
{
    const struct config_endpoint at = {.socket = server.socket};
    (void)state;

    pair_ask("FLUSHALL");
    n_closed = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    for (unsigned i = 0; i < PAIR_CLIENTS; i++)
        clients[i] = redis_client_new(&loop, "sessions", &at, NULL, PAIR_TIMEOUT_MS);
    assert_true(loop_run_until(&loop, pair_is_ready, NULL, 5000));
    return 0;
}

static inline void pair_on_closed(void *data)
{
    (void)data;
    n_closed++;
}

static inline int pair_close(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PAIR_CLIENTS; i++)
        redis_client_close(clients[i], pair_on_closed, NULL);
    loop_finish(&loop);
    assert_int_equal(n_closed, PAIR_CLIENTS);
    return 0;
}

#endif
