/* db_bind: between struct db_value and the binds of Connector/C's prepared statements. Memory only: nothing here waits
 * for the network. */
#ifndef DP_SERVER_DB_BIND_H
#define DP_SERVER_DB_BIND_H

#include <mysql.h>

#include "server/db_pool.h"

/* Binds one value a letter. The values and the arena's pieces are borrowed until the statement was executed. A value
 * whose type does not fit its letter is our bug and aborts; ERR_INVALID: a moment outside the years 0 to 9999. */
int db_bind_params(MYSQL_STMT *stmt, const char *letters, const struct db_value *params, struct arena *arena);

/* Copies the stored result of an executed statement into the arena and lets go of it in the connection. ERR_TOO_LARGE:
 * more than DB_ROWS_MAX rows, a cell over DB_CELL_MAX, or more than half of what the arena has left (the other half is
 * for the answer); ERR_INTERNAL: a cell that is not what its letter says. */
int db_bind_read(MYSQL_STMT *stmt, const char *letters, struct arena *arena, struct db_result *ret_result);

#endif
