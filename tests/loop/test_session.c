/* session against a real Redis. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/loop_help.h"
#include "loop/private_server.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/rand.h"
#include "server/session.h"

enum { IDLE_S = 1800, LONGEST_S = IDLE_S + IDLE_S / 64, ABSOLUTE_S = 43200, TIMEOUT_MS = 300 };

struct call {
    bool has_returned;
    unsigned n_calls;
    int err;
    struct session *session;
};

static struct private_server server;
static redisContext *admin;
static uv_loop_t loop;
static struct redis_client *client;
static struct session_store *store;
static struct arena arena;
static unsigned n_closed;

static int start_server(void **state)
{
    (void)state;
    rand_init();
    private_server_start_redis(&server, "always", NULL);
    admin = redisConnectUnix(server.socket);
    return admin->err;
}

static int stop_server(void **state)
{
    (void)state;
    redisFree(admin);
    private_server_done(&server);
    return 0;
}

static long long ask(const char *format, ...)
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

static void on_closed(void *data)
{
    (void)data;
    n_closed++;
}

static bool is_ready(void *data)
{
    (void)data;
    return redis_client_is_ready(client);
}

static int open_store(void **state)
{
    const struct config_endpoint at = {.socket = server.socket};
    struct config config = {.security = {.session_idle_s = IDLE_S, .session_absolute_s = ABSOLUTE_S}};
    (void)state;

    ask("FLUSHALL");
    n_closed = 0;
    arena_init(&arena, 1 << 20);
    assert_int_equal(uv_loop_init(&loop), 0);
    client = redis_client_new(&loop, "sessions", &at, NULL, TIMEOUT_MS);
    store = session_store_new(client, &config);
    assert_true(loop_run_until(&loop, is_ready, NULL, 20000));
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    redis_client_close(client, on_closed, NULL);
    loop_finish(&loop);
    assert_int_equal(n_closed, 1);
    session_store_free(store);
    arena_done(&arena);
    return 0;
}

static void done(void *data, int err, struct session *session)
{
    struct call *call = data;
    assert_true(call->has_returned);
    call->n_calls++;
    call->err = err;
    call->session = session;
}

static bool is_done(void *data)
{
    return ((struct call *)data)->n_calls > 0;
}

static int await(struct call *call)
{
    assert_int_equal(call->n_calls, 0);
    call->has_returned = true;
    assert_true(loop_run_until(&loop, is_done, call, 20000));
    assert_int_equal(call->n_calls, 1);
    return call->err;
}

static struct session *create(int64_t user_id, bool must_change_password)
{
    struct session values = {.user_id = user_id, .school_id = 7, .must_change_password = must_change_password};
    struct call call = {.err = 1};
    session_mark_password(&values, STR("abc"));
    session_create(store, &arena, &values, done, &call);
    assert_int_equal(await(&call), 0);
    return call.session;
}

static int load(const char *cookie, struct session **ret_session)
{
    struct call call = {.err = 1};
    session_load(store, &arena, str_from(cookie), done, &call);
    int err = await(&call);
    assert_true((call.session != NULL) == (err == 0));
    if (ret_session)
        *ret_session = call.session;
    return err;
}

static int destroy(const char *cookie)
{
    struct call call = {.err = 1};
    session_destroy(store, &arena, str_from(cookie), done, &call);
    int err = await(&call);
    assert_null(call.session);
    return err;
}

static int destroy_others(int64_t user_id, struct str keep)
{
    struct call call = {.err = 1};
    session_destroy_others(store, &arena, user_id, keep, done, &call);
    int err = await(&call);
    assert_null(call.session);
    return err;
}

/* A number of INFO's. */
static long long redis_number(const char *name)
{
    redisReply *reply = redisCommand(admin, "INFO");
    const char *at = strstr(reply->str, name);
    long long number;

    assert_non_null(at);
    number = atoll(at + strlen(name) + 1);
    freeReplyObject(reply);
    return number;
}

/* The only session's key. */
static void session_key(char key[96])
{
    redisReply *reply = redisCommand(admin, "KEYS dp:session:*");
    assert_int_equal(reply->elements, 1);
    snprintf(key, 96, "%s", reply->element[0]->str);
    freeReplyObject(reply);
}

/* --- life --- */

static void a_session_comes_back_as_it_was_made(void **state)
{
    (void)state;
    for (int change = 0; change < 2; change++) {
        struct session *made = create(41 + change, change), *found;
        assert_int_equal(load(made->cookie, &found), 0);
        assert_string_equal(found->cookie, made->cookie);
        assert_int_equal(found->user_id, 41 + change);
        assert_int_equal(found->school_id, 7);
        assert_int_equal(found->must_change_password, change);
        assert_int_equal(found->created_us, made->created_us);
        assert_string_equal(found->password_mark, "ba7816bf8f01cfea"); /* of SHA-256("abc"), FIPS 180-4 */
        assert_in_range(found->created_us, clock_now_us() - CLOCK_MINUTE_US, clock_now_us());
    }
}

