/* payment_reference and validity: what is decided at the moment a payment is made and sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/rand.h"
#include "server/payment_reference.c"
#include "server/validity.c"

static int64_t moment(const char *text)
{
    int64_t us;
    assert_int_equal(clock_from_rfc3339(str_from(text), &us), 0);
    return us;
}

static void references_have_the_banks_length(void **state)
{
    char reference[PAYMENT_REFERENCE_LEN + 1];
    (void)state;
    payment_reference_make(STR("ali"), moment("2009-05-28T08:25:02Z"), reference);
    assert_int_equal(strlen(reference), PAYMENT_REFERENCE_LEN);
    assert_memory_equal(reference, "ali20090528102502", 17);
    assert_true(payment_reference_is_plausible(str_from(reference)));
    payment_reference_make(STR("toolong"), moment("2026-11-23T23:30:00Z"), reference);
    assert_memory_equal(reference, "too20261124003000", 17);
}

static void implausible_references(void **state)
{
    static const char *const bad[] = {"", "dem20261123080213qppx", "dem2026/1123", "dem%", "é", "a b"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(payment_reference_is_plausible(str_from(bad[i])));
}

/* Between midnight and two o'clock a payment may still be reported, and no longer be begun. */
static void request_is_over_at_midnight(void **state)
{
    struct validity validity = validity_from(moment("2026-11-23T09:00:00Z"));
    (void)state;
    assert_false(validity_is_over(validity.expires_us, moment("2026-11-23T22:59:59Z")));
    assert_true(validity_is_over(validity.expires_us, moment("2026-11-23T23:00:00Z")));
    assert_true(validity_is_over(validity.expires_us, moment("2026-11-24T03:00:00Z")));
}

static void validity_ends_two_hours_after_the_day(void **state)
{
    static const struct {
        const char *now, *bank_date, *sql_date, *expires;
    } cases[] = {
        {"2026-11-23T09:00:00Z", "23/11/2026", "2026-11-23", "2026-11-24T01:00:00.000000Z"},
        {"2026-11-23T19:59:59Z", "23/11/2026", "2026-11-23", "2026-11-24T01:00:00.000000Z"},
        {"2026-11-23T20:00:00Z", "24/11/2026", "2026-11-24", "2026-11-25T01:00:00.000000Z"}, /* 21:00 in Paris */
        {"2026-12-31T22:30:00Z", "01/01/2027", "2027-01-01", "2027-01-02T01:00:00.000000Z"},
        {"2026-03-29T10:00:00Z", "29/03/2026", "2026-03-29", "2026-03-30T00:00:00.000000Z"}, /* 23 hours */
        {"2026-03-28T21:00:00Z", "29/03/2026", "2026-03-29", "2026-03-30T00:00:00.000000Z"},
        {"2026-10-25T10:00:00Z", "25/10/2026", "2026-10-25", "2026-10-26T01:00:00.000000Z"}, /* 25 hours */
        {"2026-10-24T22:30:00Z", "25/10/2026", "2026-10-25", "2026-10-26T01:00:00.000000Z"}, /* 00:30 in Paris */
    };
    char expires[CLOCK_RFC3339_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct validity validity = validity_from(moment(cases[i].now));
        assert_string_equal(validity.bank_date, cases[i].bank_date);
        assert_string_equal(validity.sql_date, cases[i].sql_date);
        clock_to_rfc3339(validity.expires_us, expires);
        assert_string_equal(expires, cases[i].expires);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_have_the_banks_length),
        cmocka_unit_test(implausible_references),
        cmocka_unit_test(validity_ends_two_hours_after_the_day),
        cmocka_unit_test(request_is_over_at_midnight),
    };
    rand_init();
    assert_int_equal(clock_set_zone("Europe/Paris"), 0);
    return cmocka_run_group_tests_name("payment_reference", tests, NULL, NULL);
}
