/* runner: makes a batch of stream entries happen in the database, whatever it takes, and says which entries may be
 * acknowledged. Knows no Redis.
 *
 * A batch that fails is run again entry by entry, so that one bad entry stops no other. Errors of the database itself
 * are retried in place until they pass or the drain begins, and never count against an entry. */
#ifndef DP_WORKER_RUNNER_H
#define DP_WORKER_RUNNER_H

#include "common/config.h"
#include "worker/contracts.h"
#include "worker/db.h"
#include "worker/drain.h"
#include "worker/metrics.h"
#include "worker/stream.h"

struct runner {
    const struct config *config; /* borrowed, as all of these */
    struct db *db;
    struct contracts *contracts;
    struct drain *drain;
    struct metrics *metrics;
};

enum runner_outcome {
    RUNNER_LEAVE, /* stays pending: of a newer dp-server, failed, or not reached */
    RUNNER_ACK,   /* committed: applied now or before, or in dead_letters */
};

/* Runs the entries together, or one by one when any is suspected of having crashed a worker. `outcomes` has room for
 * n_entries. ERR_CANCELLED when the drain began while the database was away: the rest is RUNNER_LEAVE. */
int runner_run(struct runner *runner, const struct stream_entry *entries, size_t n_entries,
               enum runner_outcome *outcomes);

#endif
