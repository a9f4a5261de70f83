/* journal_segment: the journal's directories and files. Stores floor; knows no loop and no lock: all of it runs on the
 * journal's thread (in journal_open() and after the thread's end, on the caller's).
 *
 *     <root>/<uuid>/NNNNNNNN.log     one directory a running journal, held by flock() on the directory itself
 *     <root>/corrupt/<uuid>-….log    segments with damaged records, kept for a human once nothing in them is live
 *
 * Functions that return ERR_IO leave errno as the failed call set it. */
#ifndef DP_SERVER_JOURNAL_SEGMENT_H
#define DP_SERVER_JOURNAL_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/event.h"

enum { JOURNAL_UUID_LEN = 36, JOURNAL_SEGMENT_NUMBER_MAX = 99999999 };
/* A larger file is none of ours: it is left alone. */
#define JOURNAL_SEGMENT_BYTES_MAX (UINT32_C(64) << 20)

struct journal_dir {
    LIST_ENTRY(journal_dir) link;
    int root_fd; /* borrowed */
    int fd;      /* owned; holds the lock */
    char uuid[JOURNAL_UUID_LEN + 1];
    unsigned n_segments; /* files that may still be in it */
};
LIST_HEAD(journal_dirs, journal_dir);

/* One file. Owned by the loop once a job has told it of the segment. */
struct journal_segment {
    /* Never changed after it was made; read by both threads. */
    struct journal_dir *dir; /* borrowed; the journal's thread keeps it while a file is in it */
    unsigned number;
    /* The loop's. */
    uint64_t bytes;
    unsigned live; /* records that must stay and are in the index */
    /* Those that must stay and are not (journal_backlog.h), their bytes, when the last of them had its turn, and the
     * first one's `at`. */
    uint64_t unindexed, unindexed_bytes;
    int64_t unindexed_turn_ms, unindexed_at_us;
    TAILQ_ENTRY(journal_segment) backlog_link;
    bool sealed;  /* never written again */
    bool corrupt; /* to be kept for a human */
};

/* One record found in a file. */
struct journal_location {
    uint8_t id[EVENT_ID_LEN];
    int64_t at_us;
    uint32_t offset, length;
};

struct journal_scan {
    struct journal_location *records; /* owned, malloc'ed */
    size_t n_records;
    uint64_t bytes; /* size of the file */
    unsigned torn, corrupt;
};

/* Opens <root>, made 0700 if missing (its parent must exist). ERR_IO. */
int journal_root_open(const char *path, int *ret_fd);

/* A new, locked, empty directory. ERR_IO. */
int journal_dir_create(int root_fd, struct journal_dir **ret_dir);
/* Locks an existing one. ERR_BUSY: another journal holds it. ERR_NOT_FOUND: no such name, or it went away. ERR_IO. */
int journal_dir_adopt(int root_fd, const char *uuid, struct journal_dir **ret_dir);
/* The numbers of its segments, ascending, malloc'ed; sets n_segments. ERR_IO. */
int journal_dir_list(struct journal_dir *dir, unsigned **ret_numbers);
/* Removes the directory if no segment is left, releases the lock, frees. */
void journal_dir_close(struct journal_dir *dir);
/* True for names that a journal's directory may have. */
bool journal_dir_is_name(const char *name);

/* A new empty file, its name synced. ERR_IO. */
int journal_segment_create(const struct journal_segment *segment, int *ret_fd);
/* Writes and syncs at the file's end (`*end`, moved on). On ERR_IO the file is cut back to *end if that is possible,
 * and must not be written again: after a failed fdatasync nobody knows what is on disk. */
int journal_segment_append(int fd, uint64_t *end, struct str bytes);
/* Finds every sound record, damaged neighbours or not. ERR_IO; ERR_TOO_LARGE: none of ours. */
int journal_segment_scan(const struct journal_segment *segment, struct journal_scan *ret_scan);
/* The record's payload into `out` (its position is out->len before the call). ERR_CORRUPT: not what was written there;
 * ERR_IO; ERR_TOO_LARGE: `out` is full. */
int journal_segment_read(const struct journal_segment *segment, const struct journal_location *location,
                         struct buf *out);
/* Deletes the file, or with `keep` moves it to <root>/corrupt. ERR_IO. */
int journal_segment_remove(const struct journal_segment *segment, bool keep);

#endif
