/* stream: the consumer group on a real Redis that is emptied, stopped, paused and tampered with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/event.h"
#include "common/log.h"
#include "loop/private_server.h"
#include "worker/stream.h"

enum { ARENA_MAX = 8 << 20, TIMEOUT_MS = 400, PATIENCE_MS = 20000, READ_MAX = 100 };

static struct private_server server;
static struct config config;
static struct arena arena;

__attribute__((format(printf, 1, 2))) static long long redis(const char *format, ...)
{
    va_list args;
    redisContext *context = redisConnectUnix(server.socket);
    va_start(args, format);
    redisReply *reply = redisvCommand(context, format, args);
    va_end(args);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    long long number = reply->type == REDIS_REPLY_INTEGER ? reply->integer : (long long)reply->elements;
    freeReplyObject(reply);
    redisFree(context);
    return number;
}

static void add(const char *id)
{
    redis("XADD " EVENT_STREAM " %s v 1 raw a=b", id);
}

static struct stream_entries read_new(struct stream *stream)
{
    struct stream_entries entries;
    assert_int_equal(stream_read_new(stream, READ_MAX, 20, &arena, &entries), 0);
    return entries;
}

static struct stream_entries read_own(struct stream *stream)
{
    struct stream_entries entries;
    assert_int_equal(stream_read_own(stream, STR("0"), READ_MAX, &arena, &entries), 0);
    return entries;
}

static void ack(struct stream *stream, const struct stream_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        assert_int_equal(stream_ack(stream, &entries->items[i].id, 1), 0);
}

static int set_up(void **state)
{
    redis("DEL " EVENT_STREAM);
    *state = stream_new(&config, "first");
    return 0;
}

static int tear_down(void **state)
{
    stream_free(*state);
    return 0;
}

static void reads_from_the_beginning(void **state)
{
    struct stream *stream = *state;
    add("1000-1"); /* before there is a group */
    add("1000-2");
    struct stream_entries entries = read_new(stream);
    assert_int_equal(entries.count, 2);
    assert_true(str_eq(entries.items[0].id, STR("1000-1")));
    assert_int_equal(entries.items[0].n_fields, 4);
    assert_true(str_eq(entries.items[0].fields[3], STR("a=b")));
    assert_int_equal(read_new(stream).count, 0);
    assert_int_equal(read_own(stream).count, 2);
    ack(stream, &entries);
    assert_int_equal(read_own(stream).count, 0);
    assert_true(stream_connected(stream));
}

/* Fields that are long, or many: more than any event has. The arena of these tests would not hold them. */
static void entries_too_long(void **state)
{
    struct stream *stream = *state;
    redis("EVAL %s 1 " EVENT_STREAM,
          "redis.call('XADD', KEYS[1], '1000-1', 'raw', string.rep('x', 12000000)) "
          "local f = {} for i = 1, 7900 do f[i] = 'x' end "
          "for i = 1, 50 do redis.call('XADD', KEYS[1], '1001-' .. i, unpack(f)) end return 1");
    add("1002-1");
    struct stream_entries entries = read_new(stream);
    assert_int_equal(entries.count, 52);
    for (size_t i = 0; i < 51; i++) {
        assert_int_equal(entries.items[i].n_fields, 2);
        assert_true(str_eq_text(entries.items[i].fields[0], "bytes"));
    }
    assert_true(str_eq(entries.items[51].fields[3], STR("a=b")));
    ack(stream, &entries);
}

static void group_and_stream_destroyed(void **state)
{
    struct stream *stream = *state;
    int64_t pending = 7, undelivered = 7;
    assert_int_equal(stream_lag(stream, &pending, &undelivered), 0); /* not even a stream */
    assert_int_equal(pending, 0);
    add("1000-1");
    struct stream_entries entries = read_new(stream);
    redis("XGROUP DESTROY " EVENT_STREAM " " EVENT_GROUP);
    assert_int_equal(stream_ack(stream, &entries.items[0].id, 1), 0);
    assert_int_equal(read_new(stream).count, 1); /* again: the inbox knows it */
    redis("DEL " EVENT_STREAM);
    assert_int_equal(read_new(stream).count, 0);
    add("1000-2");
    assert_int_equal(read_new(stream).count, 1);
    assert_int_equal(stream_lag(stream, &pending, &undelivered), 0);
    assert_int_equal(pending, 1);
    assert_int_equal(undelivered, 0);
}

