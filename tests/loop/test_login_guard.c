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

enum question { ASK, WRONG, RIGHT, CLEAR };

static void start(enum question question, struct login_attempt *attempt, struct call *call)
{
    *call = (struct call){.err = 1};
    if (question == ASK)
        login_guard_ask(attempt, done, call);
    else if (question == CLEAR)
        login_guard_clear(attempt, done, call);
    else
        login_guard_settle(attempt, question == RIGHT, done, call);
    call->has_returned = true;
}

static int put(enum question question, unsigned at, const char *account, const char *network, unsigned *ret_wait_s)
{
    struct login_attempt attempt;
    struct call call;

    login_guard_init(&attempt, clients[at], str_from(account), str_from(network));
    start(question, &attempt, &call);
    assert_true(loop_run_until(&loop, is_done, &call, 20000));
    assert_int_equal(call.n_calls, 1);
    if (ret_wait_s)
        *ret_wait_s = call.wait_s;
    return call.err;
}

/* The seconds to wait. */
static unsigned ask(unsigned at, const char *account, const char *network)
{
    unsigned wait_s;
    assert_int_equal(put(ASK, at, account, network, &wait_s), 0);
    return wait_s;
}

static unsigned settle(bool is_right, unsigned at, const char *account, const char *network)
{
    unsigned wait_s;
    assert_int_equal(put(is_right ? RIGHT : WRONG, at, account, network, &wait_s), 0);
    return wait_s;
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
        assert_int_equal(settle(false, i % PAIR_CLIENTS, account, network), 0);
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
        unsigned least_s = waits_s[i] > 1 ? waits_s[i] - 1 : waits_s[i];
        assert_int_equal(ask(i % 2, "durand", HOME), 0);
        assert_int_equal(settle(false, i % 2, "durand", HOME), 0);
        for (unsigned again = 0; again < 3; again++) /* being refused makes nothing worse */
            assert_in_range(ask((i + again) % 2, "durand", HOME), least_s, waits_s[i]);
        pass_delay("durand", HOME);
    }
}

static void a_delay_passes(void **state)
{
    (void)state;
    fail_times(3, "durand", HOME);
    assert_int_equal(settle(false, 0, "durand", HOME), 0);
    assert_int_equal(ask(1, "durand", HOME), 1);
    loop_run_for(&loop, 1050);
    assert_int_equal(ask(1, "durand", HOME), 0);
}

enum { AT_ONCE = 100 };

/* All are judged at once; how many may hear of it. */
static unsigned settle_at_once(enum question question)
{
    static struct login_attempt attempts[AT_ONCE];
    static struct call calls[AT_ONCE];
    unsigned n_told = 0;

    for (unsigned i = 0; i < AT_ONCE; i++) {
        login_guard_init(&attempts[i], clients[i % 2], STR("durand"), STR(HOME));
        start(question, &attempts[i], &calls[i]);
    }
    for (unsigned i = 0; i < AT_ONCE; i++) {
        assert_true(loop_run_until(&loop, is_done, &calls[i], 20000));
        assert_int_equal(calls[i].err, 0);
        n_told += calls[i].wait_s == 0;
    }
    return n_told;
}

static void of_a_hundred_guesses_at_once_four_are_told(void **state)
{
    (void)state;
    assert_int_equal(settle_at_once(WRONG), LOGIN_GUARD_FREE_FAILURES + 1);
    pair_ask("FLUSHALL");
    assert_int_equal(settle_at_once(RIGHT), AT_ONCE);
}

static void a_success_is_not_told_while_a_delay_runs(void **state)
{
    (void)state;
    fail_times(3, "durand", HOME);
    assert_int_equal(settle(false, 0, "durand", HOME), 0);
    assert_int_equal(settle(true, 1, "durand", HOME), 1);
    assert_int_equal(settle(false, 1, "durand", HOME), 1); /* and nothing was counted */
    pass_delay("durand", HOME);
    assert_int_equal(settle(false, 1, "durand", HOME), 0);
    assert_in_range(ask(1, "durand", HOME), 1, 2);
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
        assert_int_equal(settle(false, 0, "durand", HOME), 0);
        assert_int_equal(ask(1, cases[i].account, cases[i].network), cases[i].same ? 1 : 0);
        pair_ask("FLUSHALL");
    }
}

