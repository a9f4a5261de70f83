#include <stdlib.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/journal_record.h"
#include "common/log.h"
#include "server/journal_private.h"

enum { PAYLOAD_ROOM = 2048 }; /* of a usual event */

/* Logs once at each turn: a disk that fails would fill the log as well. A journal that was full is called so until a
 * quarter of it is free, else it would turn with every record. */
static void note_outcome(struct journal *journal, int err, int os_errno)
{
    struct journal_stats *stats = &journal->stats;

    if (err == ERR_CANCELLED)
        return;
    if (err == ERR_TOO_LARGE && !journal->full) {
        journal->full = true;
        log_error("journal_full", LOG_INT("bytes", (int64_t)stats->disk_bytes),
                  LOG_INT("max", (int64_t)journal->size_max));
    } else if (err != 0 && err != ERR_TOO_LARGE && !stats->failing) {
        log_error("journal_append_failed", LOG_ERR(err), LOG_STR("error", os_errno ? strerror(os_errno) : NULL));
    } else if (err == 0 && journal->full && stats->disk_bytes < journal->size_max / 4 * 3) {
        journal->full = false;
        log_info("journal_no_longer_full");
    } else if (err == 0 && stats->failing && !journal->full) {
        log_info("journal_recovered");
    }
    stats->failing = err != 0;
    stats->failures += err != 0;
}

static void tell_caller(struct journal *journal, struct journal_append *append, int err)
{
    void (*done)(void *data, int err) = append->done;

    if (!done)
        return;
    TAILQ_REMOVE(&journal->waiting, append, waiting);
    append->done = NULL;
    done(append->data, err);
}

/* A disk that hangs must not make the bank wait without end. What it writes later is used all the same. */
static void on_watchdog(uv_timer_t *timer)
{
    struct journal *journal = timer->data;
    struct journal_append *append;
    int64_t now_ms = clock_monotonic_ms();

    while ((append = TAILQ_FIRST(&journal->waiting)) != NULL && append->deadline_ms <= now_ms) {
        note_outcome(journal, ERR_TIMEOUT, 0);
        tell_caller(journal, append, ERR_TIMEOUT);
    }
    if (append)
        uv_timer_start(timer, on_watchdog, (uint64_t)(append->deadline_ms - now_ms), 0);
}

void journal_append_done(struct journal *journal, struct journal_append *append)
{
    struct journal_segment *segment = append->segment;
    int err = append->job.err;

    journal->n_queued--;
    journal->queued_bytes -= append->bytes.len;
    if (segment) {
        const struct journal_location *location = &append->location;
        journal_set_segment_bytes(journal, segment, location->offset + location->length);
        journal_backlog_keep(journal, segment, location, clock_monotonic_ms());
        journal->stats.appends++;
    }
    if (segment || err != 0)
        note_outcome(journal, err, append->job.os_errno);
    tell_caller(journal, append, err);
    buf_done(&append->bytes);
    free(append);
}

/* Why this record cannot even be handed to the writer; 0 if it can. */
static int refuse_append(const struct journal *journal, const struct journal_append *append)
{
    if (journal->state != JOURNAL_OPEN)
        return ERR_CANCELLED;
    if (!buf_ok(&append->bytes))
        return ERR_INVALID;
    if (journal->n_queued >= JOURNAL_WAITING_MAX ||
        journal->queued_bytes + append->bytes.len > JOURNAL_WAITING_BYTES_MAX)
        return ERR_BUSY;
    if (journal->stats.disk_bytes + journal->queued_bytes + append->bytes.len > journal->size_max)
        return ERR_TOO_LARGE;
    return 0;
}

/* What could not be read back must not be acknowledged: it overflows `out`. */
static void encode_record(const struct event *event, struct buf *out)
{
    char room[PAYLOAD_ROOM];
    struct buf payload;

    buf_init_in(&payload, room, sizeof room, JOURNAL_RECORD_PAYLOAD_MAX);
    buf_init(out, JOURNAL_RECORD_MAX);
    event_encode(event, &payload);
    if (buf_ok(&payload) && event_is_sound(event))
        journal_record_encode(event->id, event->at_us, buf_str(&payload), out);
    else
        out->overflowed = true;
    buf_done(&payload);
}

static struct journal_append *new_append(const struct event *event, journal_cb done, void *data)
{
    struct journal_append *append = HEAP_NEW(struct journal_append);

    append->job.kind = JOURNAL_APPEND;
    append->done = done;
    append->data = data;
    append->deadline_ms = clock_monotonic_ms() + JOURNAL_APPEND_TIMEOUT_MS;
    memcpy(append->location.id, event->id, EVENT_ID_LEN);
    append->location.at_us = event->at_us;
    encode_record(event, &append->bytes);
    append->location.length = (uint32_t)append->bytes.len;
    return append;
}

void journal_push_gathered(struct journal *journal)
{
    if (!TAILQ_EMPTY(&journal->gathered))
        journal_writer_push_all(journal->writer, &journal->gathered);
}

static void on_turn_end(uv_prepare_t *turn_end)
{
    uv_prepare_stop(turn_end);
    journal_push_gathered(turn_end->data);
}

void journal_append(struct journal *journal, const struct event *event, journal_cb done, void *data)
{
    struct journal_append *append = new_append(event, done, data);
    bool known = journal_index_find(journal->index, event->id) != NULL;

    append->job.err = known ? 0 : refuse_append(journal, append);
    if (known || append->job.err != 0)
        buf_done(&append->bytes);
    TAILQ_INSERT_TAIL(&journal->waiting, append, waiting);
    journal->n_queued++;
    journal->queued_bytes += append->bytes.len;
    if (known || append->job.err != 0) {
        journal_writer_complete(journal->writer, &append->job);
        return;
    }
    if (!uv_is_active((uv_handle_t *)&journal->watchdog))
        uv_timer_start(&journal->watchdog, on_watchdog, JOURNAL_APPEND_TIMEOUT_MS, 0);
    TAILQ_INSERT_TAIL(&journal->gathered, &append->job, link);
    uv_prepare_start(&journal->turn_end, on_turn_end);
}
