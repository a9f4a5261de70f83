/* metrics: what the worker counts, for the admin port. Written by any thread, read by the admin port's. */
#ifndef DP_WORKER_METRICS_H
#define DP_WORKER_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/buf.h"
#include "worker/batch.h"

enum metric {
    METRIC_BATCHES,
    METRIC_BATCHES_SPLIT, /* rolled back and run again entry by entry */
    METRIC_DB_RETRIES,
    METRIC_EVENTS_LEFT,   /* of a newer dp-server: left pending */
    METRIC_EVENTS_FAILED, /* alone */
    METRIC_EVENTS_CLAIMED,
    METRIC_EVENTS_DELETED, /* pending, but gone from the stream */
    METRIC_DEAD_LETTERED,
    METRIC_EXPIRED,
    METRIC_TRIMMED,
    METRIC_MAILS_SENT,
    METRIC_MAILS_RETRIED,
    METRIC_MAILS_DEAD,
    METRIC_RECEIPT_FILES,
    METRIC_RECEIPT_FILES_FAILED,
    /* gauges, by the janitor */
    METRIC_STREAM_PENDING,
    METRIC_STREAM_LAG,
    METRIC_OUTBOX_PENDING,
    METRIC_OUTBOX_DEAD,
    METRIC_DEAD_LETTERS_OPEN,
    METRIC_REVIEWS_OPEN,
    METRIC_ALARMS_OPEN,
    METRIC_EVENTS_MISSING,   /* by the last comparison */
    METRIC_COMPARISON_AGE_S, /* since its end */
    METRIC_BANK_SILENCE_S,   /* since the last call; -1: none ever */
    METRIC_BANK_SILENCE,     /* 1: an alarm */
    /* 1 or 0 */
    METRIC_DATABASE_UP,
    METRIC_REDIS_UP,
    METRIC_COUNT,
};

struct metrics {
    _Atomic int64_t values[METRIC_COUNT];
    _Atomic int64_t verdicts[VERDICT_COUNT];
    _Atomic int64_t queries[GATEWAY_ANSWER_KIND_COUNT];
};

void metrics_add(struct metrics *metrics, enum metric metric, int64_t n);
void metrics_set(struct metrics *metrics, enum metric metric, int64_t value);
int64_t metrics_get(const struct metrics *metrics, enum metric metric);
void metrics_count_verdict(struct metrics *metrics, enum batch_verdict verdict);
void metrics_count_query(struct metrics *metrics, enum gateway_answer_kind outcome);

/* Prometheus' text format 0.0.4 (prometheus.io, "Exposition formats"). */
void metrics_write(const struct metrics *metrics, struct buf *out);

#endif
