/* db_pool: MariaDB for the loop: a few connections, bounded waiters, prepared statements by number, a deadline for
 * every run, reconnection with backoff. Stores floor: knows no HTTP.
 *
 * One kind of work: a *run* of one or more steps (statement + parameters). An atomic run is one SQL transaction whose
 * steps must each change the number of rows they expect; any other outcome rolls everything back. That is enough for
 * all that pages do, because every step's parameters are known before the run starts. */
#ifndef DP_SERVER_DB_POOL_H
#define DP_SERVER_DB_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/arena.h"
#include "common/config.h"
#include "common/str.h"

/* One row of a program's statement table; the index is the statement's number. */
struct db_statement {
    const char *name; /* for logs and metrics */
    const char *sql;  /* "?" parameters only */
    const char
        *params; /* a letter a parameter: 'i' int64, 's' text or bytes, 't' moment (int64 µs ↔ DATETIME(6) UTC) */
    const char *columns; /* a letter a result column, same letters; "" for statements without result */
};

enum db_type { DB_NULL, DB_INT, DB_TEXT };

struct db_value {
    enum db_type type;
    int64_t number;  /* 'i' and 't' */
    struct str text; /* 's'; results live in the run's arena */
};

#define DB_I(n) ((struct db_value){.type = DB_INT, .number = (n)})
#define DB_S(s) ((struct db_value){.type = DB_TEXT, .text = (s)})
#define DB_N    ((struct db_value){.type = DB_NULL})

enum {
    DB_ANY_COUNT = -1,
    DB_ROWS_MAX = 2000,     /* of one result; the session's sql_select_limit makes the server stop there too */
    DB_CELL_MAX = 64 << 10, /* bytes of one text */
    DB_PARAMS_MAX = 64,     /* of one statement */
    DB_COLUMNS_MAX = 48,
    DB_STEPS_MAX = 128,
    DB_DEADLOCK_RETRIES = 2,
};

struct db_step {
    unsigned statement;
    const struct db_value *params; /* as many as the statement has letters; borrowed until the run ends */
    int64_t expect;                /* rows that must be affected (atomic runs; see db_result), or DB_ANY_COUNT */
};

struct db_result {
    unsigned n_rows, n_columns;
    const struct db_value *cells; /* row by row */
    /* Rows written; for an UPDATE the rows that its WHERE matched, changed or not (CLIENT_FOUND_ROWS): the condition
     * held, even if every value was already there. For a SELECT the rows found. INSERT … ON DUPLICATE KEY UPDATE: 1
     * for a new row or one that stays as it was, 2 for a changed one. */
    int64_t affected;
    int64_t insert_id;
};

struct db_run;
typedef void (*db_run_cb)(struct db_run *run, int err);

/* Lives in the caller's arena from start to callback. The first part is the caller's, the second the pool's answer. */
struct db_run {
    struct arena *arena;
    const struct db_step *steps;
    unsigned n_steps;
    bool atomic;
    unsigned deadline_ms; /* from db_pool_run() on, waiting included; 0, or more than the pool's default: the default */
    db_run_cb done;       /* exactly once, never before db_pool_run() returned */
    void *data;

    struct db_result *results; /* one a step; valid when err is 0 */
    unsigned failed_step;      /* when err is not 0; n_steps: all steps were done, COMMIT failed */
    unsigned db_errno;         /* MariaDB's number (1062 …) when err came from it */

    void *internal; /* private */
};

struct db_pool;

/* Starts connecting at once and for ever; never fails at start. `table` is borrowed for ever. */
struct db_pool *db_pool_new(uv_loop_t *loop, const struct config *config, const struct db_statement *table,
                            unsigned n_statements);
/* Errors: ERR_BUSY (waiters full); ERR_UNAVAILABLE (no connection before the deadline, connection lost, lock wait
 * 1205, deadlock 1213, read-only or shutting server: nothing was committed unless failed_step is n_steps or the run is
 * not atomic); ERR_TIMEOUT (deadline passed while running: outcome unknown); ERR_CONFLICT (duplicate key 1062, foreign
 * key, view, constraint or trigger 1451/1452/1369/4025/1644, or a step's count was not the expected one);
 * ERR_TOO_LARGE (more than DB_ROWS_MAX rows, a cell over DB_CELL_MAX, or more than half of what the arena had left);
 * ERR_INVALID (a moment outside the years 0 to 9999); ERR_CANCELLED; ERR_INTERNAL (any other).
 * A single SELECT outside a transaction whose connection was lost is tried once more on another connection; an atomic
 * run that lost a deadlock, which the server has rolled back as a whole, is run again at most DB_DEADLOCK_RETRIES
 * times; both within the deadline. */
void db_pool_run(struct db_pool *pool, struct db_run *run);
/* Number of connections that are ready; 0 means the database is away. */
unsigned db_pool_ready(const struct db_pool *pool);
struct db_pool_stats {
    uint64_t runs, failures, reconnects;
    unsigned ready, busy, waiting;
};
struct db_pool_stats db_pool_stats(const struct db_pool *pool);
/* Waiters and runs end with ERR_CANCELLED; `closed` is called once every handle is closed and the pool is freed. */
void db_pool_close(struct db_pool *pool, void (*closed)(void *data), void *data);

#endif
