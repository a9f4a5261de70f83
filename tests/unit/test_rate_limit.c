/* rate_limit: who may go on, and who is whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "common/rand.h"
#include "server/rate_limit.c"

enum { RATE = 20, BURST = 300 };

static unsigned take_all(struct rate_limit *limit, const char *address, int64_t now_ms)
{
    unsigned taken = 0;

    while (rate_limit_take(limit, address, now_ms))
        taken++;
    return taken;
}

static void burst_then_rate(void **state)
{
    static const struct {
        int64_t now_ms;
        unsigned taken;
    } cases[] = {
        {1000, BURST}, {1000, 0},      {1049, 0},          {1050, 1},
        {1100, 1},     {2100, RATE},   {1500, 0},          {2100, 0}, /* a clock that goes back gives nothing */
        {9600, 150},   {24600, BURST}, {INT64_MAX, BURST}, {INT64_MAX, 0},
    };
    struct rate_limit *limit = rate_limit_new(RATE, BURST);
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(take_all(limit, "192.0.2.1", cases[i].now_ms), cases[i].taken);
    rate_limit_free(limit);
}

static void who_shares_a_bucket(void **state)
{
    static const struct {
        const char *first, *second;
        bool same;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
        {"::1", "127.0.0.1", false},
        {"", "no address", true},
        {"", "192.0.2.1", false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rate_limit *limit = rate_limit_new(RATE, 1);
        assert_true(rate_limit_take(limit, cases[i].first, 5));
        assert_int_equal(rate_limit_take(limit, cases[i].second, 5), !cases[i].same);
        rate_limit_free(limit);
    }
}

static const char *address_of(unsigned number)
{
    static char text[INET_ADDRSTRLEN];

    snprintf(text, sizeof text, "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255, number & 255);
    return text;
}

static void full_table_forgets_the_quietest(void **state)
{
    struct rate_limit *limit = rate_limit_new(RATE, 1);
    (void)state;

    for (unsigned i = 0; i < RATE_LIMIT_CLIENTS_MAX; i++)
        assert_true(rate_limit_take(limit, address_of(i), 1));
    assert_false(rate_limit_take(limit, address_of(0), 1)); /* known, and now the least quiet */
    assert_true(rate_limit_take(limit, address_of(RATE_LIMIT_CLIENTS_MAX), 1));
    assert_false(rate_limit_take(limit, address_of(0), 1));
    assert_false(rate_limit_take(limit, address_of(2), 1));
    assert_true(rate_limit_take(limit, address_of(1), 1)); /* was forgotten */
    for (unsigned i = 0; i < 3 * RATE_LIMIT_CLIENTS_MAX; i++)
        assert_true(rate_limit_take(limit, address_of((1 << 20) + i), 1));
    assert_int_equal(limit->count, RATE_LIMIT_CLIENTS_MAX);
    rate_limit_free(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_then_rate),
        cmocka_unit_test(who_shares_a_bucket),
        cmocka_unit_test(full_table_forgets_the_quietest),
    };
    rand_init();
    return cmocka_run_group_tests_name("rate_limit", tests, NULL, NULL);
}
