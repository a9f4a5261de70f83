#include "worker/silence.h"

#include "common/clock.h"

/* A day before the month's first is the right day of the month before (mktime(3) normalises). */
static int64_t weeks_before(int64_t us, unsigned weeks)
{
    struct clock_local local = clock_to_local(us);
    local.day -= 7 * (int)weeks;
    return clock_from_local(&local);
}

struct silence_window silence_window(int64_t now_us, int64_t last_call_us, unsigned week)
{
    int64_t longest_us = SILENCE_HOURS_MAX * CLOCK_HOUR_US;
    int64_t length_us = now_us - last_call_us < longest_us ? now_us - last_call_us : longest_us;
    int64_t to_us = week ? weeks_before(now_us, week) : now_us;
    return (struct silence_window){to_us - length_us, to_us};
}

int64_t silence_usual_calls(const struct silence_facts *facts)
{
    int64_t sorted[SILENCE_WEEKS];
    unsigned n = 0;
    for (unsigned i = 0; i < facts->n_weeks && i < SILENCE_WEEKS; i++) {
        unsigned at = n++;
        for (; at > 0 && sorted[at - 1] > facts->calls[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = facts->calls[i];
    }
    return n ? sorted[(n - 1) / 2] : 0;
}

enum silence_verdict silence_judge(const struct silence_facts *facts)
{
    int64_t usual = facts->n_weeks < SILENCE_WEEKS_MIN ? 0 : silence_usual_calls(facts);
    if (facts->now_us - facts->last_call_us < SILENCE_MINUTES_MIN * CLOCK_MINUTE_US)
        return SILENCE_NONE;
    if (facts->payments_waiting >= SILENCE_PAYMENTS_ALONE_MIN)
        return SILENCE_WAITING;
    if (facts->payments_waiting >= SILENCE_PAYMENTS_MIN && usual >= SILENCE_GAPS_PAYMENTS_MAX)
        return SILENCE_WAITING;
    return usual >= SILENCE_GAPS_MAX ? SILENCE_QUIET : SILENCE_NONE;
}