static void takes_over(void **state)
{
    struct stream *stream = *state, *dead = stream_new(&config, "dead");
    char cursor[STREAM_ID_SIZE] = "0-0";
    struct stream_entries entries;
    for (int i = 1; i <= 4; i++) {
        char id[24];
        snprintf(id, sizeof id, "1000-%d", i);
        add(id);
    }
    assert_int_equal(read_new(dead).count, 4);
    redis("XCLAIM " EVENT_STREAM " " EVENT_GROUP " dead 0 1000-3"); /* a delivery more */
    redis("XDEL " EVENT_STREAM " 1000-2");
    usleep(60000);
    assert_int_equal(stream_claim_idle(stream, 50, READ_MAX, cursor, &arena, &entries), 0);
    assert_string_equal(cursor, "0-0");
    assert_int_equal(entries.count, 3);
    assert_int_equal(entries.n_deleted, 1);
    assert_true(str_eq(entries.deleted[0], STR("1000-2")));
    assert_int_equal(entries.items[0].deliveries, 2);
    assert_int_equal(entries.items[1].deliveries, 3);
    assert_int_equal(entries.items[2].deliveries, 2);
    assert_int_equal(read_own(dead).count, 0);
    struct stream_entries none;
    assert_int_equal(stream_claim_idle(dead, 60000, READ_MAX, cursor, &arena, &none), 0);
    assert_int_equal(none.count, 0); /* not idle for long enough */
    assert_int_equal(read_own(stream).count, 3);
    stream_free(dead);
}

/* A program that comes back under the same name, over and over: each reading of its own entries is a delivery. */
static void own_entries_count_their_deliveries(void **state)
{
    struct stream *stream = *state;
    for (int i = 9; i <= 11; i++) {
        char id[24];
        snprintf(id, sizeof id, "1000-%d", i); /* "1000-9" is before "1000-10", which their texts are not */
        add(id);
    }
    assert_int_equal(read_new(stream).count, 3);
    redis("XCLAIM " EVENT_STREAM " " EVENT_GROUP " first 0 1000-10 RETRYCOUNT 7 JUSTID");
    redis("XDEL " EVENT_STREAM " 1000-9");
    struct stream_entries entries = read_own(stream);
    assert_int_equal(entries.count, 2);
    assert_int_equal(entries.n_deleted, 1);
    assert_int_equal(entries.items[0].deliveries, 8);
    assert_int_equal(entries.items[1].deliveries, 2);
    assert_int_equal(read_own(stream).items[1].deliveries, 3);
}

static void looks_from_outside_the_group(void **state)
{
    struct stream *stream = *state;
    struct stream_entries entries;
    char delivered[STREAM_ID_SIZE];
    int64_t length = -1;
    bool pending = true;
    assert_int_equal(stream_delivered(stream, delivered), 0);
    assert_string_equal(delivered, "0-0");
    add("1000-1");
    add("1000-2");
    add("1000-3");
    assert_int_equal(stream_read_new(stream, 2, 20, &arena, &entries), 0);
    assert_int_equal(stream_ack(stream, &entries.items[0].id, 1), 0);
    assert_int_equal(stream_delivered(stream, delivered), 0);
    assert_string_equal(delivered, "1000-2");
    assert_int_equal(stream_is_pending(stream, STR("1000-1"), &pending), 0);
    assert_false(pending);
    assert_int_equal(stream_is_pending(stream, STR("1000-2"), &pending), 0);
    assert_true(pending);
    assert_int_equal(stream_scan(stream, "(1000-1", "1000", 10, &arena, &entries), 0);
    assert_int_equal(entries.count, 2);
    assert_int_equal(stream_send_again(stream, &entries.items[0]), 0);
    assert_int_equal(stream_length(stream, &length), 0);
    assert_int_equal(length, 4);
    assert_int_equal(stream_scan(stream, "2000", "+", 10, &arena, &entries), 0);
    assert_int_equal(entries.count, 1);
    assert_true(str_eq(entries.items[0].fields[3], STR("a=b")));
    struct stream_entry wide = {STR("1-1"), entries.items[0].fields, 2 * EVENT_ENTRY_FIELDS_MAX + 2, 1};
    assert_int_equal(stream_send_again(stream, &wide), ERR_TOO_LARGE);
}

