/* receipts: numbers without gap per school and calendar year. The counter's row is locked from here to COMMIT, so this
 * is the last thing a transaction does, and always in the order of schools. */
#ifndef DP_WORKER_RECEIPTS_H
#define DP_WORKER_RECEIPTS_H

#include "worker/batch.h"
#include "worker/db.h"

/* `year`: of now, in the zone of the schools. Errors of db.h. */
int receipts_number(struct db *db, const struct plan_credit *credits, size_t n_credits, int year, struct arena *arena);

#endif