static void redis_never_sees_the_cookie(void **state)
{
    struct session *made = create(1, false);
    char key[96];
    (void)state;

    session_key(key);
    assert_int_equal(strlen(key), strlen("dp:session:") + 64);
    assert_null(strstr(key, made->cookie));
    assert_int_equal(ask("SISMEMBER dp:user-sessions:1 %s", key + strlen("dp:session:")), 1);
}

static void what_is_no_session_is_not_found(void **state)
{
    static const char *const cookies[] = {
        "",
        "x",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA*",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cookies / sizeof cookies[0]; i++) {
        assert_int_equal(load(cookies[i], NULL), ERR_NOT_FOUND);
        assert_int_equal(destroy(cookies[i]), 0);
    }
    assert_int_equal(load(NULL, NULL), ERR_NOT_FOUND);
    assert_int_equal(ask("DBSIZE"), 0);
}

static void loading_extends_the_idle_time(void **state)
{
    struct session *made = create(1, false);
    char key[96];
    (void)state;

    session_key(key);
    assert_in_range(ask("TTL %s", key), IDLE_S - 5, IDLE_S);
    assert_in_range(ask("TTL dp:user-sessions:1"), ABSOLUTE_S - 5, ABSOLUTE_S);
    ask("EXPIRE %s 10", key);
    assert_int_equal(load(made->cookie, NULL), 0);
    assert_in_range(ask("TTL %s", key), LONGEST_S - 5, LONGEST_S);
    ask("PEXPIRE %s 1", key);
    loop_run_for(&loop, 20);
    assert_int_equal(load(made->cookie, NULL), ERR_NOT_FOUND);
}

/* Each extension is a write that Redis syncs: pages in quick succession need one. */
static void what_lives_long_enough_is_left_alone(void **state)
{
    static const struct {
        long long life_s;
        bool is_extended;
    } cases[] = {{IDLE_S - 1, true},    {IDLE_S + 5, false}, {LONGEST_S, false},
                 {LONGEST_S + 1, true}, {ABSOLUTE_S, true},  {-1 /* for ever */, true}};
    struct session *made = create(1, false);
    char key[96];
    (void)state;

    session_key(key);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].life_s < 0)
            ask("PERSIST %s", key);
        else
            ask("EXPIRE %s %lld", key, cases[i].life_s);
        long long expected = cases[i].is_extended ? LONGEST_S : cases[i].life_s;
        long long writes = redis_number("rdb_changes_since_last_save");
        assert_int_equal(load(made->cookie, NULL), 0);
        assert_int_equal(redis_number("rdb_changes_since_last_save") - writes, cases[i].is_extended);
        assert_in_range(ask("TTL %s", key), expected - 3, expected);
    }
}

