/* redis_client and its adapter: a real Redis, and peers that refuse, reset, fall silent, die and come back. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/fault_proxy.h"
#include "loop/loop_help.h"
#include "loop/private_server.h"

#include "common/err.h"
#include "server/redis_client.h"

enum { TIMEOUT_MS = 200 };

/* One command, counted. */
struct call {
    bool has_returned;
    unsigned n_calls;
    int err;
    int type; /* of the reply; 0: none */
    long long integer;
    char text[64];
    bool closes;
    struct call *then; /* started in the callback */
};

static struct private_server server, locked_server;
static uv_loop_t loop;
static struct redis_client *client;
static unsigned n_closed, n_ready;

static int start_servers(void **state)
{
    (void)state;
    private_server_start_redis(&server, "always", NULL);
    private_server_start_redis(&locked_server, "always", "secret");
    return 0;
}

static int stop_servers(void **state)
{
    (void)state;
    private_server_done(&server);
    private_server_done(&locked_server);
    return 0;
}

static void on_closed(void *data)
{
    (void)data;
    n_closed++;
}

static void on_ready(void *data)
{
    (void)data;
    n_ready++;
}

static bool is_ready(void *data)
{
    return redis_client_is_ready(client) == *(const bool *)data;
}

static void await_ready(bool ready)
{
    assert_true(loop_run_until(&loop, is_ready, &ready, 20000));
}

static void open_at(const struct config_endpoint *at, const char *password)
{
    n_closed = n_ready = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    client = redis_client_new(&loop, "test", at, password, TIMEOUT_MS);
    redis_client_on_ready(client, on_ready, NULL);
}

static void open_direct(void)
{
    const struct config_endpoint at = {.socket = server.socket};
    open_at(&at, NULL);
    await_ready(true);
}

static void close_client(void)
{
    if (client)
        redis_client_close(client, on_closed, NULL);
    client = NULL;
    loop_finish(&loop);
    assert_int_equal(n_closed, 1);
}

static void start(struct call *call, unsigned timeout_ms, const char *name, const char *a, const char *b);

static void done(void *data, int err, const redisReply *reply)
{
    struct call *call = data;
    assert_true(call->has_returned);
    assert_true(!reply == (err != 0 && err != ERR_INTERNAL));
    call->n_calls++;
    call->err = err;
    if (reply) {
        call->type = reply->type;
        call->integer = reply->integer;
        snprintf(call->text, sizeof call->text, "%s", reply->str ? reply->str : "");
    }
    if (call->closes) {
        redis_client_close(client, on_closed, NULL);
        client = NULL;
    }
    if (call->then)
        start(call->then, 0, "PING", NULL, NULL);
}

static void start(struct call *call, unsigned timeout_ms, const char *name, const char *a, const char *b)
{
    const struct str argv[] = {str_from(name), str_from(a), str_from(b)};
    redis_client_command(client, timeout_ms, done, call, 1 + (a != NULL) + (b != NULL), argv);
    assert_int_equal(call->n_calls, 0);
    call->has_returned = true;
}

static bool is_done(void *data)
{
    return ((struct call *)data)->n_calls > 0;
}

static int await(struct call *call)
{
    assert_true(loop_run_until(&loop, is_done, call, 20000));
    assert_int_equal(call->n_calls, 1);
    return call->err;
}

static int ping(void)
{
    struct call call = {.err = 1};
    start(&call, 0, "PING", NULL, NULL);
    return await(&call);
}

/* --- a healthy Redis --- */

static void replies_of_every_kind(void **state)
{
    static const struct {
        const char *name, *a, *b;
        int err, type;
        long long integer;
        const char *text;
    } cases[] = {
        {"PING", NULL, NULL, 0, REDIS_REPLY_STATUS, 0, "PONG"},
        {"SET", "key", "h\xc3\xa9", 0, REDIS_REPLY_STATUS, 0, "OK"},
        {"GET", "key", NULL, 0, REDIS_REPLY_STRING, 0, "h\xc3\xa9"},
        {"GET", "nothing", NULL, 0, REDIS_REPLY_NIL, 0, ""},
        {"INCR", "counter", NULL, 0, REDIS_REPLY_INTEGER, 1, ""},
        {"KEYS", "none*", NULL, 0, REDIS_REPLY_ARRAY, 0, ""},
        {"INCR", "key", NULL, ERR_INTERNAL, REDIS_REPLY_ERROR, 0, "ERR value is not an integer or out of range"},
        {"NONSENSE", NULL, NULL, ERR_INTERNAL, REDIS_REPLY_ERROR, 0, "ERR unknown command 'NONSENSE', with args "},
    };
    (void)state;
    open_direct();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call call = {.err = 1};
        start(&call, 0, cases[i].name, cases[i].a, cases[i].b);
        assert_int_equal(await(&call), cases[i].err);
        assert_int_equal(call.type, cases[i].type);
        assert_int_equal(call.integer, cases[i].integer);
        assert_int_equal(strncmp(call.text, cases[i].text, strlen(cases[i].text)), 0);
    }
    assert_int_equal(n_ready, 1);
    close_client();
}

