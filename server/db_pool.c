#include "server/db_pool.h"

#include <sodium.h>
#include <strings.h>

#include "common/err.h"
#include "common/heap.h"
#include "server/db_exec.h"
#include "server/done_queue.h"

enum { BACKOFF_MIN_MS = 50, BACKOFF_MAX_MS = 2000 };

enum slot_state { SLOT_AWAY, SLOT_CONNECTING, SLOT_IDLE, SLOT_BUSY };

/* What the log said last of the connections: all of them live and die together, and one line tells it. */
enum pool_news { NEWS_NONE, NEWS_CONNECTED, NEWS_LOST, NEWS_UNAVAILABLE };

/* One connection of the pool; the same db_conn is opened again and again. */
struct slot {
    struct db_pool *pool; /* borrowed */
    struct db_conn *conn; /* owned */
    enum slot_state state;
    struct job *job; /* while BUSY */
    unsigned backoff_ms;
    uint64_t retry_at_ms; /* while AWAY */
};

/* One run in the pool's hands; in the run's arena. */
struct job {
    struct done_entry entry;
    struct db_pool *pool;
    struct db_run *run;
    struct job *next; /* while waiting */
    struct slot *slot;
    uint64_t deadline_at_ms;
    bool was_retried;
    int err;
    struct db_exec exec;
};

struct db_pool {
    uv_loop_t *loop;
    struct db_settings settings;
    struct slot *slots; /* owned */
    unsigned n_slots;
    struct job *first_waiting, *last_waiting;
    unsigned n_waiting, waiters_max;
    uv_timer_t timer; /* the next deadline of a waiter or attempt of a slot */
    struct done_queue done;
    struct db_pool_stats stats;
    enum pool_news news;
    unsigned news_errno; /* while UNAVAILABLE: another reason is news again */
    bool closing;
    unsigned open_things; /* what must close before the done queue may */
    void (*closed)(void *data);
    void *closed_data;
};

static void pump(struct db_pool *pool);
static void arm_timer(struct db_pool *pool);

/* --- the end of a run --- */

static void deliver(struct done_entry *entry)
{
    struct job *job = (struct job *)entry;
    job->run->done(job->run, job->err);
}

static void finish(struct job *job, int err)
{
    job->err = err;
    job->entry.run = deliver;
    if (err)
        job->pool->stats.failures++;
    done_queue_push(&job->pool->done, &job->entry);
}

/* --- waiters --- */

static void push_waiting(struct db_pool *pool, struct job *job)
{
    job->next = NULL;
    if (pool->last_waiting)
        pool->last_waiting->next = job;
    else
        pool->first_waiting = job;
    pool->last_waiting = job;
    pool->n_waiting++;
    arm_timer(pool);
}

static void push_waiting_first(struct db_pool *pool, struct job *job)
{
    job->next = pool->first_waiting;
    pool->first_waiting = job;
    if (!pool->last_waiting)
        pool->last_waiting = job;
    pool->n_waiting++;
    arm_timer(pool);
}

static struct job *pop_waiting(struct db_pool *pool)
{
    struct job *job = pool->first_waiting;
    pool->first_waiting = job->next;
    if (!job->next)
        pool->last_waiting = NULL;
    pool->n_waiting--;
    return job;
}

/* Ends the waiters whose deadline is not after `until_ms`; the others keep their order. */
static void end_waiting(struct db_pool *pool, uint64_t until_ms, int err)
{
    unsigned n = pool->n_waiting;
    while (n-- > 0) {
        struct job *job = pop_waiting(pool);
        if (job->deadline_at_ms <= until_ms)
            finish(job, err);
        else
            push_waiting(pool, job);
    }
}

/* --- connections --- */

static void slot_away(struct slot *slot)
{
    db_conn_drop(slot->conn);
    slot->state = SLOT_AWAY;
    slot->retry_at_ms = uv_now(slot->pool->loop) + slot->backoff_ms;
    slot->backoff_ms = slot->backoff_ms * 2 < BACKOFF_MAX_MS ? slot->backoff_ms * 2 : BACKOFF_MAX_MS;
    arm_timer(slot->pool);
}

static void tell_connected(struct db_pool *pool)
{
    const struct config_endpoint *at = &pool->settings.at;
    if (pool->news == NEWS_CONNECTED)
        return;
    pool->news = NEWS_CONNECTED;
    log_info("db_connected", LOG_STR("at", at->socket ? at->socket : at->host),
             LOG_INT("port", at->socket ? 0 : at->port), LOG_STR("database", pool->settings.database));
}

static void tell_unavailable(struct db_pool *pool, unsigned db_errno)
{
    const struct config_endpoint *at = &pool->settings.at;
    if (pool->news == NEWS_UNAVAILABLE && pool->news_errno == db_errno)
        return;
    pool->news = NEWS_UNAVAILABLE;
    pool->news_errno = db_errno;
    log_error("db_unavailable", LOG_STR("at", at->socket ? at->socket : at->host),
              LOG_INT("port", at->socket ? 0 : at->port), LOG_STR("database", pool->settings.database),
              LOG_INT("errno", db_errno));
}

