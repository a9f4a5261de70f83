/* db: dp-admin's connection to MariaDB, synchronous. The first fault is printed where it happens and kept in words. */
#ifndef DP_ADMIN_DB_H
#define DP_ADMIN_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/statements.h"
#include "common/arena.h"
#include "common/config.h"
#include "common/str.h"

struct db;

enum db_param_type { DB_PARAM_NULL, DB_PARAM_NUMBER, DB_PARAM_TEXT };

struct db_param {
    enum db_param_type type;
    int64_t number;
    struct str text; /* borrowed for the call */
};

#define DB_NUMBER(n) ((struct db_param){.type = DB_PARAM_NUMBER, .number = (n)})
#define DB_TEXT(s)   ((struct db_param){.type = DB_PARAM_TEXT, .text = (s)})
#define DB_NULL      ((struct db_param){.type = DB_PARAM_NULL})

enum { DB_PARAMS_MAX = 24, DB_COLUMNS_MAX = 24 };

/* Every cell as text, in the arena of the query; SQL's NULL is STR_NULL with a NULL ptr. */
struct db_rows {
    size_t n_rows, n_columns;
    const struct str *cells; /* row by row */
};

/* Connects as the admin user, to the configured database or, for migrate, to none, with the
 * patience that a table written anew may need. ERR_UNAVAILABLE or ERR_FORBIDDEN (password file unreadable), said on
 * stderr. */
int db_open(const struct config *config, bool with_database, struct db **ret_db);
void db_close(struct db *db); /* NULL allowed; an open transaction is rolled back */

/* A statement as text, for schema files and accounts. ERR_INTERNAL; db_error() says why. */
int db_run_text(struct db *db, struct str sql);
/* A statement of the table. `params`: as many as it has question marks. ret_affected (rows matched, not rows changed)
 * and ret_id may be NULL. ERR_CONFLICT for a duplicate key, a constraint or a trigger; else ERR_INTERNAL. */
int db_execute(struct db *db, enum statement statement, const struct db_param *params, int64_t *ret_affected,
               int64_t *ret_id);
int db_query(struct db *db, enum statement statement, const struct db_param *params, struct arena *arena,
             struct db_rows *ret_rows);

int db_begin(struct db *db);
int db_commit(struct db *db); /* ERR_INTERNAL: the outcome may be unknown */
void db_rollback(struct db *db);

/* The last fault in words. Valid until the next call. */
const char *db_error(const struct db *db);
/* `text` as an SQL literal with its quotes. */
struct str db_quote(struct db *db, struct str text, struct arena *arena);

struct str db_cell(const struct db_rows *rows, size_t row, size_t column);
int64_t db_cell_number(const struct db_rows *rows, size_t row, size_t column); /* 0 for NULL */

#endif
