/* event_queue against a real Redis: what stands in the stream, what is durable, what WAIT says. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "loop/fault_proxy.h"
#include "loop/loop_help.h"
#include "loop/private_server.h"

#include "common/err.h"
#include "common/rand.h"
#include "server/event_queue.h"

enum { TIMEOUT_MS = 300, PATIENCE_MS = 20000 };

struct call {
    bool has_returned;
    unsigned n_calls;
    int err;
    bool closes;
};

static struct private_server server;
static redisContext *admin;
static uv_loop_t loop;
static struct event_queue *queue;
static unsigned n_closed;

static void start_server(const char *appendfsync)
{
    private_server_start_redis(&server, appendfsync, NULL);
    admin = redisConnectUnix(server.socket);
    assert_int_equal(admin->err, 0);
}

static int start_durable(void **state)
{
    (void)state;
    rand_init();
    start_server("always");
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    redisFree(admin);
    private_server_done(&server);
    return 0;
}

static void on_closed(void *data)
{
    (void)data;
    n_closed++;
}

static bool is_ready(void *data)
{
    return event_queue_is_ready(queue) == *(const bool *)data;
}

static void await_ready(bool ready)
{
    assert_true(loop_run_until(&loop, is_ready, &ready, 20000));
}

static void open_queue(const struct config_endpoint *at, unsigned replicas, enum config_durability durability)
{
    struct config config = {0};
    config.redis.events = *at;
    config.redis.timeout_ms = TIMEOUT_MS;
    config.redis.wait_replicas = replicas;
    config.redis.durability = durability;
    n_closed = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    queue = event_queue_new(&loop, &config);
}

static void open_direct(unsigned replicas, enum config_durability durability)
{
    const struct config_endpoint at = {.socket = server.socket};
    open_queue(&at, replicas, durability);
    await_ready(true);
    loop_run_for(&loop, 30); /* the checks are answered */
}

static void close_queue(void)
{
    if (queue)
        event_queue_close(queue, on_closed, NULL);
    queue = NULL;
    loop_finish(&loop);
    assert_int_equal(n_closed, 1);
}

static void done(void *data, int err)
{
    struct call *call = data;
    assert_true(call->has_returned);
    call->n_calls++;
    call->err = err;
    if (call->closes) {
        event_queue_close(queue, on_closed, NULL);
        queue = NULL;
    }
}

static void start_for(struct call *call, unsigned timeout_ms)
{
    /* The queue copies: the event is gone when it is sent. */
    char raw[] = "siret=00000000000001-01&montant=158.50&etat=1";
    struct event event = {
        .kind = EVENT_BANK_NOTIFICATION,
        .at_us = 1795000000000000,
        .gateway = STR("spplus"),
        .raw = str_from(raw),
        .ip = STR("192.0.2.1"),
    };
    event_id_random(event.id);
    event_queue_push(queue, &event, timeout_ms, done, call);
    memset(raw, 'X', sizeof raw);
    assert_int_equal(call->n_calls, 0);
    call->has_returned = true;
}

