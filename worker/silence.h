/* silence: whether the bank has been quiet for too long. A pure rule over counts of its calls; no I/O, no clock.
 *
 * "Usual" is what came in the same hours of the same weekday in the weeks before: the lower median of at most
 * SILENCE_WEEKS weeks, so that a night, a Sunday or a holiday is no silence where few or none used to come, and one
 * busy or one empty week among them changes nothing. Payments that were sent to the bank meanwhile, and of which it
 * says nothing, are the stronger sign: they need less of a history, or, when there are many of them, none. */
#ifndef DP_WORKER_SILENCE_H
#define DP_WORKER_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SILENCE_WEEKS = 8,
    SILENCE_WEEKS_MIN = 3,          /* of history, for the rules that use it */
    SILENCE_MINUTES_MIN = 15,       /* shorter is never a silence, however busy the hour */
    SILENCE_HOURS_MAX = 24,         /* a longer one is compared by its last 24 hours */
    SILENCE_GAPS_MAX = 8,           /* usual gaps without a call, though nobody seems to pay */
    SILENCE_GAPS_PAYMENTS_MAX = 3,  /* … while payments wait for a word of the bank */
    SILENCE_PAYMENTS_MIN = 3,       /* how many must wait for that */
    SILENCE_PAYMENTS_ALONE_MIN = 10 /* so many say enough without a history */
};

enum silence_verdict {
    SILENCE_NONE,
    SILENCE_QUIET,   /* usually the bank had called several times by now */
    SILENCE_WAITING, /* payments were sent to it and none came back */
};

struct silence_facts {
    int64_t now_us;
    int64_t last_call_us; /* 0: none ever */
    unsigned n_weeks;     /* how many weeks the history goes back, at most SILENCE_WEEKS */
    int64_t calls[SILENCE_WEEKS];
    int64_t payments_waiting; /* sent to the bank since the last call, long enough ago to have been paid */
};

struct silence_window {
    int64_t from_us, to_us;
};

/* The time of silence (week 0), or the same hours by the clock on the wall `week` weeks before: summer time moves with
 * the people. */
struct silence_window silence_window(int64_t now_us, int64_t last_call_us, unsigned week);
/* How many calls would have come by now. */
int64_t silence_usual_calls(const struct silence_facts *facts);
enum silence_verdict silence_judge(const struct silence_facts *facts);

#endif
