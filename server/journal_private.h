/* journal_private: the loop's side of the journal, shared by journal.c and journal_append.c. */
#ifndef DP_SERVER_JOURNAL_PRIVATE_H
#define DP_SERVER_JOURNAL_PRIVATE_H

#include "server/journal.h"
#include "server/journal_backlog.h"
#include "server/journal_index.h"
#include "server/journal_writer.h"

TAILQ_HEAD(journal_append_list, journal_append);

struct journal {
    uv_async_t wake;
    uv_prepare_t turn_end;         /* runs while `gathered` is not empty */
    uv_timer_t watchdog;           /* runs while somebody waits for an append */
    struct journal_writer *writer; /* owned */
    struct journal_index *index;   /* owned */
    struct journal_backlog backlog;
    uint64_t size_max;                  /* bytes */
    struct journal_jobs gathered;       /* appends of this turn of the loop: one write and one sync for all of them */
    struct journal_append_list waiting; /* callers not told yet, oldest first */
    unsigned n_queued;                  /* appends the writer has; also those whose caller was told */
    size_t queued_bytes;
    bool full;                /* the bound was reached and logged */
    journal_due_cb read_done; /* NULL: no read is under way */
    void *read_data;
    int64_t adopt_at_ms; /* not before */
    enum { JOURNAL_OPEN, JOURNAL_CLOSING, JOURNAL_STOPPING, JOURNAL_STOPPED } state;
    int handles; /* open ones */
    void (*closed)(void *data);
    void *closed_data;
    struct journal_stats stats; /* what the index does not know */
};

/* The file is so long now. */
void journal_set_segment_bytes(struct journal *journal, struct journal_segment *segment, uint64_t bytes);
/* Hands what was gathered to the writer. */
void journal_push_gathered(struct journal *journal);
/* An append came back from the writer (or never went there): counts it, tells its caller, frees it. */
void journal_append_done(struct journal *journal, struct journal_append *append);

#endif
