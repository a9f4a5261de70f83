#include "worker/runner.h"

#include <stdio.h>

#include "common/crash_point.h"
#include "common/err.h"
#include "common/log.h"
#include "worker/apply.h"
#include "worker/facts.h"
#include "worker/poison.h"

/* A conflict alone is a race with another worker over the same payment; it ends as soon as one of them has committed.
 */
enum { CONFLICTS_ALONE_MAX = 4, REASON_SIZE = 256 };

static bool is_of_database(int err)
{
    return err == ERR_BUSY || err == ERR_UNAVAILABLE;
}

/* Waits before the next attempt; ERR_CANCELLED when the worker is to stop instead. */
static int wait_for_database(struct runner *runner, struct backoff *backoff, int err)
{
    if (err == ERR_UNAVAILABLE)
        metrics_set(runner->metrics, METRIC_DATABASE_UP, 0);
    if (backoff->wait_ms == 0)
        log_warn("database_retry", LOG_ERR(err), LOG_STR("error", db_error(runner->db)));
    metrics_add(runner->metrics, METRIC_DB_RETRIES, 1);
    return drain_wait(runner->drain, backoff_next_ms(backoff)) ? ERR_CANCELLED : 0;
}

/* Unknown merchants and bad seals get one second chance with contracts as they are now: what is decided here is final,
 * and dp-server may know a contract or a key that came a moment ago. */
static int verify(struct runner *runner, struct batch *batch)
{
    bool loaded;
    if (batch_verify(batch, runner->contracts))
        return 0;
    unsigned pause_ms = contracts_pause_ms(runner->contracts);
    if (pause_ms && drain_wait(runner->drain, pause_ms))
        return ERR_CANCELLED;
    int err = contracts_reload(runner->contracts, runner->db, &loaded);
    if (!err && loaded)
        batch_verify(batch, runner->contracts);
    return err;
}

static void report(struct runner *runner, const struct batch *batch)
{
    metrics_add(runner->metrics, METRIC_BATCHES, 1);
    metrics_set(runner->metrics, METRIC_DATABASE_UP, 1);
    for (size_t i = 0; i < batch->n_entries; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        if (entry->verdict == VERDICT_NONE)
            continue;
        metrics_count_verdict(runner->metrics, entry->verdict);
        log_info("event_applied", LOG_HEX("event_id", entry->event.id, EVENT_ID_LEN),
                 LOG_STR("kind", event_kind_name(entry->event.kind)),
                 LOG_STR("verdict", batch_verdict_name(entry->verdict)));
    }
}

/* One attempt: check seals, load facts, decide, write. */
static int attempt(struct runner *runner, const struct stream_entry *entries, size_t n_entries,
                   enum runner_outcome *outcomes, int *ret_parse_err)
{
    struct batch batch;
    batch_init(&batch, entries, n_entries);
    int err = verify(runner, &batch);
    CRASH_POINT("worker/batch_verified");
    if (!err)
        err = facts_load(&batch, runner->db);
    CRASH_POINT("worker/facts_loaded");
    if (!err) {
        batch_decide(&batch);
        CRASH_POINT("worker/batch_decided");
        err = apply_batch(&batch, runner->db, runner->config->site.operator_email);
    }
    if (!err) {
        for (size_t i = 0; i < n_entries; i++)
            outcomes[i] = batch.entries[i].verdict == VERDICT_NONE ? RUNNER_LEAVE : RUNNER_ACK;
        *ret_parse_err = batch.entries[0].parse_err;
        report(runner, &batch);
    }
    batch_done(&batch);
    return err;
}

/* Repeats an attempt while the fault is the database's. */
static int run_together(struct runner *runner, const struct stream_entry *entries, size_t n_entries,
                        enum runner_outcome *outcomes, int *ret_parse_err)
{
    struct backoff backoff = {0};
    int err;
    while (is_of_database(err = attempt(runner, entries, n_entries, outcomes, ret_parse_err))) {
        if (wait_for_database(runner, &backoff, err))
            return ERR_CANCELLED;
    }
    return err;
}

static int add_failure(struct runner *runner, const struct stream_entry *entry, const char *reason,
                       int64_t *ret_failures)
{
    struct backoff backoff = {0};
    int err;
    while (is_of_database(err = poison_add_failure(runner->db, entry->id, reason, ret_failures))) {
        if (wait_for_database(runner, &backoff, err))
            return ERR_CANCELLED;
    }
    return err;
}

static int add_death(struct runner *runner, const struct stream_entry *entry, int64_t *ret_before)
{
    struct backoff backoff = {0};
    int err;
    while (is_of_database(err = poison_add_death(runner->db, entry->id, ret_before))) {
        if (wait_for_database(runner, &backoff, err))
            return ERR_CANCELLED;
    }
    return err;
}

static int forgive_deaths(struct runner *runner, const struct stream_entry *entry)
{
    struct backoff backoff = {0};
    int err;
    while (is_of_database(err = poison_forgive_deaths(runner->db, entry->id))) {
        if (wait_for_database(runner, &backoff, err))
            return ERR_CANCELLED;
    }
    return err;
}

static int bury(struct runner *runner, const struct stream_entry *entry, const char *reason, int64_t failures,
                enum runner_outcome *outcome)
{
    struct backoff backoff = {0};
    int err;
    while (is_of_database(err = poison_bury(runner->db, entry, reason, failures))) {
        if (wait_for_database(runner, &backoff, err))
            return ERR_CANCELLED;
    }
    if (err)
        return err;
    log_error("event_dead_lettered", LOG_SLICE("stream_id", entry->id), LOG_STR("reason", reason));
    metrics_add(runner->metrics, METRIC_DEAD_LETTERED, 1);
    *outcome = RUNNER_ACK;
    return 0;
}

