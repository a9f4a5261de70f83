/* worker/db.h over the small MariaDB in memory. */
#include "worker/db.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/heap.h"
#include "simulator/bank.h"
#include "simulator/nemesis.h"
#include "simulator/sim.h"
#include "simulator/sql.h"

enum { ERROR_SIZE = 128, PARAMS_MAX = 32, LOCK_WAIT_US = 5 * US_PER_S, STEP_US_MAX = 3000, SLOW_US_MAX = 3000000 };
enum { ARENA_MAX = 64 << 20 };

struct db {
    struct sql_session *session; /* NULL: not connected */
    unsigned epoch;              /* of the server when connected */
    bool in_transaction;         /* as the program believes */
    char error[ERROR_SIZE];
};

struct db *db_new(const struct config *config)
{
    (void)config;
    return HEAP_NEW(struct db);
}

static void disconnect(struct db *db)
{
    if (db->session)
        sql_disconnect(db->session);
    db->session = NULL;
}

void db_free(struct db *db)
{
    if (!db)
        return;
    disconnect(db);
    free(db);
}

bool db_connected(const struct db *db)
{
    return db->session != NULL;
}

const char *db_error(const struct db *db)
{
    return db->error;
}

int db_classify(unsigned code)
{
    (void)code;
    return ERR_INTERNAL;
}

static int fail(struct db *db, int err, const char *what)
{
    SIM_TRACE("%s: database: %s", sim_self->name, what);
    snprintf(db->error, sizeof db->error, "%s", what);
    if (err == ERR_UNAVAILABLE)
        disconnect(db);
    return err;
}

static bool is_cut(const struct db *db)
{
    return !nemesis_is_up(STORE_DATABASE) || (db->session && db->epoch != nemesis_epoch(STORE_DATABASE));
}

/* The way to the server and what happens on it. */
static int go(struct db *db, enum fate *ret_fate)
{
    fiber_sleep(sim_between(1, STEP_US_MAX));
    *ret_fate = nemesis_draw(STORE_DATABASE);
    if (*ret_fate == FATE_CRASH)
        nemesis_crash();
    if (*ret_fate == FATE_PAUSE)
        nemesis_pause();
    if (is_cut(db))
        return fail(db, ERR_UNAVAILABLE, "2013 connection lost");
    if (*ret_fate == FATE_LOST)
        return fail(db, ERR_UNAVAILABLE, "2006 gone away");
    if (*ret_fate == FATE_REFUSED && db->session) {
        sql_rollback(db->session);
        return fail(db, ERR_BUSY, "1213 deadlock");
    }
    if (!db->session) {
        if (db->in_transaction)
            return ERR_UNAVAILABLE;
        db->session = sql_connect(sim_self);
        db->epoch = nemesis_epoch(STORE_DATABASE);
    }
    return 0;
}

/* … and the way back. */
static int come_back(struct db *db, enum fate fate, int err)
{
    if (fate == FATE_CRASH_AFTER)
        nemesis_crash();
    if (fate == FATE_SLOW)
        fiber_sleep(sim_between(0, SLOW_US_MAX));
    if (err)
        return err;
    if (fate == FATE_UNKNOWN || is_cut(db))
        return fail(db, ERR_UNAVAILABLE, "2013 connection lost before the answer");
    return 0;
}

int db_begin(struct db *db)
{
    enum fate fate;
    assert(!db->in_transaction);
    int err = go(db, &fate);
    if (!err)
        sql_begin(db->session);
    err = come_back(db, fate, err);
    db->in_transaction = err == 0;
    return err;
}

int db_commit(struct db *db)
{
    enum fate fate;
    assert(db->in_transaction);
    int err = go(db, &fate);
    if (!err && sql_commit(db->session) != SQL_DONE)
        err = fail(db, ERR_BUSY, "1213 beaten at COMMIT");
    else if (!err)
        SIM_TRACE("%s: COMMIT", sim_self->name);
    err = come_back(db, fate, err);
    db->in_transaction = false;
    if (err)
        disconnect(db);
    return err;
}

void db_rollback(struct db *db)
{
    if (db->in_transaction && db->session)
        sql_rollback(db->session);
    db->in_transaction = false;
}

static int err_of(struct db *db, enum sql_outcome outcome)
{
    switch (outcome) {
    case SQL_DONE:
        return 0;
    case SQL_DUPLICATE:
        return fail(db, ERR_CONFLICT, "1062 duplicate key");
    case SQL_CHECKED:
        return fail(db, ERR_CONFLICT, "4025 check");
    case SQL_SIGNALLED:
        return fail(db, ERR_CONFLICT, "1644 trigger");
    case SQL_BLOCKED:
    case SQL_BEATEN:
        break;
    }
    return fail(db, ERR_BUSY, "1213 deadlock");
}

static struct sql_value value_of(const struct db_value *value)
{
    if (value->kind == DB_KIND_NULL)
        return (struct sql_value){0};
    if (value->kind == DB_KIND_INT)
        return (struct sql_value){SQL_INT, value->number, STR_NULL};
    return (struct sql_value){SQL_TEXT, 0, value->text.ptr ? value->text : STR("")};
}

