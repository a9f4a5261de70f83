/* import_date: days and moments as spreadsheets write them, in French or ISO order. */
#ifndef DP_ADMIN_IMPORT_DATE_H
#define DP_ADMIN_IMPORT_DATE_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/str.h"

/* "31/01/2027" or "2027-01-31" as the database wants a date: "2027-01-31". False: no day of 2000 to 2099. */
bool import_date_read(struct str text, struct arena *arena, struct str *ret_date);
/* The same, with " 18:30" behind it or not; without, the moment at which the day begins. In the zone of
 * clock_set_zone(). */
bool import_moment_read(struct str text, int64_t *ret_us);
/* As the database wants a moment and gives it back: "2027-01-31 17:30:00.000000", UTC. */
struct str import_moment_sql(struct arena *arena, int64_t us);

#endif
