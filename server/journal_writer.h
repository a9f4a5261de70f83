/* journal_writer: the journal's own thread, the only one that touches its files. Stores floor.
 *
 * The loop hands it jobs; it does them in order (appends before the rest: a bank waits for them) and gives each back
 * through journal_writer_take(), after waking the loop. A job has one owner at a time: the loop, then the writer from
 * journal_writer_push() on, then the loop again. */
#ifndef DP_SERVER_JOURNAL_WRITER_H
#define DP_SERVER_JOURNAL_WRITER_H

#include <sys/queue.h>
#include <uv.h>

#include "common/event.h"
#include "server/journal_segment.h"

enum journal_job_kind {
    JOURNAL_APPEND,  /* struct journal_append */
    JOURNAL_READ,    /* struct journal_read */
    JOURNAL_REMOVE,  /* struct journal_file_job: the loop frees its segment when it is back */
    JOURNAL_LOAD,    /* struct journal_file_job: a segment and its records; the writer makes them for adopted ones */
    JOURNAL_SEALED,  /* struct journal_file_job, made by the writer: this segment is not written any more */
    JOURNAL_ADOPT,   /* looks for directories that nobody holds */
    JOURNAL_QUIESCE, /* seals the segment in use; comes back when everything before it is done */
    JOURNAL_STOP,    /* closes the directories; the thread ends */
};

struct journal_job {
    TAILQ_ENTRY(journal_job) link;
    enum journal_job_kind kind;
    int err;      /* the outcome */
    int os_errno; /* with ERR_IO */
};
TAILQ_HEAD(journal_jobs, journal_job);

struct journal_append {
    struct journal_job job;
    TAILQ_ENTRY(journal_append) waiting; /* the loop's list of callers that wait */
    void (*done)(void *data, int err);   /* NULL: was told already */
    void *data;
    int64_t deadline_ms;
    struct buf bytes; /* owned; the record */
    /* Out: where it stands. NULL unless it was written and synced. */
    struct journal_segment *segment;
    struct journal_location location; /* id, at and length are set by the loop */
};

struct journal_read_item {
    struct journal_segment *segment;
    struct journal_location location;
    int err;
    size_t payload_at, payload_len; /* in journal_read.payloads */
};

struct journal_read {
    struct journal_job job;
    unsigned n_items;
    struct journal_read_item *items; /* owned */
    struct buf payloads;             /* owned */
    struct event *events;            /* owned; of the items with err 0; borrow from payloads */
    unsigned n_events;
};

struct journal_file_job {
    struct journal_job job;
    struct journal_segment *segment;
    struct journal_scan scan; /* LOAD: records owned */
    uint64_t bytes;           /* SEALED: the file's size */
    bool keep;                /* REMOVE: move it aside instead */
};

struct journal_writer;

/* Locks a new directory under `root_fd` (owned from now on, also on failure) and adopts the abandoned ones: their LOAD
 * jobs wait in journal_writer_take(). Blocking. ERR_IO. */
int journal_writer_new(int root_fd, uint64_t segment_bytes, struct journal_writer **ret_writer);
/* Starts the thread; from now on `wake` is sent to when there is something to take. Aborts if there can be no thread.
 */
void journal_writer_start(struct journal_writer *writer, uv_async_t *wake);
void journal_writer_push(struct journal_writer *writer, struct journal_job *job);
/* Pushes all of them, in order, and leaves `jobs` empty: the thread is woken once. */
void journal_writer_push_all(struct journal_writer *writer, struct journal_jobs *jobs);
/* Gives a job back as if it were done (for what is decided without the disk). */
void journal_writer_complete(struct journal_writer *writer, struct journal_job *job);
/* Moves all jobs that are done to the end of `jobs`, in the order they were done; returns the number of syncs so far.
 */
uint64_t journal_writer_take(struct journal_writer *writer, struct journal_jobs *jobs);
/* After JOURNAL_STOP came back; `wake` is not sent to any more. */
void journal_writer_join(struct journal_writer *writer);
/* After that, or if the thread was never started. NULL allowed. */
void journal_writer_free(struct journal_writer *writer);

#endif
