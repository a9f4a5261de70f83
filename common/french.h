/* french: dates and times as French readers write them, in the zone of clock_set_zone(). All texts come in the given
 * arena. */
#ifndef DP_COMMON_FRENCH_H
#define DP_COMMON_FRENCH_H

#include <stdint.h>

#include "common/arena.h"
#include "common/str.h"

/* "29 mars 2026 à 10 h 42" (no-break spaces inside; "1er" for the first day of a month) */
struct str french_datetime(struct arena *arena, int64_t us);
/* "10 h 42": where the day is clear */
struct str french_hour(struct arena *arena, int64_t us);
/* "29/03/2026 à 10 h 42": for tables */
struct str french_datetime_short(struct arena *arena, int64_t us);
/* "2026-06-30" → "30 juin 2026"; what is no date comes back as it is. */
struct str french_date_from_iso(struct arena *arena, struct str iso);
/* "2026-03-29T10:42:00+02:00": for <time datetime> */
struct str french_time_iso(struct arena *arena, int64_t us);
/* "janvier" of 1 … "décembre" of 12 */
const char *french_month(int month);
/* "n° 150509, forfait avril–juin"; the label alone where it names the number already, as some programs write it. */
struct str french_claim(struct arena *arena, struct str number, struct str label);
/* "2026-000123": a receipt's year and number. */
struct str french_receipt(struct arena *arena, int64_t year, int64_t number);
/* money_format() in the arena. */
struct str french_money(struct arena *arena, int64_t cents);

#endif
