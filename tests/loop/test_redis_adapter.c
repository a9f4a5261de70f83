/* redis_adapter: hiredis hears of refused and reset connections at once, without any deadline's help. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/fault_proxy.h"
#include "loop/loop_help.h"
#include "loop/private_server.h"

#include "server/redis_adapter.h"

enum { AT_ONCE_MS = 5000 };

static struct private_server server;
static uv_loop_t loop;
static unsigned n_connects, n_disconnects, n_replies, n_closed;
static int connect_status, disconnect_status;
static bool had_reply;

static int start_server(void **state)
{
    (void)state;
    private_server_start_redis(&server, "always", NULL);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    private_server_done(&server);
    return 0;
}

static void on_connect(const redisAsyncContext *context, int status)
{
    (void)context;
    n_connects++;
    connect_status = status;
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    (void)context;
    n_disconnects++;
    disconnect_status = status;
}

static void on_reply(redisAsyncContext *context, void *reply, void *data)
{
    (void)context;
    (void)data;
    n_replies++;
    had_reply = reply != NULL;
}

static void on_closed(void *data)
{
    (void)data;
    n_closed++;
}

static bool is_closed(void *data)
{
    (void)data;
    return n_closed > 0;
}

static bool has_reply(void *data)
{
    (void)data;
    return n_replies > 0;
}

static redisAsyncContext *open_at(unsigned port)
{
    n_connects = n_disconnects = n_replies = n_closed = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    redisAsyncContext *context = redisAsyncConnect("127.0.0.1", (int)port);
    assert_int_equal(context->err, 0);
    redis_adapter_attach(context, &loop, on_closed, NULL);
    redisAsyncSetConnectCallback(context, on_connect);
    redisAsyncSetDisconnectCallback(context, on_disconnect);
    redisAsyncCommand(context, on_reply, NULL, "PING");
    return context;
}

static void refused(void **state)
{
    (void)state;
    open_at(fault_proxy_refused_port());
    assert_true(loop_run_until(&loop, is_closed, NULL, AT_ONCE_MS));
    assert_int_equal(n_connects, 1);
    assert_int_equal(connect_status, REDIS_ERR);
    assert_int_equal(n_disconnects, 0); /* it never was connected */
    assert_int_equal(n_replies, 1);
    assert_false(had_reply);
    loop_finish(&loop);
}

static void lost_in_mid_command(void **state)
{
    static const enum fault faults[] = {FAULT_RESET, FAULT_HALF_CLOSE, FAULT_GARBAGE};
    struct fault_proxy *proxy = fault_proxy_new(server.socket);
    (void)state;

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        redisAsyncContext *context = open_at(fault_proxy_port(proxy));
        assert_true(loop_run_until(&loop, has_reply, NULL, AT_ONCE_MS));
        assert_true(had_reply);
        fault_proxy_set(proxy, faults[i]);
        redisAsyncCommand(context, on_reply, NULL, "PING");
        assert_true(loop_run_until(&loop, is_closed, NULL, AT_ONCE_MS));
        assert_int_equal(n_connects, 1);
        assert_int_equal(connect_status, REDIS_OK);
        assert_int_equal(n_disconnects, 1);
        assert_int_equal(disconnect_status, REDIS_ERR);
        assert_int_equal(n_replies, 2);
        assert_false(had_reply);
        loop_finish(&loop);
        fault_proxy_set(proxy, FAULT_NONE);
    }
    fault_proxy_free(proxy);
}

static void freed_while_connecting_and_in_mid_command(void **state)
{
    struct fault_proxy *proxy = fault_proxy_new(server.socket);
    (void)state;

    for (unsigned turns = 0; turns < 4; turns++) {
        redisAsyncContext *context = open_at(fault_proxy_port(proxy));
        for (unsigned i = 0; i < turns && n_replies == 0; i++)
            uv_run(&loop, UV_RUN_NOWAIT);
        unsigned had = n_replies;
        redisAsyncFree(context);
        assert_int_equal(n_replies, 1); /* answered, or ended with NULL by the free */
        assert_true(had == 1 || !had_reply);
        loop_finish(&loop);
        assert_int_equal(n_closed, 1);
    }
    fault_proxy_free(proxy);
}

/* hiredis itself would abort the process. Each text comes in one piece, the command's own answer first. */
static void answers_nobody_asked_for(void **state)
{
    static const char *const texts[] = {
        "+PONG\r\n+PONG\r\n",
        "+PONG\r\n:1\r\n",
        "+PONG\r\n$3\r\nabc\r\n",
        "+PONG\r\n$-1\r\n",
        "+PONG\r\n*-1\r\n",
        "+PONG\r\n*2\r\n$1\r\na\r\n:2\r\n",
        "+PONG\r\n-ERR max clients\r\n",
        "*2\r\n*1\r\n+PONG\r\n:1\r\n*0\r\n",
    };
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)state;

    assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&name, &len);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        print_message("         %zu\n", i);
        open_at(ntohs(name.sin_port));
        int peer = accept(listener, NULL, NULL);
        assert_int_equal(send(peer, texts[i], strlen(texts[i]), MSG_NOSIGNAL), strlen(texts[i]));
        assert_true(loop_run_until(&loop, is_closed, NULL, AT_ONCE_MS));
        assert_int_equal(n_replies, 1);
        assert_true(had_reply);
        assert_int_equal(n_disconnects, 1);
        loop_finish(&loop);
        close(peer);
    }
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(lost_in_mid_command),
        cmocka_unit_test(answers_nobody_asked_for),
        cmocka_unit_test(freed_while_connecting_and_in_mid_command),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
