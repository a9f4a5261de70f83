#include "worker/receipts.h"

#include <stdlib.h>
#include <string.h>

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

/* Credits in the order of their schools: those of one school stand together. */
struct schools {
    const struct plan_credit **credits;
    size_t n_credits;
    struct db_value *ids;      /* of each school, once, in order */
    struct db_value *counters; /* rows of STATEMENT_RECEIPT_COUNT */
    size_t n_schools;
};

static struct schools sort_by_school(const struct plan_credit *credits, size_t n_credits, int year, struct arena *arena)
{
    struct schools schools = {.credits = ARENA_ARRAY(arena, n_credits, const struct plan_credit *),
                              .n_credits = n_credits,
                              .ids = ARENA_ARRAY(arena, n_credits, struct db_value),
                              .counters = ARENA_ARRAY(arena, n_credits * 3, struct db_value)};
    for (size_t i = 0; i < n_credits; i++)
        schools.credits[i] = &credits[i];
    qsort(schools.credits, n_credits, sizeof(const struct plan_credit *), compare_credits);
    for (size_t at = 0, n; at < n_credits; at += n) {
        int64_t school_id = schools.credits[at]->school_id;
        for (n = 1; at + n < n_credits && schools.credits[at + n]->school_id == school_id; n++)
            continue;
        struct db_value *counter = &schools.counters[3 * schools.n_schools];
        counter[0] = schools.ids[schools.n_schools++] = DB_INT(school_id);
        counter[1] = DB_INT(year);
        counter[2] = DB_INT((int64_t)n);
    }
    return schools;
}

/* All counters in one round trip, in the order of schools, so that workers that meet wait instead of deadlocking; then
 * what they stand at, which nobody else can move before COMMIT. */
static int count_receipts(struct db *db, const struct schools *schools, int year, struct arena *arena,
                          struct db_result *ret_last)
{
    struct db_value of_year = DB_INT(year);
    int err = db_run_bulk(db, STATEMENT_RECEIPT_COUNT, schools->counters, schools->n_schools, 3, -1);
    CRASH_POINT("worker/receipts_counted");
    if (!err)
        err = db_run_list(db, STATEMENT_RECEIPT_LAST, &of_year, 1, schools->ids, schools->n_schools, arena, ret_last);
    if (!err && ret_last->n_rows != schools->n_schools)
        err = db_wrong_count(db, STATEMENT_RECEIPT_LAST, (int64_t)ret_last->n_rows, (int64_t)schools->n_schools);
    return err;
}

static int compare_rows(const void *a, const void *b)
{
    const struct db_value *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* `last`: rows of school and number, sorted here as the credits are. */
static int write_receipts(struct db *db, const struct schools *schools, int year, const struct db_result *last,
                          struct arena *arena)
{
    struct db_value *rows = ARENA_ARRAY(arena, schools->n_credits * 4, struct db_value);
    struct db_value *counters = ARENA_ARRAY(arena, last->n_rows * 2, struct db_value);
    size_t at = 0;

    memcpy(counters, last->cells, last->n_rows * 2 * sizeof *counters);
    qsort(counters, last->n_rows, 2 * sizeof *counters, compare_rows);
    for (size_t school = 0; school < schools->n_schools; school++) {
        int64_t n = schools->counters[3 * school + 2].number, number = counters[2 * school + 1].number - n;
        for (; n > 0; n--, at++) {
            rows[at * 4] = DB_INT(schools->credits[at]->transaction_id);
            rows[at * 4 + 1] = schools->ids[school];
            rows[at * 4 + 2] = DB_INT(year);
            rows[at * 4 + 3] = DB_INT(++number);
        }
    }
    int err = db_run_bulk(db, STATEMENT_RECEIPT_ADD, rows, schools->n_credits, 4, (int64_t)schools->n_credits);
    CRASH_POINT("worker/receipts_written");
    return err;
}

int receipts_number(struct db *db, const struct plan_credit *credits, size_t n_credits, int year, struct arena *arena)
{
    struct db_result last;
    if (n_credits == 0)
        return 0;
    struct schools schools = sort_by_school(credits, n_credits, year, arena);
    int err = count_receipts(db, &schools, year, arena, &last);
    return err ? err : write_receipts(db, &schools, year, &last, arena);
}
