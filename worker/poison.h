/* poison: entries that fail alone. Their failures are counted in SQL (event_failures); at POISON_FAILURES_MAX the entry
 * goes to dead_letters, committed before anyone acknowledges it.
 *
 * A crash leaves nobody to count, so an entry suspected of one is charged before it is run alone, and the charge is
 * taken back afterwards: two crashes alone are enough, while one kill by an operator is forgiven. */
#ifndef DP_WORKER_POISON_H
#define DP_WORKER_POISON_H

#include "worker/db.h"
#include "worker/stream.h"

enum { POISON_FAILURES_MAX = 5, POISON_CRASH_WEIGHT = 3, POISON_SUSPECT_DELIVERIES = 3 };

/* Claimed from another consumer more than once: it may have crashed them. */
bool poison_is_suspect(const struct stream_entry *entry);

/* Adds `weight` failures (negative: takes back) and says how many there are now. Errors of db.h. */
int poison_charge(struct db *db, struct str stream_id, int64_t weight, const char *reason, int64_t *ret_failures);

/* Writes the dead letter and commits. Harmless when it is there already. */
int poison_bury(struct db *db, const struct stream_entry *entry, const char *reason, int64_t failures);

#endif
