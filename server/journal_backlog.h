/* journal_backlog: the live records that the index has no room for. They are left on disk and only counted, segment by
 * segment; when their turn comes and the index has room, their segment is read again, as one of a dead server is. So
 * the journal's memory does not grow with what it holds. Belongs to the loop.
 *
 * A segment is read again as a whole: what was released in it before is live once more, and the inbox knows it. */
#ifndef DP_SERVER_JOURNAL_BACKLOG_H
#define DP_SERVER_JOURNAL_BACKLOG_H

#include <sys/queue.h>

#include "server/journal_writer.h"

/* Records in the index, and beyond them at most one segment's that was read again. */
#ifndef JOURNAL_INDEXED_MAX /* the simulator has few records */
#define JOURNAL_INDEXED_MAX 8192
#endif

struct journal;

struct journal_backlog {
    TAILQ_HEAD(, journal_segment) segments; /* borrowed; with records left on disk, the longest first */
    struct journal_segment *loading;        /* one of them, which is being read; or NULL */
    uint64_t n_records, n_bytes;
};

/* A record that is on disk from now on: into the index, or counted at its segment. */
void journal_backlog_keep(struct journal *journal, struct journal_segment *segment,
                          const struct journal_location *location, int64_t turn_ms);
/* Has the next segment read if its records were due at `due_ms` (monotonic) and there is room. */
void journal_backlog_load(struct journal *journal, int64_t due_ms);
/* It is read. */
void journal_backlog_loaded(struct journal *journal, const struct journal_file_job *loaded);
/* The `at` of the oldest record; 0 when there is none. */
int64_t journal_backlog_oldest_at_us(const struct journal_backlog *backlog);

#endif
