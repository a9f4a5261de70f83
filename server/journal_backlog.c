#include "server/journal_backlog.h"

#include "common/clock.h"
#include "common/heap.h"
#include "server/journal_private.h"

static bool index_is_full(const struct journal *journal)
{
    return journal_index_count(journal->index) >= JOURNAL_INDEXED_MAX;
}

static void leave_on_disk(struct journal_backlog *backlog, struct journal_segment *segment,
                          const struct journal_location *location, int64_t turn_ms)
{
    if (segment->unindexed == 0) {
        segment->unindexed_at_us = location->at_us;
        TAILQ_INSERT_TAIL(&backlog->segments, segment, backlog_link);
    }
    segment->unindexed++;
    segment->unindexed_bytes += location->length;
    segment->unindexed_turn_ms = turn_ms;
    backlog->n_records++;
    backlog->n_bytes += location->length;
}

void journal_backlog_keep(struct journal *journal, struct journal_segment *segment,
                          const struct journal_location *location, int64_t turn_ms)
{
    if (index_is_full(journal))
        leave_on_disk(&journal->backlog, segment, location, turn_ms);
    else
        journal_index_add(journal->index, segment, location, turn_ms);
}

/* When what is indexed cannot leave for ever so long, the others get their turn all the same. */
static bool has_room_for(const struct journal *journal, const struct journal_segment *segment, int64_t due_ms)
{
    return !index_is_full(journal) || segment->unindexed_turn_ms < due_ms - JOURNAL_LATE_S * 1000;
}

void journal_backlog_load(struct journal *journal, int64_t due_ms)
{
    struct journal_backlog *backlog = &journal->backlog;
    struct journal_segment *segment = TAILQ_FIRST(&backlog->segments);
    struct journal_file_job *load;

    if (backlog->loading || !segment || segment->unindexed_turn_ms > due_ms || !has_room_for(journal, segment, due_ms))
        return;
    backlog->loading = segment;
    load = HEAP_NEW(struct journal_file_job);
    load->job.kind = JOURNAL_LOAD;
    load->segment = segment;
    journal_writer_push(journal->writer, &load->job);
}

static void forget_segment(struct journal_backlog *backlog, struct journal_segment *segment)
{
    TAILQ_REMOVE(&backlog->segments, segment, backlog_link);
    backlog->n_records -= segment->unindexed;
    backlog->n_bytes -= segment->unindexed_bytes;
    segment->unindexed = segment->unindexed_bytes = 0;
}

void journal_backlog_loaded(struct journal *journal, const struct journal_file_job *loaded)
{
    struct journal_backlog *backlog = &journal->backlog;
    struct journal_segment *segment = loaded->segment;
    int64_t turn_ms = segment->unindexed_turn_ms;

    backlog->loading = NULL;
    if (loaded->job.err != 0) {
        /* Perhaps it can be read another time; it stands before no other until then. */
        segment->unindexed_turn_ms = clock_monotonic_ms();
        TAILQ_REMOVE(&backlog->segments, segment, backlog_link);
        TAILQ_INSERT_TAIL(&backlog->segments, segment, backlog_link);
        return;
    }
    /* Jobs come back in the order they were done: all that was counted so far stands in the scan. */
    forget_segment(backlog, segment);
    for (size_t i = 0; i < loaded->scan.n_records; i++)
        journal_index_add(journal->index, segment, &loaded->scan.records[i], turn_ms);
}

int64_t journal_backlog_oldest_at_us(const struct journal_backlog *backlog)
{
    const struct journal_segment *segment;
    int64_t oldest_us = 0;

    TAILQ_FOREACH(segment, &backlog->segments, backlog_link)
    {
        if (oldest_us == 0 || segment->unindexed_at_us < oldest_us)
            oldest_us = segment->unindexed_at_us;
    }
    return oldest_us;
}
