#include "server/journal.h"

#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/crash_point.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/log.h"
#include "server/journal_private.h"

/* Payloads read back at once. A segment is at most a quarter of the journal, so that one in use whose records have all
 * gone cannot fill it. */
enum { READ_BYTES_MAX = 4 << 20, SEGMENTS_MIN = 4 };

/* --- segments --- */

static void remove_if_unused(struct journal *journal, struct journal_segment *segment)
{
    struct journal_file_job *removal;

    if (!segment->sealed || segment->live > 0 || segment->unindexed > 0)
        return;
    if (journal->state >= JOURNAL_STOPPING) {
        /* The writer takes nothing more; whoever adopts the file removes it. */
        free(segment);
        return;
    }
    removal = HEAP_NEW(struct journal_file_job);
    removal->job.kind = JOURNAL_REMOVE;
    removal->segment = segment;
    removal->keep = segment->corrupt;
    journal_writer_push(journal->writer, &removal->job);
}

static void drop_record(struct journal *journal, struct journal_entry *entry)
{
    remove_if_unused(journal, journal_index_remove(journal->index, entry));
}

void journal_set_segment_bytes(struct journal *journal, struct journal_segment *segment, uint64_t bytes)
{
    journal->stats.disk_bytes += bytes - segment->bytes;
    segment->bytes = bytes;
}

static void segment_sealed(struct journal *journal, struct journal_file_job *notice)
{
    struct journal_segment *segment = notice->segment;

    segment->sealed = true;
    journal_set_segment_bytes(journal, segment, notice->bytes);
    free(notice);
    remove_if_unused(journal, segment);
}

static void segment_removed(struct journal *journal, struct journal_file_job *removal)
{
    journal_set_segment_bytes(journal, removal->segment, 0);
    free(removal->segment);
    free(removal);
}

static void segment_adopted(struct journal *journal, struct journal_file_job *loaded)
{
    struct journal_segment *segment = loaded->segment;
    struct journal_scan *scan = &loaded->scan;
    int64_t now_ms = clock_monotonic_ms();
    int64_t now_us = clock_now_us();

    for (size_t i = 0; i < scan->n_records; i++) {
        const struct journal_location *location = &scan->records[i];
        int64_t age_us = location->at_us < now_us ? now_us - location->at_us : 0;
        journal_backlog_keep(journal, segment, location, now_ms - age_us / 1000);
    }
    segment->corrupt = scan->corrupt > 0;
    journal_set_segment_bytes(journal, segment, scan->bytes);
    journal->stats.torn_records += scan->torn;
    journal->stats.corrupt_records += scan->corrupt;
    journal->stats.adopted_segments += loaded->job.err == 0;
    if (loaded->job.err == 0)
        remove_if_unused(journal, segment);
    else
        free(segment); /* unreadable: it stays on disk, and its directory with it */
}

/* What was damaged since it was written is lost; the rest is not. */
static void segment_read_again(struct journal *journal, struct journal_file_job *loaded)
{
    struct journal_segment *segment = loaded->segment;

    if (!segment->corrupt)
        journal->stats.corrupt_records += loaded->scan.corrupt;
    segment->corrupt = segment->corrupt || loaded->scan.corrupt > 0;
    journal_backlog_loaded(journal, loaded);
    remove_if_unused(journal, segment);
}

static void segment_loaded(struct journal *journal, struct journal_file_job *loaded)
{
    if (loaded->segment == journal->backlog.loading)
        segment_read_again(journal, loaded);
    else
        segment_adopted(journal, loaded);
    free(loaded->scan.records);
    free(loaded);
}

/* --- reading back --- */

static void adopt_now_and_then(struct journal *journal)
{
    int64_t now_ms = clock_monotonic_ms();
    struct journal_job *job;

    if (now_ms < journal->adopt_at_ms)
        return;
    journal->adopt_at_ms = now_ms + JOURNAL_ADOPT_INTERVAL_MS;
    job = HEAP_NEW(struct journal_job);
    job->kind = JOURNAL_ADOPT;
    journal_writer_push(journal->writer, job);
}

static void choose_due(struct journal *journal, int64_t turn_max_ms, unsigned max, struct journal_read *read)
{
    struct journal_entry *entry = journal_index_next(journal->index, NULL);
    size_t bytes = 0;

    for (; entry && read->n_items < max && entry->turn.key <= turn_max_ms;
         entry = journal_index_next(journal->index, entry)) {
        struct journal_read_item *item = &read->items[read->n_items];
        bytes += entry->location.length;
        if (bytes > READ_BYTES_MAX)
            return;
        item->segment = entry->segment;
        item->location = entry->location;
        read->n_items++;
    }
}

static struct journal_read *new_read(unsigned max)
{
    struct journal_read *read = HEAP_NEW(struct journal_read);