static void trims_only_what_is_finished(void **state)
{
    struct stream *stream = *state;
    int64_t removed = -1;
    for (int i = 1; i <= 5; i++) {
        char id[24];
        snprintf(id, sizeof id, "%d000-0", i);
        add(id);
    }
    assert_int_equal(stream_trim(stream, 9000, &removed), 0);
    assert_int_equal(removed, 0); /* nothing was delivered */
    struct stream_entries entries;
    assert_int_equal(stream_read_new(stream, 3, 20, &arena, &entries), 0);
    assert_int_equal(stream_ack(stream, &entries.items[0].id, 1), 0);
    assert_int_equal(stream_trim(stream, 9000, &removed), 0);
    assert_int_equal(removed, 1); /* the second is pending */
    ack(stream, &entries);
    assert_int_equal(stream_trim(stream, 2500, &removed), 0);
    assert_int_equal(removed, 1); /* the third is too young */
    assert_int_equal(stream_trim(stream, 9000, &removed), 0);
    assert_int_equal(removed, 0); /* up to the last delivered one, which stays */
    redis("XGROUP CREATE " EVENT_STREAM " others 0");
    assert_int_equal(stream_trim(stream, 9000, &removed), 0);
    assert_int_equal(removed, 0);
    assert_int_equal(redis("XLEN " EVENT_STREAM), 3);
}

static void consumers_that_are_gone(void **state)
{
    struct stream *stream = *state, *other = stream_new(&config, "other");
    const struct stream_consumer *consumers;
    size_t count;
    int64_t lost = -1;
    add("1000-1");
    assert_int_equal(read_new(other).count, 1);
    add("1000-2");
    struct stream_entries entries = read_new(stream);
    ack(stream, &entries);
    assert_int_equal(stream_consumers(stream, &arena, &consumers, &count), 0);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(consumers[i].pending, str_eq(consumers[i].name, STR("other")) ? 1 : 0);
    assert_int_equal(stream_delete_consumer(stream, STR("other"), &lost), 0);
    assert_int_equal(lost, 1);
    stream_free(other);
}

static void redis_comes_and_goes(void **state)
{
    struct stream *stream = *state;
    struct stream_entries entries;
    add("1000-1");
    assert_int_equal(read_new(stream).count, 1);
    private_server_pause(&server);
    int64_t begun_ms = clock_monotonic_ms();
    assert_int_equal(stream_read_new(stream, 1, 50, &arena, &entries), ERR_UNAVAILABLE);
    assert_true(clock_monotonic_ms() - begun_ms < PATIENCE_MS);
    assert_false(stream_connected(stream));
    private_server_resume(&server);
    assert_int_equal(read_own(stream).count, 1);
    private_server_stop(&server, SIGKILL);
    assert_int_equal(stream_read_new(stream, 1, 50, &arena, &entries), ERR_UNAVAILABLE);
    assert_int_equal(stream_read_new(stream, 1, 50, &arena, &entries), ERR_UNAVAILABLE);
    private_server_start_again(&server);
    assert_int_equal(read_own(stream).count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_from_the_beginning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(entries_too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(group_and_stream_destroyed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(own_entries_count_their_deliveries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(looks_from_outside_the_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trims_only_what_is_finished, set_up, tear_down),
        cmocka_unit_test_setup_teardown(consumers_that_are_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(redis_comes_and_goes, set_up, tear_down),
    };
    signal(SIGPIPE, SIG_IGN);
    log_init("test", LOG_LEVEL_ERROR);
    private_server_start_redis(&server, "always", NULL);
    config.redis.events.socket = server.socket;
    config.redis.timeout_ms = TIMEOUT_MS;
    arena_init(&arena, ARENA_MAX);
    int failed = cmocka_run_group_tests_name("stream", tests, NULL, NULL);
    arena_done(&arena);
    private_server_done(&server);
    return failed;
}