static void no_session_outlives_its_absolute_time(void **state)
{
    static const struct {
        int64_t age_s;
        int err;
        long long ttl_max;
    } cases[] = {
        {ABSOLUTE_S - 60, 0, 60},
        {ABSOLUTE_S, ERR_NOT_FOUND, 0},
        {ABSOLUTE_S + 60, ERR_NOT_FOUND, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct session *made = create(1, false);
        char key[96];
        session_key(key);
        ask("HSET %s created %lld", key, (long long)(clock_now_us() - cases[i].age_s * CLOCK_SECOND_US));
        assert_int_equal(load(made->cookie, NULL), cases[i].err);
        if (cases[i].err == 0)
            assert_in_range(ask("TTL %s", key), cases[i].ttl_max - 5, cases[i].ttl_max);
        else
            assert_int_equal(ask("DBSIZE"), 0);
        ask("FLUSHALL");
    }
}

static void its_end_is_told(void **state)
{
    const int64_t created = 1000 * CLOCK_SECOND_US, last = created + ABSOLUTE_S * CLOCK_SECOND_US;
    const struct session session = {.created_us = created};
    static const struct {
        int64_t age_s, left_s;
    } cases[] = {
        {0, IDLE_S},
        {ABSOLUTE_S - IDLE_S - 1, IDLE_S},
        {ABSOLUTE_S - IDLE_S, IDLE_S},
        {ABSOLUTE_S - IDLE_S + 1, IDLE_S - 1},
        {ABSOLUTE_S - 60, 60},
        {ABSOLUTE_S, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t now = created + cases[i].age_s * CLOCK_SECOND_US;
        struct session_end end = session_end(store, &session, now);
        assert_int_equal(end.at_us, now + cases[i].left_s * CLOCK_SECOND_US);
        assert_int_equal(end.last_us, last);
    }
}

static void what_somebody_else_wrote_is_no_session(void **state)
{
    static const char *const fields[] = {"user", "school", "created", "change"};
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct session *made = create(1, false);
        char key[96];
        session_key(key);
        ask("HDEL %s %s", key, fields[i]);
        assert_int_equal(load(made->cookie, NULL), ERR_NOT_FOUND);
        ask("FLUSHALL");
    }
    struct session *made = create(1, false);
    char key[96];
    session_key(key);
    ask("HSET %s user -5", key);
    assert_int_equal(load(made->cookie, NULL), ERR_NOT_FOUND);
    ask("HSET %s user 5 created %lld", key, (long long)INT64_MAX);
    assert_int_equal(load(made->cookie, NULL), ERR_NOT_FOUND);
    assert_int_equal(ask("EXISTS %s", key), 1); /* no number, so not ended as too old */
    ask("DEL %s", key);
    ask("SET %s text", key);
    assert_int_equal(load(made->cookie, NULL), ERR_UNAVAILABLE); /* WRONGTYPE */
}

/* --- ending --- */

static void a_destroyed_session_is_gone(void **state)
{
    struct session *one = create(1, false), *two = create(1, false);
    (void)state;

    assert_int_equal(destroy(one->cookie), 0);
    assert_int_equal(load(one->cookie, NULL), ERR_NOT_FOUND);
    assert_int_equal(load(two->cookie, NULL), 0);
    assert_int_equal(ask("SCARD dp:user-sessions:1"), 1);
    assert_int_equal(destroy(one->cookie), 0);
    assert_int_equal(destroy(two->cookie), 0);
    assert_int_equal(ask("DBSIZE"), 0);
}

static void the_others_of_a_user_are_ended(void **state)
{
    struct session *mine = create(1, false), *other = create(1, false), *stranger = create(2, false);
    (void)state;

    assert_int_equal(destroy_others(1, str_from(mine->cookie)), 0);
    assert_int_equal(load(mine->cookie, NULL), 0);
    assert_int_equal(load(other->cookie, NULL), ERR_NOT_FOUND);
    assert_int_equal(load(stranger->cookie, NULL), 0);
    assert_int_equal(destroy_others(1, STR_NULL), 0);
    assert_int_equal(load(mine->cookie, NULL), ERR_NOT_FOUND);
    assert_int_equal(destroy_others(2, STR("no cookie at all")), 0);
    assert_int_equal(ask("DBSIZE"), 0);
}

static void a_user_has_a_bounded_number_of_sessions(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SESSION_PER_USER_MAX; i++)
        create(1, false);
    struct session *last = create(1, false);
    assert_int_equal(load(last->cookie, NULL), 0);
    assert_int_equal(ask("SCARD dp:user-sessions:1"), SESSION_PER_USER_MAX);
    assert_int_equal(ask("DBSIZE"), SESSION_PER_USER_MAX + 1);
    /* Ended sessions make room first: none of those that live has to go. */
    ask("EVAL %s 0", "for _, k in ipairs(redis.call('KEYS', 'dp:session:*')) do redis.call('DEL', k) end return 1");
    struct session *next = create(1, false);
    assert_int_equal(load(next->cookie, NULL), 0);
    assert_int_equal(ask("SCARD dp:user-sessions:1"), 1);
}

/* --- failures --- */

static void a_redis_that_is_away(void **state)
{
    struct session *made = create(1, false);
    (void)state;

    private_server_pause(&server);
    assert_int_equal(load(made->cookie, NULL), ERR_TIMEOUT);
    assert_int_equal(load(made->cookie, NULL), ERR_UNAVAILABLE);
    assert_int_equal(load("malformed", NULL), ERR_NOT_FOUND);
    assert_int_equal(destroy(made->cookie), ERR_UNAVAILABLE);
    assert_int_equal(destroy_others(1, STR_NULL), ERR_UNAVAILABLE);
    private_server_resume(&server);
    assert_true(loop_run_until(&loop, is_ready, NULL, 20000));
    assert_int_equal(load(made->cookie, NULL), 0);
}

int main(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)
    const struct CMUnitTest tests[] = {
        WITH_STORE(a_session_comes_back_as_it_was_made),
        WITH_STORE(redis_never_sees_the_cookie),
        WITH_STORE(what_is_no_session_is_not_found),
        WITH_STORE(loading_extends_the_idle_time),
        WITH_STORE(what_lives_long_enough_is_left_alone),
        WITH_STORE(no_session_outlives_its_absolute_time),
        WITH_STORE(its_end_is_told),
        WITH_STORE(what_somebody_else_wrote_is_no_session),
        WITH_STORE(a_destroyed_session_is_gone),
        WITH_STORE(the_others_of_a_user_are_ended),
        WITH_STORE(a_user_has_a_bounded_number_of_sessions),
        WITH_STORE(a_redis_that_is_away),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
