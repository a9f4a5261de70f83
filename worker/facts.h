/* facts: what the database knows about the payments that a batch's events name, loaded with one SELECT a table for the
 * whole batch. */
#ifndef DP_WORKER_FACTS_H
#define DP_WORKER_FACTS_H

#include "worker/batch.h"
#include "worker/db.h"

/* Marks repeated events and loads payments, lines, claims, holdings and bank references. Errors as in db.h. */
int facts_load(struct batch *batch, struct db *db);

#endif
