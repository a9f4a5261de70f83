/* silence: when the bank's silence is worth a mail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/silence.c"

static int64_t at(int year, int month, int day, int hour, int minute)
{
    struct clock_local local = {.year = year, .month = month, .day = day, .hour = hour, .minute = minute};
    return clock_from_local(&local);
}

static void when_it_is_a_silence(void **state)
{
    static const struct {
        const char *what;
        int minutes; /* since the last call; 0: none ever */
        unsigned n_weeks;
        int64_t calls[SILENCE_WEEKS];
        int64_t waiting;
        enum silence_verdict verdict;
    } cases[] = {
        {"eight usual gaps", 120, 8, {9, 8, 8, 8, 9, 9, 8, 8}, 0, SILENCE_QUIET},
        {"seven are not enough", 120, 8, {7, 7, 7, 7, 7, 7, 7, 7}, 0, SILENCE_NONE},
        {"a peak, but a short time", 14, 8, {90, 90, 90, 90, 90, 90, 90, 90}, 0, SILENCE_NONE},
        {"a peak, long enough", 15, 8, {90, 90, 90, 90, 90, 90, 90, 90}, 0, SILENCE_QUIET},
        {"a night", 480, 8, {0, 1, 0, 0, 2, 0, 0, 1}, 0, SILENCE_NONE},
        {"a night with one payment", 480, 8, {0, 1, 0, 0, 2, 0, 0, 1}, 2, SILENCE_NONE},
        {"one busy week proves nothing", 120, 8, {90, 1, 0, 2, 1, 0, 1, 2}, 0, SILENCE_NONE},
        {"two weeks of holidays hide nothing", 120, 8, {0, 0, 12, 11, 9, 10, 12, 10}, 0, SILENCE_QUIET},
        {"in the holidays, from their fifth week on", 600, 8, {0, 0, 0, 0, 40, 41, 40, 44}, 0, SILENCE_NONE},
        {"a history too short", 300, 2, {50, 50}, 0, SILENCE_NONE},
        {"the shortest history", 300, 3, {50, 8, 9}, 0, SILENCE_QUIET},
        {"payments wait, three gaps", 60, 8, {3, 3, 3, 3, 3, 3, 3, 3}, 3, SILENCE_WAITING},
        {"payments wait, two gaps", 60, 8, {2, 2, 2, 2, 2, 2, 2, 2}, 3, SILENCE_NONE},
        {"two payments only", 60, 8, {3, 3, 3, 3, 3, 3, 3, 3}, 2, SILENCE_NONE},
        {"payments wait, history too short", 60, 2, {30, 30}, 9, SILENCE_NONE},
        {"many payments need no history", 60, 0, {0}, 10, SILENCE_WAITING},
        {"a new school whose bank never called", 0, 0, {0}, 10, SILENCE_WAITING},
        {"a new school that nobody uses", 0, 0, {0}, 0, SILENCE_NONE},
        {"many payments, but only just now", 14, 0, {0}, 50, SILENCE_NONE},
    };
    (void)state;
    int64_t now_us = at(2026, 11, 23, 10, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct silence_facts facts = {
            .now_us = now_us,
            .last_call_us = cases[i].minutes ? now_us - cases[i].minutes * CLOCK_MINUTE_US : 0,
            .n_weeks = cases[i].n_weeks,
            .payments_waiting = cases[i].waiting,
        };
        memcpy(facts.calls, cases[i].calls, sizeof facts.calls);
        if (silence_judge(&facts) != cases[i].verdict)
            fail_msg("%s: %d", cases[i].what, (int)silence_judge(&facts));
    }
}

static void usual_is_the_lower_median(void **state)
{
    (void)state;
    assert_int_equal(silence_usual_calls(&(struct silence_facts){.n_weeks = 0, .calls = {5}}), 0);
    assert_int_equal(silence_usual_calls(&(struct silence_facts){.n_weeks = 3, .calls = {9, 1, 5, 99}}), 5);
    assert_int_equal(silence_usual_calls(&(struct silence_facts){.n_weeks = 4, .calls = {9, 1, 5, 3}}), 3);
    assert_int_equal(silence_usual_calls(&(struct silence_facts){.n_weeks = 8, .calls = {8, 7, 6, 5, 4, 3, 2, 1}}), 4);
}

/* Between 29 March 2026 (summer time begins) and a Monday after it, "10 o'clock" moves by an hour in UTC. */
static void windows_follow_the_clock_on_the_wall(void **state)
{
    (void)state;
    int64_t now_us = at(2026, 3, 30, 10, 0), last_us = now_us - 90 * CLOCK_MINUTE_US;
    struct silence_window now = silence_window(now_us, last_us, 0), before = silence_window(now_us, last_us, 1);
    assert_true(now.from_us == last_us && now.to_us == now_us);
    assert_true(before.to_us == at(2026, 3, 23, 10, 0) && before.from_us == at(2026, 3, 23, 8, 30));
    assert_true(now.to_us - before.to_us == 7 * CLOCK_DAY_US - CLOCK_HOUR_US);
    /* Across months and years. */
    now_us = at(2027, 1, 4, 9, 0);
    assert_true(silence_window(now_us, now_us - CLOCK_HOUR_US, 8).to_us == at(2026, 11, 9, 9, 0));
}

static void long_silences_are_compared_by_a_day(void **state)
{
    (void)state;
    int64_t now_us = at(2026, 11, 23, 10, 0);
    struct silence_window ever = silence_window(now_us, 0, 0), week = silence_window(now_us, 0, 2);
    assert_true(ever.to_us - ever.from_us == CLOCK_DAY_US && week.to_us - week.from_us == CLOCK_DAY_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_it_is_a_silence),
        cmocka_unit_test(usual_is_the_lower_median),
        cmocka_unit_test(windows_follow_the_clock_on_the_wall),
        cmocka_unit_test(long_silences_are_compared_by_a_day),
    };
    if (clock_set_zone("Europe/Paris"))
        return 1;
    return cmocka_run_group_tests_name("silence", tests, NULL, NULL);
}
