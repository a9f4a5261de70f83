#include "worker/reaper.h"

#include "common/crash_point.h"
#include "common/log.h"

enum { ARENA_MAX = 256 * 1024 * 1024 };

/* An entry deleted while pending was trimmed by somebody who should not have; if it was not applied, dp-server's
 * journal sends it again. */
static void report_deleted(const struct stream_entries *entries, struct metrics *metrics)
{
    for (size_t i = 0; i < entries->n_deleted; i++)
        log_error("pending_entry_deleted", LOG_SLICE("stream_id", entries->deleted[i]));
    metrics_add(metrics, METRIC_EVENTS_DELETED, (int64_t)entries->n_deleted);
}

static int claim_portion(struct stream *stream, const struct config *config, char cursor[STREAM_ID_SIZE],
                         struct metrics *metrics, reaper_process_cb process, void *context)
{
    struct arena arena;
    struct stream_entries entries;
    arena_init(&arena, ARENA_MAX);
    int err =
        stream_claim_idle(stream, config->worker.claim_idle_ms, config->worker.batch_max, cursor, &arena, &entries);
    if (!err) {
        report_deleted(&entries, metrics);
        metrics_add(metrics, METRIC_EVENTS_CLAIMED, (int64_t)entries.count);
        if (entries.count) {
            CRASH_POINT("worker/entries_claimed");
            err = process(context, &entries);
        }
    }
    arena_done(&arena);
    return err;
}

int reaper_turn(struct stream *stream, const struct config *config, struct drain *drain, struct metrics *metrics,
                reaper_process_cb process, void *context)
{
    char cursor[STREAM_ID_SIZE] = "0-0";
    for (int round = 0; round < REAPER_ROUNDS_MAX && !drain_begun(drain); round++) {
        int err = claim_portion(stream, config, cursor, metrics, process, context);
        if (err)
            return err;
        if (str_eq_text(STR("0-0"), cursor))
            break;
    }
    return 0;
}
