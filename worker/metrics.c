#include "worker/metrics.h"

static const struct {
    const char *name;
    const char *type;
    const char *help;
} descriptions[METRIC_COUNT] = {
    [METRIC_BATCHES] = {"dp_worker_batches_total", "counter", "Batches applied"},
    [METRIC_BATCHES_SPLIT] = {"dp_worker_batches_split_total", "counter", "Batches run again entry by entry"},
    [METRIC_DB_RETRIES] = {"dp_worker_database_retries_total", "counter", "Attempts repeated because of the database"},
    [METRIC_EVENTS_LEFT] = {"dp_worker_events_left_total", "counter", "Events of an unknown kind or version"},
    [METRIC_EVENTS_FAILED] = {"dp_worker_events_failed_total", "counter", "Events that failed alone"},
    [METRIC_EVENTS_CLAIMED] = {"dp_worker_events_claimed_total", "counter", "Entries taken over from silent consumers"},
    [METRIC_EVENTS_DELETED] = {"dp_worker_events_deleted_total", "counter", "Pending entries gone from the stream"},
    [METRIC_DEAD_LETTERED] = {"dp_worker_dead_lettered_total", "counter", "Events moved to dead_letters"},
    [METRIC_EXPIRED] = {"dp_worker_payments_expired_total", "counter", "Payments that became EXPIRED"},
    [METRIC_TRIMMED] = {"dp_worker_entries_trimmed_total", "counter", "Finished entries removed from the stream"},
    [METRIC_MAILS_SENT] = {"dp_worker_mails_sent_total", "counter", "Mails accepted by the mail server"},
    [METRIC_MAILS_RETRIED] = {"dp_worker_mails_retried_total", "counter", "Attempts that will be repeated"},
    [METRIC_MAILS_DEAD] = {"dp_worker_mails_dead_total", "counter", "Mails given up"},
    [METRIC_RECEIPT_FILES] = {"dp_worker_receipt_files_total", "counter", "Receipts made as PDF"},
    [METRIC_RECEIPT_FILES_FAILED] = {"dp_worker_receipt_files_failed_total", "counter", "Receipts not made as PDF"},
    [METRIC_STREAM_PENDING] = {"dp_stream_pending", "gauge", "Entries delivered and not acknowledged"},
    [METRIC_STREAM_LAG] = {"dp_stream_lag", "gauge", "Entries not delivered yet; -1: unknown"},
    [METRIC_OUTBOX_PENDING] = {"dp_outbox_pending", "gauge", "Mails waiting or being sent"},
    [METRIC_OUTBOX_DEAD] = {"dp_outbox_dead", "gauge", "Mails given up"},
    [METRIC_DEAD_LETTERS_OPEN] = {"dp_dead_letters", "gauge", "Dead letters that nobody has settled"},
    [METRIC_REVIEWS_OPEN] = {"dp_review_items", "gauge", "Review items that nobody has settled"},
    [METRIC_ALARMS_OPEN] = {"dp_alarms", "gauge", "Alarms whose cause lasts"},
    [METRIC_EVENTS_MISSING] = {"dp_events_missing", "gauge", "Events that the last comparison did not find in SQL"},
    [METRIC_COMPARISON_AGE_S] = {"dp_comparison_age_seconds", "gauge", "Since the last comparison ended"},
    [METRIC_BANK_SILENCE_S] = {"dp_worker_bank_silence_seconds", "gauge", "Since the bank's last call; -1: none ever"},
    [METRIC_BANK_SILENCE] = {"dp_worker_bank_silence", "gauge", "1 while that is too long for the hour"},
    [METRIC_DATABASE_UP] = {"dp_worker_database_up", "gauge", "1 when the last use of MariaDB succeeded"},
    [METRIC_REDIS_UP] = {"dp_worker_redis_up", "gauge", "1 when the last use of Redis succeeded"},
};

void metrics_add(struct metrics *metrics, enum metric metric, int64_t n)
{
    atomic_fetch_add(&metrics->values[metric], n);
}

void metrics_set(struct metrics *metrics, enum metric metric, int64_t value)
{
    atomic_store(&metrics->values[metric], value);
}

int64_t metrics_get(const struct metrics *metrics, enum metric metric)
{
    return atomic_load(&metrics->values[metric]);
}

void metrics_count_verdict(struct metrics *metrics, enum batch_verdict verdict)
{
    atomic_fetch_add(&metrics->verdicts[verdict], 1);
}

void metrics_count_query(struct metrics *metrics, enum gateway_answer_kind outcome)
{
    atomic_fetch_add(&metrics->queries[outcome], 1);
}

void metrics_write(const struct metrics *metrics, struct buf *out)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        buf_printf(out, "# HELP %s %s.\n# TYPE %s %s\n%s %lld\n", descriptions[i].name, descriptions[i].help,
                   descriptions[i].name, descriptions[i].type, descriptions[i].name,
                   (long long)metrics_get(metrics, (enum metric)i));
    buf_append_text(out, "# HELP dp_worker_events_total Events applied, by verdict.\n"
                         "# TYPE dp_worker_events_total counter\n");
    for (int i = VERDICT_REPEATED; i < VERDICT_COUNT; i++)
        buf_printf(out, "dp_worker_events_total{verdict=\"%s\"} %lld\n", batch_verdict_name((enum batch_verdict)i),
                   (long long)atomic_load(&metrics->verdicts[i]));
    buf_append_text(out, "# HELP dp_worker_bank_queries_total Questions to banks about payments, by outcome.\n"
                         "# TYPE dp_worker_bank_queries_total counter\n");
    for (int i = 0; i < GATEWAY_ANSWER_KIND_COUNT; i++)
        buf_printf(out, "dp_worker_bank_queries_total{outcome=\"%s\"} %lld\n",
                   gateway_answer_name((enum gateway_answer_kind)i), (long long)atomic_load(&metrics->queries[i]));
}
