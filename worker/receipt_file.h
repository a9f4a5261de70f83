/* receipt_file: each receipt's PDF, made once and kept in receipt_files. Whoever is first makes it, the mailer before
 * the parent's confirmation, else the janitor; all others get that one. */
#ifndef DP_WORKER_RECEIPT_FILE_H
#define DP_WORKER_RECEIPT_FILE_H

#include "worker/db.h"
#include "worker/metrics.h"
#include "worker/pdf.h"

enum {
    RECEIPT_FILE_MAX = 60 * 1024, /* dp-server reads 64 KiB of a cell */
    RECEIPT_FILES_TURN = 20       /* made a turn of the janitor */
};

/* What makes files; used by one thread. With the first three set and the rest zeroed it is ready. */
struct receipt_maker {
    struct db *db; /* borrowed, as the next two */
    struct metrics *metrics;
    const char *base_url;    /* of the site */
    struct pdf_fonts *fonts; /* owned; NULL until they were needed and found */
    int64_t after_id;        /* where the walk over receipts without a file stands */
};

void receipt_maker_done(struct receipt_maker *maker);

struct receipt_file {
    struct str name;  /* "recu-2026-000123.pdf" */
    struct str bytes; /* in the arena */
};

/* The payment's receipt, made if nobody has. ERR_BUSY, ERR_UNAVAILABLE: the database (try again); ERR_NOT_FOUND: the
 * payment has no receipt; anything else: the file cannot be made, which has been logged and counted. */
int receipt_file_get(struct receipt_maker *maker, int64_t transaction_id, struct arena *arena,
                     struct receipt_file *ret);

/* Makes some of the files that are missing, the mailer's young ones aside; *ret_done: there are no more. Errors of
 * db.h. One that cannot be made is passed over until the next walk. */
int receipt_files_catch_up(struct receipt_maker *maker, bool *ret_done);

#endif
