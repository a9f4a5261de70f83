/* clock: moments by arithmetic, against the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "common/clock.c"

static void a_date_in_utc_is_its_moment(void **state)
{
    static const int years[] = {-401, -400, -1, 0, 1, 99, 1583, 1899, 1900, 1969, 1970, 1999, 2000, 2026, 2100, 9999};
    (void)state;
    for (size_t y = 0; y < sizeof years / sizeof years[0]; y++) {
        for (int day = 0; day < 366;
             day++) { /* every day of the year; what is past a month's end is the next month's */
            const struct clock_utc utc = {years[y], day / 31 + 1, day % 31 + 1, day % 24, day % 60, day % 59};
            struct tm tm = {.tm_year = utc.year - 1900,
                            .tm_mon = utc.month - 1,
                            .tm_mday = utc.day,
                            .tm_hour = utc.hour,
                            .tm_min = utc.minute,
                            .tm_sec = utc.second};
            assert_int_equal(clock_from_utc(&utc), (int64_t)timegm(&tm) * CLOCK_SECOND_US);
        }
    }
}

static void written_and_read_again(void **state)
{
    static const char *const texts[] = {"1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000000Z",
                                        "2024-02-29T12:30:05.000001Z", "9999-12-31T23:59:59.999999Z"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[CLOCK_RFC3339_SIZE];
        int64_t us;
        assert_int_equal(clock_from_rfc3339(str_from(texts[i]), &us), 0);
        clock_to_rfc3339(us, text);
        assert_string_equal(text, texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_in_utc_is_its_moment),
        cmocka_unit_test(written_and_read_again),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
