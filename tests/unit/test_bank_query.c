/* When the bank is asked again about a payment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "worker/bank_query.h"

#define MIN(n)  ((n)*CLOCK_MINUTE_US)
#define HOUR(n) ((n)*CLOCK_HOUR_US)

static void schedule(void **state)
{
    static const struct {
        int64_t asked_us, expires_us; /* after the payment was sent */
        enum gateway_answer_kind kind;
        int64_t next_us; /* 0: never again */
    } cases[] = {
        {MIN(3), HOUR(20), GATEWAY_ANSWER_FAILED, MIN(10)},
        {MIN(3) + 1, HOUR(20), GATEWAY_ANSWER_UNKNOWN, MIN(10)},
        {MIN(10), HOUR(20), GATEWAY_ANSWER_OPEN, MIN(30)},
        {MIN(30), HOUR(20), GATEWAY_ANSWER_UNCLEAR, HOUR(2)},
        {HOUR(2), HOUR(20), GATEWAY_ANSWER_REPORTED, HOUR(6)}, /* refused: a second card may follow */
        {HOUR(6), HOUR(20), GATEWAY_ANSWER_UNKNOWN, HOUR(20)},
        {HOUR(20), HOUR(20), GATEWAY_ANSWER_UNKNOWN, 0}, /* the last word */
        {HOUR(20), HOUR(20), GATEWAY_ANSWER_REPORTED, 0},
        {HOUR(20), HOUR(20), GATEWAY_ANSWER_FAILED, HOUR(24)},
        {HOUR(20), HOUR(20), GATEWAY_ANSWER_OPEN, HOUR(24)},
        {HOUR(24), HOUR(20), GATEWAY_ANSWER_FAILED, 0},
        {HOUR(24), HOUR(20), GATEWAY_ANSWER_UNCLEAR, 0},
        {HOUR(24), HOUR(29), GATEWAY_ANSWER_UNKNOWN, HOUR(29)}, /* sent late in the evening */
        {HOUR(29), HOUR(29), GATEWAY_ANSWER_FAILED, 0},
        {HOUR(1), HOUR(4), GATEWAY_ANSWER_FAILED, HOUR(2)}, /* workers were away: steps that passed are left out */
        {HOUR(90), HOUR(20), GATEWAY_ANSWER_FAILED, 0},
        {MIN(1), -HOUR(1), GATEWAY_ANSWER_UNKNOWN, 0},
    };
    const int64_t sent_us = INT64_C(1795413600000000);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t next_us =
            bank_query_next_us(sent_us + cases[i].asked_us, sent_us, sent_us + cases[i].expires_us, cases[i].kind);
        int64_t wanted_us = cases[i].next_us ? sent_us + cases[i].next_us : 0;
        if (next_us != wanted_us)
            fail_msg("case %zu: %lld minutes", i, (long long)((next_us - sent_us) / CLOCK_MINUTE_US));
    }
}

/* Whatever the answers are, the questions end. */
static void questions_end(void **state)
{
    (void)state;
    for (int kind = 0; kind < GATEWAY_ANSWER_KIND_COUNT; kind++) {
        for (int64_t hours = 2; hours < 30; hours++) {
            int64_t asked_us = MIN(3), sent_us = 0;
            int n_questions = 1;
            while ((asked_us = bank_query_next_us(asked_us, sent_us, HOUR(hours), (enum gateway_answer_kind)kind)) != 0)
                assert_true(++n_questions <= 7);
            assert_true(n_questions >= 4);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(schedule), cmocka_unit_test(questions_end)};
    return cmocka_run_group_tests_name("bank_query", tests, NULL, NULL);
}
