#include "server/journal_keeper.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crash_point.h"
#include "common/encode.h"
#include "common/heap.h"
#include "common/log.h"
#include "server/app.h"
#include "server/statements.h"

enum {
    ROUND_EVERY_MS = 5000,
    FULL_ROUND_MS = 5,
    PUSH_TIMEOUT_MS = 2000,
    REPORT_EVERY_MS = 60000,
    ARENA_MAX_BYTES = 8 << 20,
    HOST_SIZE = 65, /* 64 is what Linux allows */
};
/* What SQL_INBOX_KNOWN says of a row. */
enum { IS_OF_BANK = 1, IS_LETTER = 2 };

struct pushed;

/* One round: due records are read, looked up in the inbox, released or pushed again. */
struct journal_keeper {
    struct app *app; /* borrowed */
    uv_timer_t timer;
    bool busy;       /* a round is under way */
    bool progressed; /* it has released or pushed something */
    bool closing;
    struct arena arena; /* of the round */
    struct event *events;
    unsigned n_events;
    uint8_t digests[INBOX_KNOWN_MAX][EVENT_ID_LEN]; /* of the events */
    struct db_step step;
    struct db_run run;
    unsigned n_pushing;
    uint64_t resent;
    char host[HOST_SIZE];
    int64_t next_report_ms;
    bool late_said;
    void (*closed)(void *data);
    void *closed_data;
};

struct pushed {
    struct journal_keeper *keeper;
    const struct event *event;
};

static void timer_fired(uv_timer_t *timer);

static void timer_closed(uv_handle_t *handle)
{
    struct journal_keeper *keeper = handle->data;
    keeper->closed(keeper->closed_data);
    free(keeper);
}

static void end_round(struct journal_keeper *keeper)
{
    /* A full batch means more is waiting: go on without pause, unless the next one would be the same. */
    bool more_waits = keeper->n_events == INBOX_KNOWN_MAX && keeper->progressed;
    uint64_t pause_ms = more_waits ? FULL_ROUND_MS : ROUND_EVERY_MS;

    keeper->busy = false;
    arena_done(&keeper->arena);
    if (keeper->closing)
        uv_close((uv_handle_t *)&keeper->timer, timer_closed);
    else
        uv_timer_start(&keeper->timer, timer_fired, pause_ms, 0);
}

static void push_done(void *data, int err)
{
    struct pushed *pushed = data;
    struct journal_keeper *keeper = pushed->keeper;

    CRASH_POINT("server/keeper_pushed");
    if (err == 0) {
        keeper->resent++;
        keeper->progressed = true;
        journal_touch(keeper->app->journal, &pushed->event->id, 1);
    }
    if (--keeper->n_pushing == 0)
        end_round(keeper);
}

/* A row is an event of the inbox, by its id, or a dead letter, by its digest. */
static bool is_known(const struct db_result *known, const struct event *event, const uint8_t *digest)
{
    for (unsigned row = 0; row < known->n_rows; row++) {
        const struct db_value *cells = &known->cells[(size_t)row * known->n_columns];
        bool is_letter = cells[1].number == IS_LETTER;
        const uint8_t *wanted = is_letter ? digest : event->id;
        if ((is_letter || (cells[1].number == IS_OF_BANK) == event_is_of_bank(event)) &&
            str_eq(cells[0].text, str_slice((const char *)wanted, EVENT_ID_LEN)))
            return true;
    }
    return false;
}

static void push_again(struct journal_keeper *keeper, const struct event *event)
{
    struct pushed *pushed = ARENA_NEW(&keeper->arena, struct pushed);
    *pushed = (struct pushed){keeper, event};
    keeper->n_pushing++;
    CRASH_POINT("server/keeper_before_push");
    event_queue_push(keeper->app->events, event, PUSH_TIMEOUT_MS, push_done, pushed);
}

/* Without the database nothing is released; what is due is pushed all the same, since the inbox makes a repeat
 * harmless. */
static void inbox_read(struct db_run *run, int err)
{
    struct journal_keeper *keeper = run->data;
    unsigned resent = 0;

    CRASH_POINT("server/keeper_inbox_read");
    if (err)
        log_warn("inbox_not_read", LOG_ERR(err));
    for (unsigned i = 0; i < keeper->n_events; i++) {
        if (err == 0 && is_known(&run->results[0], &keeper->events[i], keeper->digests[i])) {
            journal_release(keeper->app->journal, &keeper->events[i].id, 1);
            keeper->progressed = true;
        } else if (event_queue_is_ready(keeper->app->events)) {
            push_again(keeper, &keeper->events[i]);
            resent++;
        }
    }
    if (resent > 0)
        log_warn("bank_calls_sent_again", LOG_INT("count", resent));
    if (keeper->n_pushing == 0)
        end_round(keeper);
}

