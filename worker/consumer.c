#include "worker/consumer.h"

#include "common/clock.h"
#include "common/crash_point.h"
#include "common/err.h"
#include "common/log.h"
#include "worker/reaper.h"
#include "worker/runner.h"

enum { ARENA_MAX = 256 * 1024 * 1024 };

struct consumer {
    const struct consumer_settings *settings; /* borrowed */
    struct runner runner;
    struct stream *stream;           /* owned */
    bool own_read;                   /* nothing of ours is pending that this connection has not seen */
    char own_cursor[STREAM_ID_SIZE]; /* the last of our pending entries seen */
    int64_t next_reap_ms;
};

/* Runs the entries and acknowledges what is committed, even when the drain cut the rest short. */
static int process(void *context, const struct stream_entries *entries)
{
    struct consumer *consumer = context;
    struct arena arena;
    size_t n_done = 0;
    CRASH_POINT("worker/entries_read");
    arena_init(&arena, ARENA_MAX);
    enum runner_outcome *outcomes = ARENA_ARRAY(&arena, entries->count, enum runner_outcome);
    struct str *done = ARENA_ARRAY(&arena, entries->count, struct str);
    int err = runner_run(&consumer->runner, entries->items, entries->count, outcomes);
    log_flush();
    for (size_t i = 0; i < entries->count; i++) {
        if (outcomes[i] == RUNNER_ACK)
            done[n_done++] = entries->items[i].id;
    }
    CRASH_POINT("worker/before_ack");
    int ack_err = stream_ack(consumer->stream, done, n_done);
    CRASH_POINT("worker/acknowledged");
    arena_done(&arena);
    return err ? err : ack_err;
}

/* After a (re)connection: entries delivered to this consumer whose acknowledgement may not have arrived. */
static int read_own(struct consumer *consumer, struct arena *arena)
{
    struct stream_entries entries;
    int err = stream_read_own(consumer->stream, str_from(consumer->own_cursor),
                              consumer->settings->config->worker.batch_max, arena, &entries);
    if (err)
        return err;
    if (entries.count == 0) {
        consumer->own_read = true;
        return 0;
    }
    struct str last = entries.items[entries.count - 1].id;
    memcpy(consumer->own_cursor, last.ptr, last.len + 1); /* an id fits STREAM_ID_SIZE with the arena's NUL */
    return process(consumer, &entries);
}

static int read_new(struct consumer *consumer, struct arena *arena)
{
    const struct config *config = consumer->settings->config;
    struct stream_entries entries;
    int err = stream_read_new(consumer->stream, config->worker.batch_max, config->worker.poll_ms, arena, &entries);
    return err || entries.count == 0 ? err : process(consumer, &entries);
}

static int reap(struct consumer *consumer)
{
    const struct consumer_settings *settings = consumer->settings;
    int64_t interval_ms = settings->config->worker.claim_idle_ms < REAPER_INTERVAL_MS
                              ? settings->config->worker.claim_idle_ms
                              : REAPER_INTERVAL_MS;
    if (clock_monotonic_ms() < consumer->next_reap_ms)
        return 0;
    int err = reaper_turn(consumer->stream, settings->config, settings->drain, settings->metrics, process, consumer);
    consumer->next_reap_ms = clock_monotonic_ms() + interval_ms;
    return err;
}

static int take_turn(struct consumer *consumer)
{
    struct arena arena;
    int err;
    arena_init(&arena, ARENA_MAX);
    if (!consumer->own_read)
        err = read_own(consumer, &arena);
    else if (!(err = reap(consumer)))
        err = read_new(consumer, &arena);
    arena_done(&arena);
    return err;
}

static void start_over(struct consumer *consumer)
{
    consumer->own_read = false;
    memcpy(consumer->own_cursor, "0", 2);
}

/* ERR_CANCELLED ends the thread; anything else is waited out. */
static bool survive(struct consumer *consumer, struct backoff *backoff, int err)
{
    const struct consumer_settings *settings = consumer->settings;
    const struct config_endpoint *at = &settings->config->redis.events;
    if (err == ERR_CANCELLED)
        return false;
    metrics_set(settings->metrics, METRIC_REDIS_UP, 0);
    if (backoff->wait_ms == 0)
        log_error("redis_unavailable", LOG_STR("where", at->socket ? at->socket : at->host), LOG_ERR(err),
                  LOG_STR("error", stream_error(consumer->stream)));
    start_over(consumer);
    return !drain_wait(settings->drain, backoff_next_ms(backoff));
}

static void read_until_drained(struct consumer *consumer)
{
    struct backoff backoff = {0};
    while (!drain_begun(consumer->settings->drain)) {
        int err = take_turn(consumer);
        log_flush();
        if (err && !survive(consumer, &backoff, err))
            break;
        if (!err) {
            if (backoff.wait_ms)
                log_info("redis_available");
            backoff = (struct backoff){0};
            metrics_set(consumer->settings->metrics, METRIC_REDIS_UP, 1);
        }
    }
}

void consumer_run(const struct consumer_settings *settings)
{
    struct consumer consumer = {.settings = settings};
    bool demonstration = settings->config->site.mode == CONFIG_DEMONSTRATION;
    consumer.runner = (struct runner){
        .config = settings->config,
        .db = db_new(settings->config),
        .contracts = contracts_new(settings->vault, demonstration),
        .drain = settings->drain,
        .metrics = settings->metrics,
    };
    consumer.stream = stream_new(settings->config, settings->name);
    start_over(&consumer);
    log_info("consumer_started", LOG_STR("name", settings->name));
    log_hold();
    read_until_drained(&consumer);
    CRASH_POINT("worker/consumer_stopped");
    log_info("consumer_stopped", LOG_STR("name", settings->name));
    log_flush();
    stream_free(consumer.stream);
    contracts_free(consumer.runner.contracts);
    db_free(consumer.runner.db);
}
