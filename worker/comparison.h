/* comparison: once a night every event in the stream is looked up in the database. Each entry older than ten minutes
 * must stand in `inbox` or `dead_letters`, or be a worker's still. What does not is sent to the stream again, which is
 * harmless if it was applied after all, and counted as missing: an alarm (watch.c).
 *
 * The journals' half is done by dp-server all the time: a record leaves only when its event stands there. What journals
 * have waited with for too long is counted here with the rest.
 *
 * One of many workers does it, under a lease in `worker_tasks`; one that dies leaves it to another. It is done in
 * portions, so that the janitor's other work goes on. */
#ifndef DP_WORKER_COMPARISON_H
#define DP_WORKER_COMPARISON_H

#include "worker/db.h"
#include "worker/drain.h"
#include "worker/metrics.h"
#include "worker/stream.h"

enum {
    COMPARISON_HOUR = 3, /* of the night, on the wall's clock */
    COMPARISON_DAYS = 7,
    COMPARISON_AGE_MIN = 10, /* minutes; younger entries are on their way */
    COMPARISON_PAGE = 256,   /* entries looked up together */
    COMPARISON_TURN_MS = 2000,
    COMPARISON_LEASE_S = 300,
    COMPARISON_RUN_MAX_S = 1800,
    COMPARISON_RESEND_MAX = 1000, /* a run; more are only counted */
};

struct comparison {
    const char *worker; /* borrowed: the holder's name */
    int64_t id;         /* 0: none is under way here */
    int64_t begun_ms;
    char from_id[STREAM_ID_SIZE], to_id[STREAM_ID_SIZE];
    int64_t checked, waiting, missing, resent;
};

/* The last moment at which a comparison was due: 3 o'clock of this day or of the one before. Pure. */
int64_t comparison_due_us(int64_t now_us);
/* Takes the work if it is due and nobody has it, or goes on with it, for at most COMPARISON_TURN_MS. Errors of db.h and
 * stream.h: this run is given up and begun again by whoever finds its lease ended. */
int comparison_turn(struct comparison *comparison, struct db *db, struct stream *stream, struct drain *drain);

#endif