static void idle_lost(void *data)
{
    struct slot *slot = data;
    if (slot->pool->news == NEWS_CONNECTED) {
        slot->pool->news = NEWS_LOST;
        log_warn("db_connection_lost", LOG_STR("while", "idle"));
    }
    slot_away(slot);
}

static void slot_connected(void *data, int err)
{
    struct slot *slot = data;
    struct db_pool *pool = slot->pool;

    if (err) {
        tell_unavailable(pool, slot->conn->db_errno);
        slot_away(slot);
        return;
    }
    tell_connected(pool);
    pool->stats.reconnects++;
    slot->backoff_ms = BACKOFF_MIN_MS;
    slot->state = SLOT_IDLE;
    db_conn_idle(slot->conn);
    pump(pool);
}

static void slot_connect(struct slot *slot)
{
    slot->state = SLOT_CONNECTING;
    db_conn_open(slot->conn, slot_connected, slot);
}

/* --- runs --- */

/* Reading twice is harmless, and the caller need not know that the server was restarted meanwhile. */
static bool may_retry(const struct job *job)
{
    const struct db_run *run = job->run;
    if (run->atomic || run->n_steps != 1 || job->was_retried)
        return false;
    return strncasecmp(job->pool->settings.table[run->steps[0].statement].sql, "SELECT", strlen("SELECT")) == 0;
}

static void run_done(void *data, int err)
{
    struct job *job = data;
    struct slot *slot = job->slot;
    struct db_pool *pool = job->pool;
    bool lost = !db_conn_is_usable(slot->conn);

    slot->job = NULL;
    if (lost) {
        log_warn("db_connection_lost", LOG_STR("while", "busy"), LOG_ERR(err), LOG_INT("errno", job->run->db_errno));
        slot_away(slot);
    } else {
        slot->state = SLOT_IDLE;
        db_conn_idle(slot->conn);
    }
    if (lost && err == ERR_UNAVAILABLE && may_retry(job)) {
        job->was_retried = true;
        push_waiting_first(pool, job);
    } else {
        finish(job, err);
    }
    pump(pool);
}

static struct slot *idle_slot(struct db_pool *pool)
{
    for (unsigned i = 0; i < pool->n_slots; i++)
        if (pool->slots[i].state == SLOT_IDLE)
            return &pool->slots[i];
    return NULL;
}

static void start_job(struct slot *slot, struct job *job)
{
    slot->state = SLOT_BUSY;
    slot->job = job;
    job->slot = slot;
    db_exec_start(&job->exec, slot->conn, job->run, job->deadline_at_ms, run_done, job);
}

static void pump(struct db_pool *pool)
{
    struct slot *slot;
    while (pool->first_waiting && (slot = idle_slot(pool)) != NULL)
        start_job(slot, pop_waiting(pool));
}

/* A run that the table does not allow is our bug. */
static void check_run(const struct db_pool *pool, const struct db_run *run)
{
    if (run->n_steps == 0 || run->n_steps > DB_STEPS_MAX)
        log_fatal("db_run_steps", LOG_INT("steps", run->n_steps));
    for (unsigned i = 0; i < run->n_steps; i++)
        if (run->steps[i].statement >= pool->settings.n_statements)
            log_fatal("db_run_statement", LOG_INT("statement", run->steps[i].statement));
}

void db_pool_run(struct db_pool *pool, struct db_run *run)
{
    unsigned most_ms = pool->settings.query_timeout_ms;
    unsigned deadline_ms = run->deadline_ms && run->deadline_ms < most_ms ? run->deadline_ms : most_ms;
    struct job *job = ARENA_NEW(run->arena, struct job);
    struct slot *slot = idle_slot(pool); /* none is idle while anyone waits */

    check_run(pool, run);
    *job = (struct job){.pool = pool, .run = run, .deadline_at_ms = uv_now(pool->loop) + deadline_ms};
    run->internal = job;
    run->results = ARENA_ARRAY(run->arena, run->n_steps, struct db_result);
    run->failed_step = 0;
    run->db_errno = 0;
    pool->stats.runs++;
    if (pool->closing) {
        finish(job, ERR_CANCELLED);
    } else if (slot) {
        start_job(slot, job);
    } else if (pool->n_waiting >= pool->waiters_max) {
        finish(job, ERR_BUSY);
    } else {
        push_waiting(pool, job);
    }
}

/* --- time --- */

static void on_timer(uv_timer_t *timer)
{
    struct db_pool *pool = timer->data;
    uint64_t now = uv_now(pool->loop);

    end_waiting(pool, now, ERR_UNAVAILABLE);
    for (unsigned i = 0; i < pool->n_slots; i++)
        if (pool->slots[i].state == SLOT_AWAY && pool->slots[i].retry_at_ms <= now)
            slot_connect(&pool->slots[i]);
    arm_timer(pool);
}