    read->job.kind = JOURNAL_READ;
    read->items = HEAP_ARRAY(max, struct journal_read_item);
    read->events = HEAP_ARRAY(max, struct event);
    buf_init(&read->payloads, READ_BYTES_MAX);
    return read;
}

void journal_read_due(struct journal *journal, int64_t age_us, unsigned max, journal_due_cb done, void *data)
{
    struct journal_read *read;
    int64_t due_ms;

    if (journal->read_done)
        log_fatal("journal_read_overlaps");
    journal->read_done = done;
    journal->read_data = data;
    if (max > JOURNAL_READ_MAX)
        max = JOURNAL_READ_MAX;
    read = new_read(max);
    if (journal->state != JOURNAL_OPEN) {
        journal_writer_complete(journal->writer, &read->job);
        return;
    }
    due_ms = clock_monotonic_ms() - age_us / 1000;
    choose_due(journal, due_ms, max, read);
    journal_writer_push(journal->writer, &read->job);
    journal_backlog_load(journal, due_ms);
    adopt_now_and_then(journal);
}

/* A record that is damaged now was sound when it was written: it is lost, and its segment is evidence. Others may be
 * readable later (an I/O error) or to another version of the program; they must not stand before the rest for ever. */
static void item_unread(struct journal *journal, const struct journal_read_item *item)
{
    struct journal_entry *entry = journal_index_find(journal->index, item->location.id);

    log_error("journal_record_unread", LOG_HEX("event_id", item->location.id, EVENT_ID_LEN), LOG_ERR(item->err));
    if (!entry)
        return;
    if (item->err == ERR_CORRUPT) {
        journal->stats.corrupt_records++;
        entry->segment->corrupt = true;
        drop_record(journal, entry);
    } else {
        journal_index_touch(journal->index, entry, clock_monotonic_ms());
    }
}

static void read_finished(struct journal *journal, struct journal_read *read)
{
    journal_due_cb done = journal->read_done;

    for (unsigned i = 0; i < read->n_items; i++) {
        if (read->items[i].err != 0)
            item_unread(journal, &read->items[i]);
    }
    journal->read_done = NULL;
    done(journal->read_data, read->events, read->n_events);
    buf_done(&read->payloads);
    free(read->events);
    free(read->items);
    free(read);
}

void journal_release(struct journal *journal, const uint8_t (*ids)[EVENT_ID_LEN], unsigned n_ids)
{
    for (unsigned i = 0; i < n_ids; i++) {
        struct journal_entry *entry = journal_index_find(journal->index, ids[i]);
        CRASH_POINT("server/journal_release");
        if (entry)
            drop_record(journal, entry);
    }
}

void journal_touch(struct journal *journal, const uint8_t (*ids)[EVENT_ID_LEN], unsigned n_ids)
{
    int64_t now_ms = clock_monotonic_ms();

    for (unsigned i = 0; i < n_ids; i++) {
        struct journal_entry *entry = journal_index_find(journal->index, ids[i]);
        if (entry)
            journal_index_touch(journal->index, entry, now_ms);
    }
}

struct journal_stats journal_stats(const struct journal *journal)
{
    struct journal_stats stats = journal->stats;
    int64_t on_disk_us = journal_backlog_oldest_at_us(&journal->backlog);

    stats.live_records = journal_index_count(journal->index) + journal->backlog.n_records;
    stats.live_bytes = journal_index_bytes(journal->index) + journal->backlog.n_bytes;
    stats.oldest_at_us = journal_index_oldest_at_us(journal->index);
    if (stats.oldest_at_us == 0 || (on_disk_us != 0 && on_disk_us < stats.oldest_at_us))
        stats.oldest_at_us = on_disk_us;
    return stats;
}

int64_t journal_oldest_age_s(const struct journal_stats *stats)
{
    int64_t age_us = stats->oldest_at_us ? clock_now_us() - stats->oldest_at_us : 0;

    return age_us > 0 ? age_us / CLOCK_SECOND_US : 0;
}

/* --- opening and closing --- */

static void handle_job(struct journal *journal, struct journal_job *job)
{
    switch (job->kind) {
    case JOURNAL_APPEND:
        journal_append_done(journal, (struct journal_append *)job);
        return;
    case JOURNAL_READ:
        read_finished(journal, (struct journal_read *)job);
        return;
    case JOURNAL_REMOVE:
        segment_removed(journal, (struct journal_file_job *)job);
        return;
    case JOURNAL_LOAD:
        segment_loaded(journal, (struct journal_file_job *)job);
        return;
    case JOURNAL_SEALED:
        segment_sealed(journal, (struct journal_file_job *)job);
        return;
    case JOURNAL_QUIESCE:
        /* The segments that are not needed any more were pushed before this. */
        CRASH_POINT("server/journal_quiesced");
        journal->state = JOURNAL_STOPPING;
        job->kind = JOURNAL_STOP;
        journal_writer_push(journal->writer, job);
        return;
    case JOURNAL_STOP:
        CRASH_POINT("server/journal_stopped");
        journal->state = JOURNAL_STOPPED;
        free(job);
        return;
    case JOURNAL_ADOPT:
        free(job);
    }
}

