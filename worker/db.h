/* db: one blocking connection to MariaDB, used by one thread. Statements are prepared only, by their number in
 * statements.h; results are copied into the caller's arena before a call returns.
 *
 * Every call has a deadline (connect, read and write time-outs of Connector/C and max_statement_time). Errors:
 *   ERR_BUSY         the transaction lost against another one (1205, 1213, 1020): roll back and run it again
 *   ERR_UNAVAILABLE  the server cannot be reached, shuts down, has no room, lacks the schema or lost the connection
 *                    (1047, 1053, 1114, 1146, 1180, 1927, 2002 …): the outcome of a COMMIT is then unknown; roll back
 *                    (which forgets the connection) and run again
 *   ERR_CONFLICT     a unique key, a CHECK or a trigger said no
 *   ERR_INTERNAL     anything else: a statement or its data are wrong
 * The first two never count against an event (reliability.md §2.1). Outside a transaction a call connects when needed;
 * inside one it never does, so half a transaction can not slip into a new connection. */
#ifndef DP_WORKER_DB_H
#define DP_WORKER_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/config.h"
#include "common/str.h"
#include "worker/statements.h"

enum { DB_BULK_MAX = 512 };

enum db_kind { DB_KIND_NULL, DB_KIND_INT, DB_KIND_TEXT, DB_KIND_BYTES };

/* A parameter or a cell. Bytes go to the server without any conversion of character sets. */
struct db_value {
    enum db_kind kind;
    int64_t number;
    struct str text; /* borrowed */
};

#define DB_NULL     ((struct db_value){DB_KIND_NULL, 0, STR_NULL})
#define DB_INT(n)   ((struct db_value){DB_KIND_INT, (n), STR_NULL})
#define DB_TEXT(s)  ((struct db_value){DB_KIND_TEXT, 0, (s)})
#define DB_BYTES(s) ((struct db_value){DB_KIND_BYTES, 0, (s)})
/* NULL for 0: an absent id. */
#define DB_ID(n) ((n) ? DB_INT(n) : DB_NULL)

struct db_result {
    size_t n_rows, n_cols;
    const struct db_value *cells; /* in the caller's arena */
    int64_t affected;             /* rows that matched the condition, changed or not */
};

struct db;

/* Does not connect yet. `config` is borrowed and outlives the db. */
struct db *db_new(const struct config *config);
void db_free(struct db *db); /* NULL allowed */

int db_begin(struct db *db);
int db_commit(struct db *db);
void db_rollback(struct db *db);
bool db_connected(const struct db *db);

/* Runs one statement. `ret` may be NULL when nothing of the outcome matters. */
int db_run(struct db *db, enum statement statement, const struct db_value *params, size_t n_params, struct arena *arena,
           struct db_result *ret);
/* The same for a statement with "IN (*)": `list` becomes its values, in chunks, `params` stand before it. An empty list
 * gives no row. */
int db_run_list(struct db *db, enum statement statement, const struct db_value *params, size_t n_params,
                const struct db_value *list, size_t n_list, struct arena *arena, struct db_result *ret);
/* Runs one statement for each row of `rows` (row after row, `n_params` values each) in one round trip; at most
 * DB_BULK_MAX rows. With expected_rows >= 0 another count of matched rows is ERR_CONFLICT. */
int db_run_bulk(struct db *db, enum statement statement, const struct db_value *rows, size_t n_rows, size_t n_params,
                int64_t expected_rows);

/* Notes that a statement gave another number of rows than it must, as the last error. ERR_CONFLICT. */
int db_wrong_count(struct db *db, enum statement statement, int64_t n_rows, int64_t expected);

struct str db_text(const struct db_result *result, size_t row, size_t col);
int64_t db_int(const struct db_result *result, size_t row, size_t col); /* 0 for NULL */
bool db_is_null(const struct db_result *result, size_t row, size_t col);

/* The class of a server's or the library's error number. */
int db_classify(unsigned code);
/* "1062 Duplicate entry …" of the last failure; for logs and dead letters. */
const char *db_error(const struct db *db);

#endif
