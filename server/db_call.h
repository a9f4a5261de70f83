/* db_call: the non-blocking calls of Connector/C that db_conn makes, as data for its stepper.
 *
 * `start` and `cont` return what the library waits for (MYSQL_WAIT_… bits, 0: finished) and leave in `conn->failed`
 * whether the finished call failed. */
#ifndef DP_SERVER_DB_CALL_H
#define DP_SERVER_DB_CALL_H

struct db_conn;

struct db_call {
    const char *name; /* for logs */
    int (*start)(struct db_conn *conn);
    int (*cont)(struct db_conn *conn, int ready);
};

extern const struct db_call db_call_connect;      /* conn->settings */
extern const struct db_call db_call_query;        /* conn->sql */
extern const struct db_call db_call_prepare;      /* conn->statement into conn->stmt */
extern const struct db_call db_call_execute;      /* conn->stmt */
extern const struct db_call db_call_store_result; /* conn->stmt */

#endif
