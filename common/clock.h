/* clock: the two clocks and the written forms of a moment.
 *
 * A moment is int64_t microseconds since 1970-01-01T00:00:00Z. Deadlines inside a process use the
 * monotonic clock; leases shared between processes use the database's clock. */
#ifndef DP_COMMON_CLOCK_H
#define DP_COMMON_CLOCK_H

#include <stdint.h>

#include "common/str.h"

#define CLOCK_SECOND_US INT64_C(1000000)
#define CLOCK_MINUTE_US (60 * CLOCK_SECOND_US)
#define CLOCK_HOUR_US   (60 * CLOCK_MINUTE_US)
#define CLOCK_DAY_US    (24 * CLOCK_HOUR_US)

enum { CLOCK_RFC3339_SIZE = 28, CLOCK_LOCAL_ISO_SIZE = 26 };

/* Sets the zone that clock_local() uses ("Europe/Paris"). Before any thread is started. ERR_INVALID
 * when the zone is not installed. */
int clock_set_zone(const char *zone);

int64_t clock_now_us(void);
int64_t clock_monotonic_ms(void);

/* A moment as the wall clock of the configured zone shows it. */
struct clock_local {
    int year, month, day; /* month 1..12 */
    int hour, minute, second;
    int weekday;            /* 0 = Sunday */
    int utc_offset_minutes; /* east positive; tells 02:30 summer from 02:30 winter time */
};
struct clock_local clock_to_local(int64_t us);
/* The moment of a local wall-clock time (the first of two where it happens twice). */
int64_t clock_from_local(const struct clock_local *local);

/* The moment of a date and time in UTC, by arithmetic alone: no zone, no lock. Any year of int; month 1..12; the rest
 * may lie outside its usual range. */
struct clock_utc {
    int year, month, day, hour, minute, second;
};
int64_t clock_from_utc(const struct clock_utc *utc);

/* "2026-03-29T10:42:07+02:00", in the zone set, NUL-terminated: what HTML's datetime takes. */
void clock_to_local_iso(int64_t us, char out[CLOCK_LOCAL_ISO_SIZE]);
/* "2026-11-23T06:10:00.123456Z", NUL-terminated. */
void clock_to_rfc3339(int64_t us, char out[CLOCK_RFC3339_SIZE]);
/* Accepts exactly the form above, with 0 to 6 decimals of a second. ERR_INVALID otherwise. */
int clock_from_rfc3339(struct str text, int64_t *ret_us);

#endif
