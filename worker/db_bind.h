/* db_bind: between struct db_value and Connector/C's MYSQL_BIND, both ways. */
#ifndef DP_WORKER_DB_BIND_H
#define DP_WORKER_DB_BIND_H

#include <mysql.h>

#include "common/arena.h"
#include "worker/db.h"

/* Bindings of `n_params` parameters in `arena`. n_rows = 0: of one execution; else arrays of n_rows values a column,
 * each column of one kind (NULL aside). */
MYSQL_BIND *db_bind_params(const struct db_value *values, size_t n_rows, size_t n_params, struct arena *arena);

/* Appends the rows of an executed statement to *ret (n_cols the same). Integers come back as DB_KIND_INT, all else as
 * text. Not 0: the statement holds the error. */
int db_fetch(MYSQL_STMT *stmt, struct arena *arena, struct db_result *ret);

#endif
