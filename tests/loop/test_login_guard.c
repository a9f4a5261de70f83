/* login_guard against a real Redis, asked by two servers. */
#include <stdio.h>
#include <string.h>

#include "loop/redis_pair.h"

#include "common/err.h"
#include "server/login_guard.h"

#define HOME  "192.0.2.0"
#define OTHER "198.51.100.0"

struct call {
    bool has_returned;
    unsigned n_calls;
    int err;
    unsigned wait_s;
};

typedef void (*question)(struct login_attempt *attempt, login_guard_cb done, void *data);

static void done(void *data, int err, unsigned wait_s)
{
    struct call *call = data;
    assert_true(call->has_returned);
    call->n_calls++;
    call->err = err;
    call->wait_s = wait_s;
}

static bool is_done(void *data)
{
    return ((struct call *)data)->n_calls > 0;
}

static int ask(question ask_guard, unsigned at, const char *account, const char *network, unsigned *ret_wait_s)
{
    struct login_attempt attempt;
    struct call call = {.err = 1};

    login_guard_init(&attempt, clients[at], str_from(account), str_from(network));
    ask_guard(&attempt, done, &call);
    call.has_returned = true;
    assert_true(loop_run_until(&loop, is_done, &call, 5000));
    assert_int_equal(call.n_calls, 1);
    if (ret_wait_s)
        *ret_wait_s = call.wait_s;
    return call.err;
}

/* The seconds to wait; 0: the attempt has entered, and counts as failed. */
static unsigned enter(unsigned at, const char *account, const char *network)
{
    unsigned wait_s;
    assert_int_equal(ask(login_guard_enter, at, account, network, &wait_s), 0);
    return wait_s;
}

static void clear(unsigned at, const char *account, const char *network)
{
    assert_int_equal(ask(login_guard_clear, at, account, network, NULL), 0);
}

static void forgive(unsigned at, const char *account, const char *network)
{
    assert_int_equal(ask(login_guard_forgive, at, account, network, NULL), 0);
}

/* As if the delay that runs had passed. */
static void pass_delay(const char *account, const char *network)
{
    struct login_attempt attempt;
    login_guard_init(&attempt, clients[0], str_from(account), str_from(network));
    pair_ask("HSET %s until 0", attempt.key);
}

static void fail_times(unsigned n, const char *account, const char *network)
{
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(enter(i % PAIR_CLIENTS, account, network), 0);
        pass_delay(account, network);
    }
}

/* --- delays --- */

static void the_delay_grows_with_the_failures(void **state)
{
    /* what an attempt right after the n-th failure is told, whichever server it comes to */
    static const unsigned waits_s[] = {0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60};
    (void)state;

    for (unsigned i = 0; i < sizeof waits_s / sizeof waits_s[0]; i++) {
        assert_int_equal(enter(i % 2, "durand", HOME), 0);
        if (waits_s[i] == 0)
            continue;
        for (unsigned again = 0; again < 3; again++) /* being refused makes nothing worse */
            assert_in_range(enter((i + again) % 2, "durand", HOME), waits_s[i] - (i > 3), waits_s[i]);
        pass_delay("durand", HOME);
    }
}

static void a_delay_passes(void **state)
{
    (void)state;
    fail_times(3, "durand", HOME);
    assert_int_equal(enter(0, "durand", HOME), 0);
    assert_int_equal(enter(1, "durand", HOME), 1);
    loop_run_for(&loop, 1050);
    assert_int_equal(enter(1, "durand", HOME), 0);
}

static void a_hundred_at_once_are_not_free(void **state)
{
    enum { ATTEMPTS = 100 };
    static struct login_attempt attempts[ATTEMPTS];
    static struct call calls[ATTEMPTS];
    unsigned n_entered = 0;
    (void)state;

    for (unsigned i = 0; i < ATTEMPTS; i++) {
        calls[i] = (struct call){.has_returned = true};
        login_guard_init(&attempts[i], clients[i % 2], STR("durand"), STR(HOME));
        login_guard_enter(&attempts[i], done, &calls[i]);
    }
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        assert_true(loop_run_until(&loop, is_done, &calls[i], 5000));
        assert_int_equal(calls[i].err, 0);
        n_entered += calls[i].wait_s == 0;
    }
    assert_int_equal(n_entered, LOGIN_GUARD_FREE_FAILURES + 1);
}