/* Counts a failure of an entry that was alone, and buries it when it was one too many. */
static int count_failure(struct runner *runner, const struct stream_entry *entry, const char *reason,
                         enum runner_outcome *outcome)
{
    int64_t failures = 0;
    *outcome = RUNNER_LEAVE;
    metrics_add(runner->metrics, METRIC_EVENTS_FAILED, 1);
    int err = add_failure(runner, entry, reason, &failures);
    if (err)
        return err;
    log_error("event_failed", LOG_SLICE("stream_id", entry->id), LOG_INT("failures", failures),
              LOG_STR("reason", reason));
    return failures < POISON_FAILURES_MAX ? 0 : bury(runner, entry, reason, failures, outcome);
}

/* Runs one entry. *ret_reason: why it failed, in the caller's memory until the next use of the database; NULL else. */
static int try_alone(struct runner *runner, const struct stream_entry *entry, enum runner_outcome *outcome,
                     const char **ret_reason)
{
    int parse_err = 0, err = ERR_CONFLICT;
    *ret_reason = NULL;
    for (int i = 0; err == ERR_CONFLICT && i < CONFLICTS_ALONE_MAX; i++)
        err = run_together(runner, entry, 1, outcome, &parse_err);
    if (err == ERR_CANCELLED)
        return err;
    if (err) {
        *ret_reason = db_error(runner->db);
    } else if (parse_err == ERR_NOT_FOUND) {
        log_warn("event_unknown_kind", LOG_SLICE("stream_id", entry->id));
        metrics_add(runner->metrics, METRIC_EVENTS_LEFT, 1);
    } else if (parse_err) {
        *ret_reason = "malformed entry";
    }
    return 0;
}

static int run_alone(struct runner *runner, const struct stream_entry *entry, enum runner_outcome *outcome)
{
    const char *reason;
    int err = try_alone(runner, entry, outcome, &reason);
    return err || !reason ? err : count_failure(runner, entry, reason, outcome);
}

/* A death is noted before, since a dead worker notes nothing, and forgiven after. */
static int run_suspect(struct runner *runner, const struct stream_entry *entry, enum runner_outcome *outcome)
{
    static const char died[] = "each worker that ran this entry alone died";
    char reason_copy[REASON_SIZE];
    const char *reason;
    int64_t deaths = 0;
    int err = add_death(runner, entry, &deaths);
    if (err)
        return err;
    if (deaths >= POISON_DEATHS_MAX)
        return bury(runner, entry, died, deaths, outcome);
    err = try_alone(runner, entry, outcome, &reason);
    snprintf(reason_copy, sizeof reason_copy, "%s", reason ? reason : "");
    int forgive_err = forgive_deaths(runner, entry);
    if (err || forgive_err)
        return err ? err : forgive_err;
    return reason ? count_failure(runner, entry, reason_copy, outcome) : 0;
}

static int run_one_by_one(struct runner *runner, const struct stream_entry *entries, size_t n_entries,
                          enum runner_outcome *outcomes)
{
    int err = 0;
    for (size_t i = 0; !err && i < n_entries; i++) {
        if (drain_begun(runner->drain) && i > 0)
            return ERR_CANCELLED;
        err = poison_is_suspect(&entries[i]) ? run_suspect(runner, &entries[i], &outcomes[i])
                                             : run_alone(runner, &entries[i], &outcomes[i]);
    }
    return err;
}

static bool any_left(const enum runner_outcome *outcomes, size_t n_entries)
{
    for (size_t i = 0; i < n_entries; i++) {
        if (outcomes[i] == RUNNER_LEAVE)
            return true;
    }
    return false;
}

/* After a batch that went well: what it left is unknown or malformed, and says so alone. */
static int run_left(struct runner *runner, const struct stream_entry *entries, size_t n_entries,
                    enum runner_outcome *outcomes)
{
    int err = 0;
    for (size_t i = 0; !err && i < n_entries; i++) {
        if (outcomes[i] == RUNNER_LEAVE)
            err = run_alone(runner, &entries[i], &outcomes[i]);
    }
    return err;
}

int runner_run(struct runner *runner, const struct stream_entry *entries, size_t n_entries,
               enum runner_outcome *outcomes)
{
    bool suspect = false;
    int parse_err;
    contracts_outdate(runner->contracts);
    for (size_t i = 0; i < n_entries; i++) {
        outcomes[i] = RUNNER_LEAVE;
        suspect = suspect || poison_is_suspect(&entries[i]);
    }
    if (n_entries == 0)
        return 0;
    if (suspect)
        return run_one_by_one(runner, entries, n_entries, outcomes);
    int err = run_together(runner, entries, n_entries, outcomes, &parse_err);
    if (err == ERR_CANCELLED)
        return err;
    if (!err)
        return any_left(outcomes, n_entries) ? run_left(runner, entries, n_entries, outcomes) : 0;
    log_warn("batch_split", LOG_INT("entries", (int64_t)n_entries), LOG_ERR(err),
             LOG_STR("error", db_error(runner->db)));
    metrics_add(runner->metrics, METRIC_BATCHES_SPLIT, 1);
    return run_one_by_one(runner, entries, n_entries, outcomes);
}
