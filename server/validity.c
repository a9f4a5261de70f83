#include "server/validity.h"

#include <stdio.h>

#include "common/clock.h"

#define EXPIRY_GRACE_US (2 * CLOCK_HOUR_US)

/* Days of 23 and 25 hours exist: noon plus or minus 24 hours is always in the neighbouring day, midnight is not. */
static int64_t noon_of(struct clock_local day)
{
    const struct clock_local noon = {.year = day.year, .month = day.month, .day = day.day, .hour = 12};
    return clock_from_local(&noon);
}

static int64_t midnight_after(int64_t noon_us)
{
    const struct clock_local next = clock_to_local(noon_us + CLOCK_DAY_US);
    const struct clock_local midnight = {.year = next.year, .month = next.month, .day = next.day};
    return clock_from_local(&midnight);
}

struct validity validity_from(int64_t now_us)
{
    const struct clock_local now = clock_to_local(now_us);
    const int64_t noon_us = noon_of(now) + (now.hour >= VALIDITY_LATE_HOUR ? CLOCK_DAY_US : 0);
    const struct clock_local day = clock_to_local(noon_us);
    struct validity validity = {.expires_us = midnight_after(noon_us) + EXPIRY_GRACE_US};

    /* The remainders are for the compiler, which cannot know how many digits a year has. */
    snprintf(validity.bank_date, sizeof validity.bank_date, "%02u/%02u/%04u", (unsigned)day.day % 100,
             (unsigned)day.month % 100, (unsigned)day.year % 10000);
    snprintf(validity.sql_date, sizeof validity.sql_date, "%04u-%02u-%02u", (unsigned)day.year % 10000,
             (unsigned)day.month % 100, (unsigned)day.day % 100);
    return validity;
}

bool validity_is_over(int64_t expires_us, int64_t now_us)
{
    return now_us >= expires_us - EXPIRY_GRACE_US;
}