static void the_listener_hears_of_a_connection_that_is_there(void **state)
{
    (void)state;
    open_direct();
    loop_run_for(&loop, 10);
    assert_int_equal(n_ready, 1);
    redis_client_on_ready(client, on_ready, NULL);
    assert_int_equal(n_ready, 1);
    loop_run_for(&loop, 10);
    assert_int_equal(n_ready, 2);
    close_client();
}

static void passwords(void **state)
{
    static const struct {
        const char *password;
        bool ready;
    } cases[] = {{"secret", true}, {"wrong", false}, {NULL, false}};
    const struct config_endpoint at = {.socket = locked_server.socket};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_at(&at, cases[i].password);
        loop_run_for(&loop, 150);
        assert_int_equal(redis_client_is_ready(client), cases[i].ready);
        assert_int_equal(ping(), cases[i].ready ? 0 : ERR_UNAVAILABLE);
        close_client();
    }
}

static void too_many_in_flight(void **state)
{
    struct call *calls = calloc(REDIS_IN_FLIGHT_MAX + 1, sizeof *calls);
    (void)state;

    open_direct();
    for (unsigned i = 0; i <= REDIS_IN_FLIGHT_MAX; i++)
        start(&calls[i], 3000, "PING", NULL, NULL);
    assert_int_equal(await(&calls[REDIS_IN_FLIGHT_MAX]), ERR_BUSY);
    for (unsigned i = 0; i < REDIS_IN_FLIGHT_MAX; i++)
        assert_int_equal(await(&calls[i]), 0);
    assert_int_equal(ping(), 0); /* there is room again */
    close_client();
    free(calls);
}

static void a_server_that_became_a_replica_is_left(void **state)
{
    struct call call = {.err = 1}, write = {.err = 1};
    (void)state;

    open_direct();
    start(&call, 0, "REPLICAOF", "127.0.0.1", "1");
    assert_int_equal(await(&call), 0);
    start(&write, 0, "SET", "key", "value");
    assert_int_equal(await(&write), ERR_UNAVAILABLE);
    await_ready(true);
    call = (struct call){.err = 1};
    start(&call, 0, "REPLICAOF", "NO", "ONE");
    assert_int_equal(await(&call), 0);
    assert_int_equal(n_ready, 2);
    close_client();
}

/* --- peers that misbehave --- */

static void nobody_listens(void **state)
{
    const struct config_endpoint places[] = {
        {.socket = "/tmp/dp-no-such-socket"},
        {.host = "127.0.0.1", .port = fault_proxy_refused_port()},
    };
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        open_at(&places[i], NULL);
        assert_int_equal(ping(), ERR_UNAVAILABLE);
        loop_run_for(&loop, 200); /* several attempts */
        assert_int_equal(ping(), ERR_UNAVAILABLE);
        assert_int_equal(n_ready, 0);
        close_client();
    }
}

static void a_port_where_redis_appears_later(void **state)
{
    struct fault_proxy *proxy = fault_proxy_new(server.socket);
    const struct config_endpoint at = {.host = "127.0.0.1", .port = fault_proxy_port(proxy)};
    (void)state;

    for (enum fault fault = FAULT_RESET; fault < FAULT_COUNT; fault++) {
        print_message("         %s\n", fault_names[fault]);
        fault_proxy_set(proxy, fault);
        open_at(&at, NULL);
        loop_run_for(&loop, 100);
        assert_int_equal(ping(), ERR_UNAVAILABLE);
        fault_proxy_set(proxy, FAULT_NONE);
        await_ready(true);
        assert_int_equal(ping(), 0);
        close_client();
    }
    fault_proxy_free(proxy);
}

