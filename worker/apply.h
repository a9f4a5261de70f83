/* apply: writes a decided batch in one SQL transaction, everything or nothing. */
#ifndef DP_WORKER_APPLY_H
#define DP_WORKER_APPLY_H

#include "worker/batch.h"
#include "worker/db.h"

enum { APPLY_RESETS_PER_HOUR_MAX = 3, APPLY_RESET_USERS_MAX = 10 };

/* Commits, or rolls back and returns an error of db.h. ERR_CONFLICT: a row did not stand as it was when decided on, or
 * a unique key said no: load the facts again. `operator_email` gets the reviews without a school; NULL: nobody does. */
int apply_batch(const struct batch *batch, struct db *db, const char *operator_email);

#endif
