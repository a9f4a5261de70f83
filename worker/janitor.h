/* janitor: the thread for what nobody asks for: payments that expire, the stream's length, consumers that are gone, and
 * the gauges. Any number of workers does all of it at once: each step is a conditional statement that does nothing when
 * another worker was there first. */
#ifndef DP_WORKER_JANITOR_H
#define DP_WORKER_JANITOR_H

#include "common/config.h"
#include "worker/db.h"
#include "worker/drain.h"
#include "worker/metrics.h"
#include "worker/stream.h"

enum {
    JANITOR_INTERVAL_MS = 5000,
    JANITOR_STREAM_EVERY = 12,     /* turns between looks at the stream's length and consumers */
    JANITOR_RECEIPTS_EVERY = 120,  /* turns between walks over the receipts that may lack their file */
    JANITOR_EXPIRE_MAX = 200,      /* payments a transaction */
    JANITOR_FORGET_MAX = 1000,     /* connections a turn */
    JANITOR_KEEP_DAYS = 7,         /* entries stay this long even when finished */
    JANITOR_CONSUMER_IDLE_MIN = 60 /* minutes of silence after which a consumer without pending entries is gone */
};

struct janitor_settings {
    const struct config *config; /* borrowed, as all of these */
    struct drain *drain;
    struct metrics *metrics;
    const char *consumer_name;
};

/* Works until the drain begins. With connections of its own. */
void janitor_run(const struct janitor_settings *settings);

/* Writes EXPIRED: PENDING past expires_at once its bank need not be asked any more, CREATED after 24 hours; at most
 * JANITOR_EXPIRE_MAX. What the bank said nothing certain about also becomes a review (BANK_SILENT) with its mail.
 * Errors of db.h. */
int janitor_expire(struct db *db, size_t *ret_count);
/* Deletes connections (login_history) older than 12 months, at most JANITOR_FORGET_MAX. Errors of db.h. */
int janitor_forget_logins(struct db *db);
/* Trims what is finished and old, and removes consumers that are gone. Errors of stream.h. */
int janitor_tend_stream(struct stream *stream, struct metrics *metrics);

#endif