static void start(struct call *call)
{
    start_for(call, TIMEOUT_MS);
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

static int push(void)
{
    struct call call = {.err = 1};
    start(&call);
    return await(&call);
}

static redisReply *ask(const char *command)
{
    redisReply *reply = redisCommand(admin, command);
    assert_non_null(reply);
    return reply;
}

static long long ask_number(const char *command)
{
    redisReply *reply = ask(command);
    long long number = reply->integer;
    freeReplyObject(reply);
    return number;
}

static void tell(const char *command)
{
    redisReply *reply = ask(command);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

/* --- a healthy Redis --- */

static void an_event_stands_in_the_stream(void **state)
{
    (void)state;
    tell("FLUSHALL");
    open_direct(0, CONFIG_DURABILITY_WARN);
    assert_int_equal(push(), 0);
    redisReply *entries = ask("XRANGE " EVENT_STREAM " - +");
    assert_int_equal(entries->elements, 1);
    const redisReply *texts = entries->element[0]->element[1];
    struct str fields[2 * EVENT_FIELDS_MAX];
    struct event event;
    for (size_t i = 0; i < texts->elements; i++)
        fields[i] = str_slice(texts->element[i]->str, texts->element[i]->len);
    assert_int_equal(event_from_fields(fields, texts->elements, &event), 0);
    assert_int_equal(event.kind, EVENT_BANK_NOTIFICATION);
    assert_true(str_eq_text(event.raw, "siret=00000000000001-01&montant=158.50&etat=1"));
    freeReplyObject(entries);
    assert_int_equal(ask_number("DBSIZE"), 1); /* nothing else was made, no consumer group either */
    redisReply *groups = ask("XINFO GROUPS " EVENT_STREAM);
    assert_int_equal(groups->elements, 0);
    freeReplyObject(groups);
    close_queue();
}

static void durability_is_looked_at_each_time_it_connects(void **state)
{
    static const struct {
        const char *change, *back;
    } cases[] = {
        {"CONFIG SET appendonly no", "CONFIG SET appendonly yes"},
        {"CONFIG SET appendfsync everysec", "CONFIG SET appendfsync always"},
        {"CONFIG SET maxmemory-policy allkeys-lru", "CONFIG SET maxmemory-policy noeviction"},
    };
    (void)state;
    open_direct(0, CONFIG_DURABILITY_WARN);
    assert_true(event_queue_is_durable(queue));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tell(cases[i].change);
        tell("CLIENT KILL TYPE normal SKIPME yes");
        await_ready(false);
        assert_false(event_queue_is_durable(queue));
        await_ready(true);
        loop_run_for(&loop, 30);
        assert_false(event_queue_is_durable(queue));
        assert_int_equal(push(), 0); /* a warning was asked for, no more */
        tell(cases[i].back);
    }
    close_queue();
}

static void a_forgetful_redis_is_refused_if_asked(void **state)
{
    const struct config_endpoint at = {.socket = server.socket};
    (void)state;

    tell("CONFIG SET appendfsync everysec");
    open_queue(&at, 0, CONFIG_DURABILITY_REFUSE);
    loop_run_for(&loop, 100);
    assert_false(event_queue_is_ready(queue));
    assert_false(event_queue_is_durable(queue));
    assert_int_equal(push(), ERR_UNAVAILABLE);
    tell("CONFIG SET appendfsync always");
    tell("CLIENT KILL TYPE normal SKIPME yes");
    await_ready(true);
    loop_run_for(&loop, 30);
    assert_true(event_queue_is_durable(queue));
    assert_int_equal(push(), 0);
    close_queue();
}

static void a_redis_that_does_not_tell_is_unknown(void **state)
{
    (void)state;
    tell("ACL SETUSER default -config");
    open_direct(0, CONFIG_DURABILITY_REFUSE);
    assert_true(event_queue_is_ready(queue));
    assert_false(event_queue_is_durable(queue));
    assert_int_equal(push(), 0);
    close_queue();
    tell("ACL SETUSER default +config");
}

/* --- replicas --- */

static void without_its_replica_a_push_is_not_confirmed(void **state)
{
    struct call calls[5] = {{.err = 1}, {.err = 1}, {.err = 1}, {.err = 1}, {.err = 1}};
    (void)state;

    tell("FLUSHALL");
    open_direct(1, CONFIG_DURABILITY_WARN);
    uint64_t began = uv_hrtime();
    start_for(&calls[0], 0); /* the configured time */
    for (int i = 1; i < 5; i++)
        start(&calls[i]);
    for (int i = 0; i < 5; i++)
        assert_int_equal(await(&calls[i]), ERR_TIMEOUT);
    assert_true((uv_hrtime() - began) / 1000000 >= 90);
    /* Five pushes share two WAITs of a third of the time each (which Redis rounds up to its next tick, 100 ms); five
     * WAITs would take longer than the time, and the connection with them. */
    assert_true(event_queue_is_ready(queue));
    assert_int_equal(ask_number("XLEN " EVENT_STREAM), 5);
    close_queue();
}

static bool has_replica(void *data)
{
    redisReply *reply = ask("INFO replication");
    bool has = strstr(reply->str, "state=online") != NULL;
    (void)data;
    freeReplyObject(reply);
    return has;
}

static void with_its_replica_a_push_is_confirmed(void **state)
{
    struct private_server replica;
    struct fault_proxy *proxy = fault_proxy_new(server.socket);
    redisContext *replica_admin;
    (void)state;

    private_server_start_redis(&replica, "always", NULL);
    replica_admin = redisConnectUnix(replica.socket);
    freeReplyObject(redisCommand(replica_admin, "REPLICAOF 127.0.0.1 %u", fault_proxy_port(proxy)));
    tell("CONFIG SET repl-diskless-sync-delay 0");
    open_direct(1, CONFIG_DURABILITY_WARN);
    assert_true(loop_run_until(&loop, has_replica, NULL, 20000));
    struct call calls[3] = {{.err = 1}, {.err = 1}, {.err = 1}};
    for (unsigned i = 0; i < 3; i++)
        start_for(&calls[i], PATIENCE_MS); /* a replica on a loaded machine takes its time */
    for (int i = 0; i < 3; i++)
        assert_int_equal(await(&calls[i]), 0);
    close_queue();
    redisFree(replica_admin);
    private_server_done(&replica);
    fault_proxy_free(proxy);
}

/* --- failures --- */

static void a_redis_that_refuses_the_write(void **state)
{
    (void)state;
    tell("SET " EVENT_STREAM " not-a-stream");
    for (unsigned replicas = 0; replicas < 2; replicas++) {
        open_direct(replicas, CONFIG_DURABILITY_WARN);
        assert_int_equal(push(), ERR_INTERNAL);
        close_queue();
    }
    tell("DEL " EVENT_STREAM);
}

static void a_peer_that_fails(void **state)
{
    struct fault_proxy *proxy = fault_proxy_new(server.socket);
    const struct config_endpoint at = {.host = "127.0.0.1", .port = fault_proxy_port(proxy)};
    (void)state;

    for (unsigned replicas = 0; replicas < 2; replicas++) {
        for (enum fault fault = FAULT_RESET; fault < FAULT_COUNT; fault++) {
            struct call calls[3] = {{.err = 1}, {.err = 1}, {.err = 1}};
            open_queue(&at, replicas, CONFIG_DURABILITY_WARN);
            assert_int_equal(push(), ERR_UNAVAILABLE); /* not connected yet */
            await_ready(true);
            loop_run_for(&loop, 30);
            fault_proxy_set(proxy, fault);
            for (int i = 0; i < 3; i++)
                start(&calls[i]);
            for (int i = 0; i < 3; i++)
                assert_int_equal(await(&calls[i]), fault == FAULT_SILENT ? ERR_TIMEOUT : ERR_UNAVAILABLE);
            fault_proxy_set(proxy, FAULT_NONE);
            await_ready(true);
            assert_int_equal(push(), replicas ? ERR_TIMEOUT : 0);
            close_queue();
        }
    }
    fault_proxy_free(proxy);
}

static void closing_ends_what_is_under_way(void **state)
{
    (void)state;
    for (unsigned replicas = 0; replicas < 2; replicas++) {
        struct call calls[3] = {{.err = 1}, {.err = 1}, {.err = 1}}, closer = {.err = 1};
        open_direct(replicas, CONFIG_DURABILITY_WARN);
        for (int i = 0; i < 3; i++)
            start(&calls[i]);
        event_queue_close(queue, on_closed, NULL);
        queue = NULL;
        for (int i = 0; i < 3; i++)
            assert_int_equal(await(&calls[i]), ERR_CANCELLED);
        close_queue();

        open_direct(replicas, CONFIG_DURABILITY_WARN);
        closer.closes = true;
        start(&closer);
        assert_int_equal(await(&closer), replicas ? ERR_TIMEOUT : 0);
        close_queue();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_stands_in_the_stream),
        cmocka_unit_test(durability_is_looked_at_each_time_it_connects),
        cmocka_unit_test(a_forgetful_redis_is_refused_if_asked),
        cmocka_unit_test(a_redis_that_does_not_tell_is_unknown),
        cmocka_unit_test(without_its_replica_a_push_is_not_confirmed),
        cmocka_unit_test(with_its_replica_a_push_is_confirmed),
        cmocka_unit_test(a_redis_that_refuses_the_write),
        cmocka_unit_test(a_peer_that_fails),
        cmocka_unit_test(closing_ends_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, start_durable, stop_server);
}
