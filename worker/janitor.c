#include "worker/janitor.h"

#include "common/clock.h"
#include "common/crash_point.h"
#include "common/err.h"
#include "common/log.h"
#include "worker/receipt_file.h"
#include "worker/watch.h"

enum { ARENA_MAX = 16 * 1024 * 1024, MS_PER_MINUTE = 60000, US_PER_MS = 1000 };

static int expire_found(struct db *db, const struct db_result *found, struct arena *arena)
{
    static const enum statement steps[] = {STATEMENT_EXPIRE_CLAIMS, STATEMENT_EXPIRE_HISTORY, STATEMENT_EXPIRE_REVIEWS,
                                           STATEMENT_EXPIRE_REVIEW_MAILS, STATEMENT_EXPIRE};
    struct db_value *ids = ARENA_ARRAY(arena, found->n_rows, struct db_value);
    struct db_result result = {0};
    int err = 0;
    for (size_t i = 0; i < found->n_rows; i++)
        ids[i] = DB_INT(db_int(found, i, 0));
    for (size_t i = 0; !err && i < sizeof steps / sizeof steps[0]; i++) {
        CRASH_POINT("worker/expiry_step");
        err = db_run_list(db, steps[i], NULL, 0, ids, found->n_rows, arena, &result);
    }
    /* The last step's count proves that every row still was where the lock found it. */
    return err || result.affected == (int64_t)found->n_rows ? err : ERR_CONFLICT;
}

int janitor_expire(struct db *db, size_t *ret_count)
{
    struct arena arena;
    struct db_result found = {0};
    struct db_value limit = DB_INT(JANITOR_EXPIRE_MAX);
    arena_init(&arena, ARENA_MAX);
    int err = db_begin(db);
    if (!err)
        err = db_run(db, STATEMENT_EXPIRED_FIND, &limit, 1, &arena, &found);
    if (!err && found.n_rows)
        err = expire_found(db, &found, &arena);
    CRASH_POINT("worker/expiry_before_commit");
    if (!err)
        err = db_commit(db);
    else
        db_rollback(db);
    CRASH_POINT("worker/expiry_committed");
    if (!err)
        *ret_count = found.n_rows;
    arena_done(&arena);
    return err;
}

int janitor_forget_logins(struct db *db)
{
    struct arena arena;
    struct db_value limit = DB_INT(JANITOR_FORGET_MAX);
    struct db_result result = {0};
    arena_init(&arena, ARENA_MAX);
    int err = db_run(db, STATEMENT_LOGINS_FORGET, &limit, 1, &arena, &result);
    if (!err && result.affected > 0)
        log_info("logins_forgotten", LOG_INT("count", result.affected));
    arena_done(&arena);
    return err;
}

static int read_gauges(struct db *db, struct metrics *metrics)
{
    static const enum metric gauges[] = {METRIC_OUTBOX_PENDING, METRIC_OUTBOX_DEAD, METRIC_DEAD_LETTERS_OPEN,
                                         METRIC_REVIEWS_OPEN};
    struct arena arena;
    struct db_result row;
    arena_init(&arena, ARENA_MAX);
    int err = db_run(db, STATEMENT_GAUGES, NULL, 0, &arena, &row);
    for (size_t i = 0; !err && i < sizeof gauges / sizeof gauges[0]; i++)
        metrics_set(metrics, gauges[i], db_int(&row, 0, i));
    arena_done(&arena);
    return err;
}

static int tend_payments(struct db *db, struct metrics *metrics, struct drain *drain)
{
    size_t count = JANITOR_EXPIRE_MAX;
    int err = 0;
    while (!err && count == JANITOR_EXPIRE_MAX && !drain_begun(drain)) {
        err = janitor_expire(db, &count);
        if (!err && count) {
            metrics_add(metrics, METRIC_EXPIRED, (int64_t)count);
            log_info("payments_expired", LOG_INT("count", (int64_t)count));
        }
    }
    if (!err)
        err = janitor_forget_logins(db);
    return err ? err : read_gauges(db, metrics);
}