static void handle_jobs(struct journal *journal)
{
    struct journal_jobs jobs = TAILQ_HEAD_INITIALIZER(jobs);
    struct journal_job *job;

    journal->stats.syncs = journal_writer_take(journal->writer, &jobs);
    while ((job = TAILQ_FIRST(&jobs)) != NULL) {
        TAILQ_REMOVE(&jobs, job, link);
        handle_job(journal, job);
    }
}

/* Every segment that is left has a live record, in the index or on disk only. */
static void free_records(struct journal *journal)
{
    struct journal_entry *entry;
    struct journal_segment *segment;

    while ((entry = journal_index_next(journal->index, NULL)) != NULL) {
        segment = journal_index_remove(journal->index, entry);
        if (segment->live == 0 && segment->unindexed == 0)
            free(segment);
    }
    while ((segment = TAILQ_FIRST(&journal->backlog.segments)) != NULL) {
        TAILQ_REMOVE(&journal->backlog.segments, segment, backlog_link);
        free(segment);
    }
    journal_index_free(journal->index);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct journal *journal = handle->data;

    if (--journal->handles > 0)
        return;
    /* What was asked for since the thread ended is refused here. */
    while (!TAILQ_EMPTY(&journal->waiting) || journal->read_done)
        handle_jobs(journal);
    free_records(journal);
    journal_writer_free(journal->writer);
    if (journal->closed)
        journal->closed(journal->closed_data);
    free(journal);
}

static void on_wake(uv_async_t *wake)
{
    struct journal *journal = wake->data;

    handle_jobs(journal);
    if (journal->state != JOURNAL_STOPPED || uv_is_closing((uv_handle_t *)wake))
        return;
    journal_writer_join(journal->writer);
    uv_close((uv_handle_t *)&journal->wake, on_handle_closed);
    uv_close((uv_handle_t *)&journal->watchdog, on_handle_closed);
    uv_close((uv_handle_t *)&journal->turn_end, on_handle_closed);
}

void journal_close(struct journal *journal, void (*closed)(void *data), void *data)
{
    struct journal_job *job;

    if (journal->state != JOURNAL_OPEN)
        return;
    journal->state = JOURNAL_CLOSING;
    journal->closed = closed;
    journal->closed_data = data;
    job = HEAP_NEW(struct journal_job);
    job->kind = JOURNAL_QUIESCE;
    journal_push_gathered(journal);
    journal_writer_push(journal->writer, job);
}

static int open_writer(const struct config *config, uint64_t size_max, struct journal_writer **ret_writer)
{
    uint64_t segment_bytes = (uint64_t)config->journal.segment_size_kib << 10;
    int root_fd;
    int err = journal_root_open(config->journal.directory, &root_fd);

    if (err != 0)
        return err;
    if (segment_bytes > size_max / SEGMENTS_MIN)
        segment_bytes = size_max / SEGMENTS_MIN;
    if (segment_bytes > JOURNAL_SEGMENT_BYTES_MAX)
        segment_bytes = JOURNAL_SEGMENT_BYTES_MAX;
    return journal_writer_new(root_fd, segment_bytes, ret_writer);
}

int journal_open(uv_loop_t *loop, const struct config *config, struct journal **ret_journal)
{
    uint64_t size_max = (uint64_t)config->journal.size_max_mib << 20;
    struct journal_writer *writer;
    struct journal *journal;
    int err = open_writer(config, size_max, &writer);

    if (err != 0) {
        log_error("journal_not_opened", LOG_STR("directory", config->journal.directory),
                  LOG_STR("error", strerror(errno)));
        return err;
    }
    journal = HEAP_NEW(struct journal);
    journal->writer = writer;
    journal->index = journal_index_new();
    journal->size_max = size_max;
    journal->adopt_at_ms = clock_monotonic_ms() + JOURNAL_ADOPT_INTERVAL_MS;
    TAILQ_INIT(&journal->gathered);
    TAILQ_INIT(&journal->waiting);
    TAILQ_INIT(&journal->backlog.segments);
    if (uv_async_init(loop, &journal->wake, on_wake) != 0)
        log_fatal("journal_handles_refused");
    uv_timer_init(loop, &journal->watchdog);
    uv_prepare_init(loop, &journal->turn_end);
    journal->handles = 3;
    journal->wake.data = journal->watchdog.data = journal->turn_end.data = journal;
    journal_writer_start(writer, &journal->wake);
    handle_jobs(journal);
    *ret_journal = journal;
    return 0;
}
