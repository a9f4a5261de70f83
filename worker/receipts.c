#include "worker/receipts.h"

#include <stdlib.h>

#include "common/crash_point.h"
#include "common/err.h"

/* By school, and within one in the order in which the bank spoke: the address in the plan keeps it. */
static int compare_credits(const void *a, const void *b)
{
    const struct plan_credit *const *x = a, *const *y = b;
    if ((*x)->school_id != (*y)->school_id)
        return (*x)->school_id > (*y)->school_id ? 1 : -1;
    return (*x > *y) - (*x < *y);
}

static int number_school(struct db *db, const struct plan_credit *const *credits, size_t n_credits, int year,
                         struct arena *arena)
{
    struct db_value count[] = {DB_INT(credits[0]->school_id), DB_INT(year), DB_INT((int64_t)n_credits)};
    struct db_value *rows = ARENA_ARRAY(arena, n_credits * 4, struct db_value);
    struct db_result last;
    int err = db_run(db, STATEMENT_RECEIPT_COUNT, count, 3, arena, &last);
    CRASH_POINT("worker/receipts_counted");
    if (err)
        return err;
    if (last.n_rows != 1)
        return ERR_INTERNAL;
    int64_t first = db_int(&last, 0, 0) - (int64_t)n_credits + 1;
    for (size_t i = 0; i < n_credits; i++) {
        rows[i * 4] = DB_INT(credits[i]->transaction_id);
        rows[i * 4 + 1] = DB_INT(credits[i]->school_id);
        rows[i * 4 + 2] = DB_INT(year);
        rows[i * 4 + 3] = DB_INT(first + (int64_t)i);
    }
    err = db_run_bulk(db, STATEMENT_RECEIPT_ADD, rows, n_credits, 4, (int64_t)n_credits, arena);
    CRASH_POINT("worker/receipts_written");
    return err;
}

int receipts_number(struct db *db, const struct plan_credit *credits, size_t n_credits, int year, struct arena *arena)
{
    const struct plan_credit **sorted = ARENA_ARRAY(arena, n_credits, const struct plan_credit *);
    int err = 0;
    for (size_t i = 0; i < n_credits; i++)
        sorted[i] = &credits[i];
    if (n_credits)
        qsort(sorted, n_credits, sizeof(const struct plan_credit *), compare_credits);
    for (size_t at = 0; !err && at < n_credits;) {
        size_t n = 1;
        while (at + n < n_credits && sorted[at + n]->school_id == sorted[at]->school_id)
            n++;
        err = number_school(db, &sorted[at], n, year, arena);
        at += n;
    }
    return err;
}