static void arm_timer(struct db_pool *pool)
{
    uint64_t at = UINT64_MAX, now = uv_now(pool->loop);

    if (pool->closing)
        return;
    for (const struct job *job = pool->first_waiting; job; job = job->next)
        at = job->deadline_at_ms < at ? job->deadline_at_ms : at;
    for (unsigned i = 0; i < pool->n_slots; i++)
        if (pool->slots[i].state == SLOT_AWAY && pool->slots[i].retry_at_ms < at)
            at = pool->slots[i].retry_at_ms;
    if (at == UINT64_MAX)
        uv_timer_stop(&pool->timer);
    else
        uv_timer_start(&pool->timer, on_timer, at > now ? at - now : 0, 0);
}

/* --- the pool --- */

static void read_settings(struct db_pool *pool, const struct config *config)
{
    const struct config_db_user *user = &config->database.server;

    pool->settings = (struct db_settings){
        .at = config->database.at,
        .database = config->database.name,
        .user = user->user,
        .connect_timeout_ms = config->database.connect_timeout_ms,
        .query_timeout_ms = config->database.query_timeout_ms,
    };
    if (user->password_file && config_read_secret(user->password_file, &pool->settings.password) != 0)
        log_error("secret_unreadable", LOG_STR("file", user->password_file));
}

struct db_pool *db_pool_new(uv_loop_t *loop, const struct config *config, const struct db_statement *table,
                            unsigned n_statements)
{
    struct db_pool *pool = HEAP_NEW(struct db_pool);

    for (unsigned i = 0; i < n_statements; i++)
        if (strlen(table[i].params) > DB_PARAMS_MAX || strlen(table[i].columns) > DB_COLUMNS_MAX)
            log_fatal("db_statement_too_wide", LOG_STR("statement", table[i].name));
    pool->loop = loop;
    read_settings(pool, config);
    pool->settings.table = table;
    pool->settings.n_statements = n_statements;
    pool->waiters_max = config->database.waiters_max;
    pool->n_slots = config->database.pool_size;
    pool->slots = HEAP_ARRAY(pool->n_slots, struct slot);
    done_queue_init(&pool->done, loop);
    uv_timer_init(loop, &pool->timer);
    pool->timer.data = pool;
    pool->open_things = 1;
    for (unsigned i = 0; i < pool->n_slots; i++) {
        struct slot *slot = &pool->slots[i];
        *slot = (struct slot){.pool = pool, .backoff_ms = BACKOFF_MIN_MS, .retry_at_ms = uv_now(loop)};
        slot->conn = db_conn_new(loop, &pool->settings, idle_lost, slot);
        pool->open_things++;
    }
    arm_timer(pool);
    return pool;
}

unsigned db_pool_ready(const struct db_pool *pool)
{
    unsigned n = 0;
    for (unsigned i = 0; i < pool->n_slots; i++)
        n += pool->slots[i].state == SLOT_IDLE || pool->slots[i].state == SLOT_BUSY;
    return n;
}

struct db_pool_stats db_pool_stats(const struct db_pool *pool)
{
    struct db_pool_stats stats = pool->stats;
    stats.ready = db_pool_ready(pool);
    for (unsigned i = 0; i < pool->n_slots; i++)
        stats.busy += pool->slots[i].state == SLOT_BUSY;
    stats.waiting = pool->n_waiting;
    return stats;
}

/* --- the end of the pool --- */

static void on_done_queue_closed(void *data)
{
    struct db_pool *pool = data;
    void (*closed)(void *data) = pool->closed;
    void *closed_data = pool->closed_data;

    if (pool->settings.password)
        sodium_memzero(pool->settings.password, strlen(pool->settings.password));
    free(pool->settings.password);
    free(pool->slots);
    free(pool);
    closed(closed_data);
}

static void thing_closed(void *data)
{
    struct db_pool *pool = data;
    if (--pool->open_things == 0)
        done_queue_close(&pool->done, on_done_queue_closed, pool);
}

static void on_timer_closed(uv_handle_t *handle)
{
    thing_closed(handle->data);
}

void db_pool_close(struct db_pool *pool, void (*closed)(void *data), void *data)
{
    if (pool->closing)
        return;
    pool->closing = true;
    pool->closed = closed;
    pool->closed_data = data;
    end_waiting(pool, UINT64_MAX, ERR_CANCELLED);
    for (unsigned i = 0; i < pool->n_slots; i++) {
        struct slot *slot = &pool->slots[i];
        if (slot->state == SLOT_BUSY)
            finish(slot->job, ERR_CANCELLED);
        slot->job = NULL;
        slot->state = SLOT_AWAY;
        db_conn_close(slot->conn, thing_closed, pool);
    }
    uv_close((uv_handle_t *)&pool->timer, on_timer_closed);
}
