/* poison: entries that fail alone. Their failures are counted in SQL (event_failures); at POISON_FAILURES_MAX the entry
 * goes to dead_letters, committed before anyone acknowledges it.
 *
 * A crash leaves nobody to count, so an entry suspected of one has a death noted before it is run alone, and all of
 * them forgiven by the first run that is survived, whatever its outcome. Nothing tells a crash from a kill by an
 * operator or for want of memory: so a death alone weighs no more than a failure alone. Five in a row, with no survived
 * run between them, are the entry's fault. */
#ifndef DP_WORKER_POISON_H
#define DP_WORKER_POISON_H

#include "worker/db.h"
#include "worker/stream.h"

enum { POISON_FAILURES_MAX = 5, POISON_DEATHS_MAX = 5, POISON_SUSPECT_DELIVERIES = 3, POISON_SAME_AS_SIZE = 65 };

/* Delivered more than twice: it may have crashed who had it. */
bool poison_is_suspect(const struct stream_entry *entry);

/* Adds a failure and says how many there are now. Errors of db.h, here and below. */
int poison_add_failure(struct db *db, struct str stream_id, const char *reason, int64_t *ret_failures);
/* Notes the death that comes if this run is not survived; says how many came before it. */
int poison_add_death(struct db *db, struct str stream_id, int64_t *ret_before);
int poison_forgive_deaths(struct db *db, struct str stream_id);

/* Writes the dead letter and commits. Harmless when it is there already; another entry of the same event is counted in
 * the open letter of the first. */
int poison_bury(struct db *db, const struct stream_entry *entry, const char *reason, int64_t failures);
/* What two entries of the same event have in common, in hex: event_entry_digest(). dp-server's journal lets an event
 * go that has a letter of its digest, so the letter holds all of it. */
void poison_same_as(const struct stream_entry *entry, char out[POISON_SAME_AS_SIZE]);

#endif