/* --- whose failures they are --- */

static void who_shares_a_counter(void **state)
{
    static const struct {
        const char *account, *network;
        bool same;
    } cases[] = {
        {"durand", HOME, true},  {"DURAND", HOME, true},   {" Durand\t", HOME, true},  {"durand", OTHER, false},
        {"martin", HOME, false}, {"durand2", HOME, false}, {"duran", "d" HOME, false}, {"", HOME, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fail_times(3, "durand", HOME);
        assert_int_equal(enter(0, "durand", HOME), 0);
        assert_int_equal(enter(1, cases[i].account, cases[i].network), cases[i].same ? 1 : 0);
        pair_ask("FLUSHALL");
    }
}

static void a_success_forgets_the_failures_of_its_network_alone(void **state)
{
    (void)state;
    fail_times(6, "durand", HOME);
    fail_times(6, "durand", OTHER);
    clear(1, "durand", HOME);
    fail_times(3, "durand", HOME);
    assert_int_equal(enter(0, "durand", HOME), 0);
    assert_int_equal(enter(0, "durand", HOME), 1);
    assert_int_equal(enter(0, "durand", OTHER), 0);
    assert_in_range(enter(0, "durand", OTHER), 7, 8);
    clear(0, "martin", HOME); /* nothing to forget */
}

static void what_was_not_judged_does_not_count(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(enter(i % 2, "durand", HOME), 0);
        forgive(i % 2, "durand", HOME);
    }
    assert_int_equal(pair_ask("DBSIZE"), 0);
    fail_times(5, "durand", HOME);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(enter(i % 2, "durand", HOME), 0);
        forgive(i % 2, "durand", HOME);
    }
    assert_int_equal(enter(0, "durand", HOME), 0);
    assert_in_range(enter(0, "durand", HOME), 3, 4);
    forgive(0, "martin", HOME);
    assert_int_equal(pair_ask("DBSIZE"), 1);
}

static void counters_expire_and_tell_no_names(void **state)
{
    struct login_attempt attempt;
    (void)state;

    fail_times(12, "durand", HOME);
    login_guard_init(&attempt, clients[0], STR("durand"), STR(HOME));
    assert_null(strstr(attempt.key, "durand"));
    assert_null(strstr(attempt.key, HOME));
    assert_int_equal(pair_ask("DBSIZE"), 1);
    assert_in_range(pair_ask("TTL %s", attempt.key), LOGIN_GUARD_MEMORY_S - 5, LOGIN_GUARD_MEMORY_S);
    pair_ask("PEXPIRE %s 1", attempt.key);
    loop_run_for(&loop, 20);
    fail_times(3, "durand", HOME);
    assert_int_equal(enter(0, "durand", HOME), 0);
    assert_int_equal(enter(0, "durand", HOME), 1);
}

/* --- faults --- */

static void without_an_answer_nothing_is_known(void **state)
{
    static const question questions[] = {login_guard_enter, login_guard_clear, login_guard_forgive};
    struct login_attempt attempt;
    (void)state;

    login_guard_init(&attempt, clients[0], STR("durand"), STR(HOME));
    pair_ask("SET %s text", attempt.key);
    assert_int_equal(ask(login_guard_enter, 0, "durand", HOME, NULL), ERR_UNAVAILABLE); /* WRONGTYPE */
    private_server_pause(&server);
    assert_int_equal(ask(login_guard_enter, 0, "durand", HOME, NULL), ERR_TIMEOUT);
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
        assert_int_equal(ask(questions[i], 0, "durand", HOME, NULL), ERR_UNAVAILABLE);
    private_server_resume(&server);
    assert_true(loop_run_until(&loop, pair_is_ready, NULL, 5000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_delay_grows_with_the_failures, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(a_delay_passes, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(a_hundred_at_once_are_not_free, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(who_shares_a_counter, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(a_success_forgets_the_failures_of_its_network_alone, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(what_was_not_judged_does_not_count, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(counters_expire_and_tell_no_names, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(without_an_answer_nothing_is_known, pair_open, pair_close),
    };
    return cmocka_run_group_tests(tests, pair_start_server, pair_stop_server);
}