static void a_success_forgets_the_failures_of_its_network_alone(void **state)
{
    (void)state;
    fail_times(6, "durand", HOME);
    fail_times(6, "durand", OTHER);
    assert_int_equal(settle(true, 1, "durand", HOME), 0);
    fail_times(3, "durand", HOME);
    assert_int_equal(settle(false, 0, "durand", HOME), 0);
    assert_int_equal(ask(0, "durand", HOME), 1);
    assert_int_equal(settle(false, 0, "durand", OTHER), 0);
    assert_in_range(ask(0, "durand", OTHER), 7, 8);
}

static void a_new_password_ends_the_delay(void **state)
{
    (void)state;
    fail_times(8, "durand", HOME);
    assert_int_equal(settle(false, 0, "durand", HOME), 0);
    assert_in_range(ask(0, "durand", HOME), 31, 32);
    assert_int_equal(put(CLEAR, 1, "durand", HOME, NULL), 0);
    assert_int_equal(ask(0, "durand", HOME), 0);
    assert_int_equal(pair_ask("DBSIZE"), 0);
    assert_int_equal(put(CLEAR, 1, "durand", HOME, NULL), 0); /* nothing to forget */
}

static void counters_expire_and_tell_no_names(void **state)
{
    struct login_attempt attempt;
    (void)state;

    assert_int_equal(ask(0, "durand", HOME), 0);
    assert_int_equal(pair_ask("DBSIZE"), 0); /* asking leaves nothing behind */
    fail_times(12, "durand", HOME);
    login_guard_init(&attempt, clients[0], STR("durand"), STR(HOME));
    assert_null(strstr(attempt.key, "durand"));
    assert_null(strstr(attempt.key, HOME));
    assert_int_equal(pair_ask("DBSIZE"), 1);
    assert_in_range(pair_ask("TTL %s", attempt.key), LOGIN_GUARD_MEMORY_S - 5, LOGIN_GUARD_MEMORY_S);
    pair_ask("PEXPIRE %s 1", attempt.key);
    loop_run_for(&loop, 20);
    fail_times(3, "durand", HOME);
    assert_int_equal(ask(0, "durand", HOME), 0);
}

/* --- faults --- */

static void without_an_answer_nothing_is_known(void **state)
{
    struct login_attempt attempt;
    (void)state;

    login_guard_init(&attempt, clients[0], STR("durand"), STR(HOME));
    pair_ask("SET %s text", attempt.key);
    assert_int_equal(put(ASK, 0, "durand", HOME, NULL), ERR_UNAVAILABLE); /* WRONGTYPE */
    private_server_pause(&server);
    assert_int_equal(put(ASK, 0, "durand", HOME, NULL), ERR_TIMEOUT);
    for (enum question question = ASK; question <= CLEAR; question++)
        assert_int_equal(put(question, 0, "durand", HOME, NULL), ERR_UNAVAILABLE);
    private_server_resume(&server);
    assert_true(loop_run_until(&loop, pair_is_ready, NULL, 20000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_delay_grows_with_the_failures, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(a_delay_passes, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(of_a_hundred_guesses_at_once_four_are_told, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(a_success_is_not_told_while_a_delay_runs, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(who_shares_a_counter, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(a_success_forgets_the_failures_of_its_network_alone, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(a_new_password_ends_the_delay, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(counters_expire_and_tell_no_names, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(without_an_answer_nothing_is_known, pair_open, pair_close),
    };
    return cmocka_run_group_tests(tests, pair_start_server, pair_stop_server);
}
