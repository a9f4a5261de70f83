/* shared_rate against a real Redis, asked by two servers. */
#include <stdlib.h>
#include <string.h>

#include "loop/redis_pair.h"

#include "common/rand.h"
#include "server/session.h"
#include "server/shared_rate.h"

enum { RATE = 20, BURST = 30 };

struct call {
    bool has_returned;
    unsigned n_calls;
    bool is_allowed;
};

static struct arena arena;

static int open_all(void **state)
{
    arena_init(&arena, 1 << 20);
    return pair_open(state);
}

static int close_all(void **state)
{
    arena_done(&arena);
    return pair_close(state);
}

static void done(void *data, bool is_allowed)
{
    struct call *call = data;
    assert_true(call->has_returned);
    call->n_calls++;
    call->is_allowed = is_allowed;
}

static bool is_done(void *data)
{
    return ((struct call *)data)->n_calls > 0;
}

static bool take(unsigned at, const char *client, unsigned per_second, unsigned burst)
{
    struct call call = {0};
    shared_rate_take(clients[at], &arena, str_from(client), per_second, burst, done, &call);
    call.has_returned = true;
    assert_true(loop_run_until(&loop, is_done, &call, 20000));
    assert_int_equal(call.n_calls, 1);
    return call.is_allowed;
}

/* How many of so many requests, to one server and the other in turn, may go on. */
static unsigned take_many(unsigned n, const char *client, unsigned per_second, unsigned burst)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < n; i++)
        taken += take(i % PAIR_CLIENTS, client, per_second, burst);
    return taken;
}

static void the_burst_is_shared_by_both_servers(void **state)
{
    (void)state;
    /* one a second: no more than one or two come back while this runs */
    assert_in_range(take_many(3 * BURST, "192.0.2.1", 1, BURST), BURST, BURST + 2);
    assert_int_equal(take_many(BURST, "192.0.2.2", 1, BURST), BURST);
    assert_int_equal(take_many(1, "192.0.2.3", 1, 1), 1);
}

static void a_bucket_fills_up_again(void **state)
{
    (void)state;
    assert_in_range(take_many(2 * BURST, "192.0.2.1", RATE, BURST), BURST, BURST + 5);
    loop_run_for(&loop, 500);
    assert_in_range(take_many(2 * BURST, "192.0.2.1", RATE, BURST), RATE / 2, RATE / 2 + 5);
}

/* No key outlives its bucket being full, and a full one is no larger than the burst. */
static void keys_expire_when_the_bucket_is_full(void **state)
{
    static const struct {
        unsigned per_second, burst, taken;
        long long ttl_ms;
    } cases[] = {{20, 300, 1, 50}, {20, 300, 10, 500}, {1, 300, 300, 300000}, {100000, 1000000, 1, 1}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        take_many(cases[i].taken, "192.0.2.1", cases[i].per_second, cases[i].burst);
        long long ttl_ms = pair_ask("PTTL dp:rate:192.0.2.1");
        assert_true(ttl_ms <= cases[i].ttl_ms);
        assert_true(ttl_ms >= cases[i].ttl_ms - 2000 || ttl_ms == -2);
        pair_ask("FLUSHALL");
    }
    take(0, "192.0.2.1", RATE, BURST);
    loop_run_for(&loop, 100);
    assert_int_equal(pair_ask("EXISTS dp:rate:192.0.2.1"), 0);
}

static long long size_of_log(void)
{
    redisReply *reply = redisCommand(admin, "INFO persistence");
    const char *at = strstr(reply->str, "aof_current_size:");
    long long size;

    assert_non_null(at);
    size = strtoll(strchr(at, ':') + 1, NULL, 10);
    assert_true(size > 0);
    freeReplyObject(reply);
    return size;
}

static void nothing_is_written_to_disk(void **state)
{
    long long before = size_of_log();
    (void)state;
    assert_int_equal(take_many(BURST, "192.0.2.1", 1, BURST), BURST);
    assert_int_equal(size_of_log(), before);
}

static void session_loaded(void *data, int err, struct session *session)
{
    (void)session;
    assert_int_not_equal(err, 0);
    assert_int_equal(((struct call *)data)->n_calls, 1); /* the bucket's answer was there first */
    ((struct call *)data)->n_calls++;
}

static bool are_both_done(void *data)
{
    return ((struct call *)data)->n_calls == 2;
}

static void the_answer_comes_before_those_behind_it(void **state)
{
    const struct config config = {.security = {.session_idle_s = 60, .session_absolute_s = 60}};
    struct session_store *store = session_store_new(clients[0], &config);
    struct call call = {.has_returned = true};
    (void)state;

    shared_rate_take(clients[0], &arena, STR("192.0.2.1"), RATE, BURST, done, &call);
    session_load(store, &arena, STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), session_loaded, &call);
    assert_true(loop_run_until(&loop, are_both_done, &call, 20000));
    session_store_free(store);
}

static void without_redis_everybody_may_go_on(void **state)
{
    (void)state;
    pair_ask("LPUSH dp:rate:192.0.2.1 text");
    assert_true(take(0, "192.0.2.1", 1, 1)); /* WRONGTYPE */
    assert_true(take(0, "192.0.2.2", 1, 1));
    assert_false(take(0, "192.0.2.2", 1, 1));
    private_server_pause(&server);
    assert_int_equal(take_many(4, "192.0.2.2", 1, 1), 4);
    private_server_resume(&server);
    assert_true(loop_run_until(&loop, pair_is_ready, NULL, 20000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_burst_is_shared_by_both_servers, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_bucket_fills_up_again, open_all, close_all),
        cmocka_unit_test_setup_teardown(keys_expire_when_the_bucket_is_full, open_all, close_all),
        cmocka_unit_test_setup_teardown(nothing_is_written_to_disk, open_all, close_all),
        cmocka_unit_test_setup_teardown(the_answer_comes_before_those_behind_it, open_all, close_all),
        cmocka_unit_test_setup_teardown(without_redis_everybody_may_go_on, open_all, close_all),
    };
    rand_init();
    return cmocka_run_group_tests(tests, pair_start_server, pair_stop_server);
}