/* The statement has a fixed number of parameters, ids and then digests in hex: the first event fills the rest. */
static void read_inbox(struct journal_keeper *keeper)
{
    struct db_value *ids = ARENA_ARRAY(&keeper->arena, 2 * INBOX_KNOWN_MAX, struct db_value);
    struct db_value *digests = &ids[INBOX_KNOWN_MAX];

    for (unsigned i = 0; i < keeper->n_events; i++) {
        char *hex = arena_alloc(&keeper->arena, 2 * EVENT_ID_LEN + 1);
        event_digest(&keeper->events[i], keeper->digests[i]);
        encode_hex(keeper->digests[i], EVENT_ID_LEN, hex);
        ids[i] = DB_S(str_slice((const char *)keeper->events[i].id, EVENT_ID_LEN));
        digests[i] = DB_S(str_from(hex));
    }
    for (unsigned i = keeper->n_events; i < INBOX_KNOWN_MAX; i++) {
        ids[i] = ids[0];
        digests[i] = digests[0];
    }
    keeper->step = (struct db_step){.statement = SQL_INBOX_KNOWN, .params = ids, .expect = DB_ANY_COUNT};
    keeper->run = (struct db_run){
        .arena = &keeper->arena, .steps = &keeper->step, .n_steps = 1, .done = inbox_read, .data = keeper};
    db_pool_run(keeper->app->db, &keeper->run);
}

static void due_read(void *data, const struct event *events, unsigned n_events)
{
    struct journal_keeper *keeper = data;

    keeper->n_events = n_events;
    if (n_events == 0) {
        end_round(keeper);
        return;
    }
    CRASH_POINT("server/keeper_due_read");
    keeper->events = ARENA_ARRAY(&keeper->arena, n_events, struct event);
    for (unsigned i = 0; i < n_events; i++)
        keeper->events[i] = event_copy(&events[i], &keeper->arena);
    read_inbox(keeper);
}

static void read_due(struct journal_keeper *keeper)
{
    int64_t age_us = (int64_t)keeper->app->config->journal.resend_after_s * CLOCK_SECOND_US;

    journal_read_due(keeper->app->journal, age_us, INBOX_KNOWN_MAX, due_read, keeper);
}

/* Once when it begins and once when it is over. */
static void say_late(struct journal_keeper *keeper, const struct journal_stats *stats)
{
    bool late = journal_oldest_age_s(stats) > JOURNAL_LATE_S;

    if (late && !keeper->late_said)
        log_error("journal_late", LOG_INT("records", (int64_t)stats->live_records),
                  LOG_INT("oldest_s", journal_oldest_age_s(stats)));
    else if (!late && keeper->late_said)
        log_info("journal_no_longer_late");
    keeper->late_said = late;
}

/* Without the database nobody is told by mail; the log and /metrics have it. */
static void reported(struct db_run *run, int err)
{
    struct journal_keeper *keeper = run->data;

    if (err)
        log_warn("journal_not_reported", LOG_ERR(err));
    read_due(keeper);
}

static void report(struct journal_keeper *keeper)
{
    struct journal_stats stats = journal_stats(keeper->app->journal);
    struct db_value *params = ARENA_ARRAY(&keeper->arena, 4, struct db_value);

    say_late(keeper, &stats);
    params[0] = DB_S(str_from(keeper->host));
    params[1] = DB_I(keeper->app->instance);
    params[2] = DB_I((int64_t)stats.live_records);
    params[3] = stats.oldest_at_us ? DB_I(stats.oldest_at_us) : DB_N;
    keeper->step = (struct db_step){.statement = SQL_JOURNAL_REPORT, .params = params, .expect = DB_ANY_COUNT};
    keeper->run = (struct db_run){
        .arena = &keeper->arena, .steps = &keeper->step, .n_steps = 1, .done = reported, .data = keeper};
    db_pool_run(keeper->app->db, &keeper->run);
}

static void timer_fired(uv_timer_t *timer)
{
    struct journal_keeper *keeper = timer->data;
    int64_t now_ms = clock_monotonic_ms();

    keeper->busy = true;
    keeper->progressed = false;
    arena_init(&keeper->arena, ARENA_MAX_BYTES);
    if (now_ms < keeper->next_report_ms) {
        read_due(keeper);
        return;
    }
    keeper->next_report_ms = now_ms + REPORT_EVERY_MS;
    report(keeper);
}

struct journal_keeper *journal_keeper_new(struct app *app)
{
    struct journal_keeper *keeper = HEAP_NEW(struct journal_keeper);
    keeper->app = app;
    if (gethostname(keeper->host, sizeof keeper->host - 1))
        memcpy(keeper->host, "?", 2);
    uv_timer_init(app->loop, &keeper->timer);
    keeper->timer.data = keeper;
    uv_timer_start(&keeper->timer, timer_fired, 0, 0);
    return keeper;
}

uint64_t journal_keeper_resent(const struct journal_keeper *keeper)
{
    return keeper->resent;
}

void journal_keeper_close(struct journal_keeper *keeper, void (*closed)(void *data), void *data)
{
    keeper->closing = true;
    keeper->closed = closed;
    keeper->closed_data = data;
    uv_timer_stop(&keeper->timer);
    if (!keeper->busy)
        uv_close((uv_handle_t *)&keeper->timer, timer_closed);
}
