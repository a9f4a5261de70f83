/* consumer: the thread that reads the event stream, batch by batch. Commit first, acknowledge after: what is read twice
 * is a no-op, what is acknowledged is in the database. */
#ifndef DP_WORKER_CONSUMER_H
#define DP_WORKER_CONSUMER_H

#include "common/config.h"
#include "common/vault.h"
#include "worker/drain.h"
#include "worker/metrics.h"

struct consumer_settings {
    const struct config *config; /* borrowed, as all of these */
    const struct vault *vault;
    struct drain *drain;
    struct metrics *metrics;
    const char *name; /* of this consumer in the group */
};

/* Reads until the drain begins; finishes and acknowledges the batch in hand. With connections of its own. */
void consumer_run(const struct consumer_settings *settings);

#endif
