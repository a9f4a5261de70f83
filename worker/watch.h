/* watch: what the janitor looks at for the operator's sake, every few seconds: dead letters, mails, journals, the
 * nightly comparison, the bank's silence. Each finding goes to alarm.c; any number of workers does it at once. */
#ifndef DP_WORKER_WATCH_H
#define DP_WORKER_WATCH_H

#include "common/config.h"
#include "worker/comparison.h"
#include "worker/metrics.h"
#include "worker/silence.h"

enum {
    WATCH_SILENCE_EVERY = 12,   /* turns */
    WATCH_PAYMENT_MINUTES = 15, /* a payment sent to the bank so long ago is made or given up */
};

struct watch {
    const struct config *config; /* borrowed, as the next four */
    struct metrics *metrics;
    struct drain *drain;
    struct db *db;
    struct stream *stream;
    unsigned turn;
    struct comparison comparison;
};

/* One look at everything that MariaDB knows. Errors of db.h. */
int watch_database(struct watch *watch);
/* The bank's silence, once in WATCH_SILENCE_EVERY turns; turns in which calls wait in the stream, or Redis is away, do
 * not count. Errors of db.h. */
int watch_bank(struct watch *watch);
/* A portion of the comparison, if there is one to do. Errors of db.h and stream.h. */
int watch_compare(struct watch *watch);

/* The facts for silence_judge(), and what came of it. Errors of db.h. */
int watch_load_silence(struct db *db, int64_t now_us, struct silence_facts *ret);

#endif