static void commands_in_flight_end_when_the_peer_fails(void **state)
{
    static const int errors[FAULT_COUNT] = {
        [FAULT_RESET] = ERR_UNAVAILABLE,
        [FAULT_HALF_CLOSE] = ERR_UNAVAILABLE,
        [FAULT_SILENT] = ERR_TIMEOUT,
        [FAULT_GARBAGE] = ERR_UNAVAILABLE,
    };
    struct fault_proxy *proxy = fault_proxy_new(server.socket);
    const struct config_endpoint at = {.host = "127.0.0.1", .port = fault_proxy_port(proxy)};
    (void)state;

    for (enum fault fault = FAULT_RESET; fault < FAULT_COUNT; fault++) {
        struct call calls[3] = {{.err = 1}, {.err = 1}, {.err = 1}};
        print_message("         %s\n", fault_names[fault]);
        open_at(&at, NULL);
        await_ready(true);
        fault_proxy_set(proxy, fault);
        start(&calls[0], 0, "INCR", "counter", NULL);
        start(&calls[1], 0, "INCR", "counter", NULL);
        start(&calls[2], 0, "INCR", "counter", NULL);
        for (int i = 0; i < 3; i++)
            assert_int_equal(await(&calls[i]), errors[fault]);
        assert_false(redis_client_is_ready(client));
        fault_proxy_set(proxy, FAULT_NONE);
        await_ready(true);
        assert_int_equal(ping(), 0);
        assert_int_equal(n_ready, 2);
        close_client();
    }
    fault_proxy_free(proxy);
}

/* The command whose time is over says so; the one behind it had time left and lost its connection. */
static void a_hanging_server(void **state)
{
    struct call slow = {.err = 1}, patient = {.err = 1};
    (void)state;

    open_direct();
    private_server_pause(&server);
    uint64_t began = uv_hrtime();
    start(&patient, 30000, "PING", NULL, NULL);
    start(&slow, 100, "PING", NULL, NULL);
    assert_int_equal(await(&slow), ERR_TIMEOUT);
    assert_int_equal(await(&patient), ERR_UNAVAILABLE);
    assert_in_range((uv_hrtime() - began) / 1000000, 90, 20000);
    loop_run_for(&loop, 2 * TIMEOUT_MS); /* it accepts but does not greet */
    assert_int_equal(n_ready, 1);
    private_server_resume(&server);
    await_ready(true);
    assert_int_equal(ping(), 0);
    close_client();
}

static void a_server_that_stops_and_starts_again(void **state)
{
    static const int signals[] = {SIGTERM, SIGKILL};
    (void)state;
    open_direct();
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        private_server_stop(&server, signals[i]);
        await_ready(false); /* known without any command */
        assert_int_equal(ping(), ERR_UNAVAILABLE);
        private_server_start_again(&server);
        await_ready(true);
        assert_int_equal(ping(), 0);
    }
    close_client();
}

/* --- the end --- */

static void closing_cancels_what_is_in_flight(void **state)
{
    struct call calls[2] = {{.err = 1}, {.err = 1}}, late = {.err = 1};
    (void)state;

    open_direct();
    start(&calls[0], 0, "PING", NULL, NULL);
    start(&calls[1], 0, "PING", NULL, NULL);
    redis_client_close(client, on_closed, NULL);
    start(&late, 0, "PING", NULL, NULL);
    client = NULL;
    assert_int_equal(calls[0].n_calls + calls[1].n_calls + n_closed, 0);
    assert_int_equal(await(&calls[0]), ERR_CANCELLED);
    assert_int_equal(await(&calls[1]), ERR_CANCELLED);
    assert_int_equal(await(&late), ERR_CANCELLED);
    close_client();
}

static void closing_at_every_point_of_connecting(void **state)
{
    const struct config_endpoint at = {.socket = server.socket};
    (void)state;
    for (unsigned turns = 0; turns < 10; turns++) {
        open_at(&at, NULL);
        for (unsigned i = 0; i < turns; i++)
            uv_run(&loop, UV_RUN_NOWAIT);
        close_client();
    }
}

static void closing_in_a_callback(void **state)
{
    struct call last = {.err = 1}, behind = {.err = 1}, in_callback = {.err = 1};
    (void)state;

    open_direct();
    start(&last, 0, "PING", NULL, NULL);
    start(&behind, 0, "PING", NULL, NULL);
    last.closes = true;
    assert_int_equal(await(&last), 0);
    assert_int_equal(await(&behind), ERR_CANCELLED);
    close_client();

    open_direct();
    last = (struct call){.then = &in_callback};
    start(&last, 0, "PING", NULL, NULL);
    assert_int_equal(await(&in_callback), 0);
    close_client();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_of_every_kind),
        cmocka_unit_test(the_listener_hears_of_a_connection_that_is_there),
        cmocka_unit_test(passwords),
        cmocka_unit_test(too_many_in_flight),
        cmocka_unit_test(a_server_that_became_a_replica_is_left),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(a_port_where_redis_appears_later),
        cmocka_unit_test(commands_in_flight_end_when_the_peer_fails),
        cmocka_unit_test(a_hanging_server),
        cmocka_unit_test(a_server_that_stops_and_starts_again),
        cmocka_unit_test(closing_cancels_what_is_in_flight),
        cmocka_unit_test(closing_at_every_point_of_connecting),
        cmocka_unit_test(closing_in_a_callback),
    };
    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