static int remove_gone_consumers(struct stream *stream, struct arena *arena)
{
    const struct stream_consumer *consumers;
    size_t count;
    int err = stream_consumers(stream, arena, &consumers, &count);
    for (size_t i = 0; !err && i < count; i++) {
        int64_t lost = 0;
        if (consumers[i].pending != 0 || consumers[i].idle_ms < (int64_t)JANITOR_CONSUMER_IDLE_MIN * MS_PER_MINUTE)
            continue;
        err = stream_delete_consumer(stream, consumers[i].name, &lost);
        CRASH_POINT("worker/consumer_removed");
        log_info("consumer_removed", LOG_SLICE("name", consumers[i].name), LOG_INT("lost", lost));
    }
    return err;
}

int janitor_tend_stream(struct stream *stream, struct metrics *metrics)
{
    struct arena arena;
    int64_t removed = 0;
    int64_t before_ms = (clock_now_us() - JANITOR_KEEP_DAYS * CLOCK_DAY_US) / US_PER_MS;
    int err = stream_trim(stream, before_ms, &removed);
    CRASH_POINT("worker/stream_trimmed");
    if (err)
        return err;
    metrics_add(metrics, METRIC_TRIMMED, removed);
    arena_init(&arena, ARENA_MAX);
    err = remove_gone_consumers(stream, &arena);
    arena_done(&arena);
    return err;
}

static int watch_stream(struct stream *stream, struct metrics *metrics, unsigned turn)
{
    int64_t pending = -1, undelivered = -1;
    int err = stream_lag(stream, &pending, &undelivered);
    if (err)
        return err;
    metrics_set(metrics, METRIC_STREAM_PENDING, pending);
    metrics_set(metrics, METRIC_STREAM_LAG, undelivered);
    return turn % JANITOR_STREAM_EVERY == 0 ? janitor_tend_stream(stream, metrics) : 0;
}

/* A walk over all receipts goes on turn by turn until its end, then rests: there is hardly ever anything to do. */
static int tend_receipts(struct receipt_maker *receipts, struct drain *drain, unsigned turn, bool *walking)
{
    bool done = false;
    *walking = *walking || turn % JANITOR_RECEIPTS_EVERY == 0;
    if (!*walking || drain_begun(drain))
        return 0;
    int err = receipt_files_catch_up(receipts, &done);
    *walking = !done;
    return err;
}

/* Says once that a store went away and once that it is back. */
static void report(bool *was_up, int err, const char *event, const struct config_endpoint *at, const char *error)
{
    bool up = err != ERR_UNAVAILABLE;
    if (err && (*was_up || up))
        log_error(event, LOG_STR("where", at->socket ? at->socket : at->host), LOG_ERR(err), LOG_STR("error", error));
    *was_up = up;
}

/* What needs both stores. Which of them failed it is said by the looks at each; here only that it did. */
static void watch_operator(struct watch *watch)
{
    int err = watch_bank(watch);
    if (!err)
        err = watch_compare(watch);
    if (err && err != ERR_BUSY)
        log_warn("watch_failed", LOG_ERR(err), LOG_STR("database", db_error(watch->db)),
                 LOG_STR("redis", stream_error(watch->stream)));
}

void janitor_run(const struct janitor_settings *settings)
{
    const struct config *config = settings->config;
    struct db *db = db_new(config);
    struct stream *stream = stream_new(config, settings->consumer_name);
    struct receipt_maker receipts = {.db = db, .metrics = settings->metrics, .base_url = config->site.base_url};
    bool database_was_up = true, redis_was_up = true, walking = false;
    unsigned turn = 0;
    struct watch watch = {
        config, settings->metrics, settings->drain, db, stream, 0, {.worker = settings->consumer_name}};
    do {
        int err = tend_payments(db, settings->metrics, settings->drain);
        if (!err)
            err = watch_database(&watch);
        if (!err)
            err = tend_receipts(&receipts, settings->drain, turn, &walking);
        metrics_set(settings->metrics, METRIC_DATABASE_UP, err != ERR_UNAVAILABLE);
        report(&database_was_up, err == ERR_BUSY ? 0 : err, "janitor_database_failed", &config->database.at,
               db_error(db));
        err = watch_stream(stream, settings->metrics, turn++);
        if (!err)
            watch_operator(&watch);
        report(&redis_was_up, err, "janitor_redis_failed", &config->redis.events, stream_error(stream));
    } while (!drain_wait(settings->drain, JANITOR_INTERVAL_MS));
    stream_free(stream);
    receipt_maker_done(&receipts);
    db_free(db);
}
