/* journal: bank calls on this machine's disk, so that a call acknowledged to the bank survives the loss of Redis.
 * Stores floor; its thread is its own.
 *
 * Segments live in <directory>/<uuid>/NNNNNNNN.log, the uuid directory under flock(); a journal adopts the segments
 * nobody holds, at its start and while it runs. Appends are group-committed: one fdatasync for all that waited. A
 * record leaves only when journal_release() says that its event stands in the database (journal_keeper.h); a segment
 * without live records is deleted, one with damaged records is moved to <directory>/corrupt for a human. What was
 * released in a segment that still holds live records is live again after a restart: whoever pushes it again meets the
 * inbox.
 *
 * An event whose id is live is acknowledged without a second record, as long as the index has room (journal_backlog.h):
 * beyond, a second record only costs its place. */
#ifndef DP_SERVER_JOURNAL_H
#define DP_SERVER_JOURNAL_H

#include <stdint.h>
#include <uv.h>

#include "common/arena.h"
#include "common/config.h"
#include "common/event.h"

struct journal;

enum {
    /* Appends that may wait for the disk, and their bytes. */
    JOURNAL_WAITING_MAX = 4096,
    JOURNAL_WAITING_BYTES_MAX = 8 << 20,
    /* A disk that does not answer for so long is no disk: the bank waits about two seconds. */
    JOURNAL_APPEND_TIMEOUT_MS = 1500,
    JOURNAL_READ_MAX = 256,
    JOURNAL_ADOPT_INTERVAL_MS = 60000,
    /* A record that waits longer means that the way to the database is broken somewhere. */
    JOURNAL_LATE_S = 600,
};

/* err 0: the record is synced. ERR_TOO_LARGE: the bound (size_max_mib, over all segments, adopted ones too) is reached;
 * ERR_IO: disk full or I/O error (the next append begins a new segment); ERR_BUSY: JOURNAL_WAITING_MAX; ERR_TIMEOUT:
 * the disk has not answered in time (the record may be there yet); ERR_INVALID: event_decode() would refuse the
 * event; ERR_CANCELLED: closing. Called on the loop; exactly
 * once; never before journal_append() returned. */
typedef void (*journal_cb)(void *data, int err);
/* Records read back from disk, oldest first; texts live until the callback returns. */
typedef void (*journal_due_cb)(void *data, const struct event *events, unsigned n_events);

/* Opens the directory (made 0700 if missing), adopts what is left of dead servers, starts the thread. Blocking: at
 * start only. ERR_IO with errno logged. */
int journal_open(uv_loop_t *loop, const struct config *config, struct journal **ret_journal);
/* The event is encoded before it returns. */
void journal_append(struct journal *journal, const struct event *event, journal_cb done, void *data);
/* Hands up to `max` (and JOURNAL_READ_MAX) live records older than `age_us` to `done` (0 records: nothing is due). At
 * most one at a time. Also looks, once in JOURNAL_ADOPT_INTERVAL_MS, for what servers that died have left. No deadline:
 * nobody waits for it. When the journal is closed meanwhile it is called with 0 records, before `closed`. */
void journal_read_due(struct journal *journal, int64_t age_us, unsigned max, journal_due_cb done, void *data);
/* These events stand in the database: their records may go. Unknown ids are ignored. */
void journal_release(struct journal *journal, const uint8_t (*ids)[EVENT_ID_LEN], unsigned n_ids);
/* After a push again, so that the record is not due again at once. */
void journal_touch(struct journal *journal, const uint8_t (*ids)[EVENT_ID_LEN], unsigned n_ids);

struct journal_stats {
    uint64_t live_records, live_bytes, disk_bytes;
    uint64_t appends, syncs, failures, torn_records, corrupt_records, adopted_segments;
    int64_t oldest_at_us; /* 0: empty */
    bool failing;         /* the last append failed */
};
struct journal_stats journal_stats(const struct journal *journal);
/* How long the oldest record has waited; 0 when there is none. */
int64_t journal_oldest_age_s(const struct journal_stats *stats);
/* Finishes waiting appends, stops the thread, releases the locks (records stay on disk). */
void journal_close(struct journal *journal, void (*closed)(void *data), void *data);

#endif