static struct sql_value *values_of(const struct db_value *values, size_t n, struct arena *arena)
{
    struct sql_value *converted = ARENA_ARRAY(arena, n, struct sql_value);
    for (size_t i = 0; i < n; i++)
        converted[i] = value_of(&values[i]);
    return converted;
}

/* Runs it again as long as somebody else has a row of it. */
static int run_when_free(struct db *db, const char *sql, const struct sql_value *params, size_t n_params,
                         const struct sql_value *list, size_t n_list, struct sql_result *ret)
{
    int64_t until_us = sim_now_us() + LOCK_WAIT_US;
    enum sql_outcome outcome;
    while ((outcome = sql_run(db->session, sql, params, n_params, list, n_list, ret)) == SQL_BLOCKED) {
        if (sql_is_deadlock(db->session)) {
            sql_rollback(db->session);
            return fail(db, ERR_BUSY, "1213 deadlock");
        }
        if (sim_now_us() >= until_us)
            return fail(db, ERR_BUSY, "1205 lock wait timeout");
        fiber_wait(&sql_transaction_ended, until_us - sim_now_us());
        if (is_cut(db))
            return fail(db, ERR_UNAVAILABLE, "2013 connection lost in a lock wait");
    }
    return err_of(db, outcome);
}

static void add_rows(const struct sql_result *rows, struct arena *arena, struct db_result *ret)
{
    size_t n = rows->n_rows * rows->n_cols;
    struct db_value *cells = ARENA_ARRAY(arena, n, struct db_value);
    for (size_t i = 0; i < n; i++) {
        const struct sql_value *cell = &rows->cells[i];
        cells[i] = cell->type == SQL_INT    ? DB_INT(cell->number)
                   : cell->type == SQL_TEXT ? DB_TEXT(arena_str(arena, cell->text))
                                            : DB_NULL;
    }
    *ret = (struct db_result){rows->n_rows, rows->n_cols, cells, rows->affected};
}

static int run(struct db *db, enum statement statement, const struct db_value *params, size_t n_params,
               const struct db_value *list, size_t n_list, struct arena *arena, struct db_result *ret)
{
    enum fate fate;
    struct sql_result rows = {0};
    struct db_result result = {0};
    struct sql_value *values = values_of(params, n_params, arena), *items = values_of(list, n_list, arena);
    int err = go(db, &fate);
    if (!err)
        err = run_when_free(db, statement_sql(statement), values, n_params, items, n_list, &rows);
    if (!err)
        add_rows(&rows, arena, &result);
    err = come_back(db, fate, err);
    if (!err && ret)
        *ret = result;
    return err;
}

int db_run(struct db *db, enum statement statement, const struct db_value *params, size_t n_params, struct arena *arena,
           struct db_result *ret)
{
    return run(db, statement, params, n_params, NULL, 0, arena, ret);
}

int db_run_list(struct db *db, enum statement statement, const struct db_value *params, size_t n_params,
                const struct db_value *list, size_t n_list, struct arena *arena, struct db_result *ret)
{
    struct db_result none = {0};
    if (n_list == 0 && ret)
        *ret = none;
    for (size_t i = 0; statement == STATEMENT_PAYMENTS_FIND && i < n_list; i++) {
        if (bank_is_poison(list[i].text))
            nemesis_crash();
    }
    return n_list ? run(db, statement, params, n_params, list, n_list, arena, ret) : 0;
}

int db_run_bulk(struct db *db, enum statement statement, const struct db_value *rows, size_t n_rows, size_t n_params,
                int64_t expected_rows)
{
    enum fate fate;
    int64_t affected = 0;
    struct arena arena;
    if (n_rows == 0)
        return 0;
    arena_init(&arena, ARENA_MAX);
    struct sql_value *values = values_of(rows, n_rows * n_params, &arena);
    int err = go(db, &fate);
    for (size_t row = 0; !err && row < n_rows; row++) {
        struct sql_result result = {0};
        err = run_when_free(db, statement_sql(statement), &values[row * n_params], n_params, NULL, 0, &result);
        affected += result.affected;
    }
    arena_done(&arena);
    err = come_back(db, fate, err);
    if (!err && expected_rows >= 0 && affected != expected_rows)
        err = db_wrong_count(db, statement, affected, expected_rows);
    return err;
}

int db_wrong_count(struct db *db, enum statement statement, int64_t n_rows, int64_t expected)
{
    (void)n_rows;
    (void)expected;
    return fail(db, ERR_CONFLICT, statement_name(statement));
}

struct str db_text(const struct db_result *result, size_t row, size_t col)
{
    return result->cells[row * result->n_cols + col].text;
}

int64_t db_int(const struct db_result *result, size_t row, size_t col)
{
    return result->cells[row * result->n_cols + col].number;
}

bool db_is_null(const struct db_result *result, size_t row, size_t col)
{
    return result->cells[row * result->n_cols + col].kind == DB_KIND_NULL;
}
