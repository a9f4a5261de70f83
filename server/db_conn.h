/* db_conn: one connection to MariaDB on the loop, by Connector/C's non-blocking calls.
 *
 * Every call of the library is a pair of functions, _start and _cont; one stepper drives any pair on a watch, under one
 * deadline. At the deadline the call is cancelled and the connection dropped. Between calls the socket stays watched,
 * so that the death of an idle connection is known at once.
 *
 * Connector/C blocks the loop over TLS and when it resolves a name: use a unix socket or an IP address, and a local TLS
 * proxy between hosts. */
#ifndef DP_SERVER_DB_CONN_H
#define DP_SERVER_DB_CONN_H

#include <mysql.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/config.h"
#include "server/db_call.h"
#include "server/db_pool.h"
#include "server/watch.h"

/* Borrowed by the connections; owned by the pool. */
struct db_settings {
    struct config_endpoint at;
    const char *database, *user;
    char *password; /* owned by the pool; NULL: none */
    unsigned connect_timeout_ms, query_timeout_ms;
    const struct db_statement *table;
    unsigned n_statements;
};

struct db_conn;
/* Called from the stepper, possibly before the function that started the call has returned; err as in db_pool.h. It may
 * start the next call or drop the connection. */
typedef void (*db_conn_cb)(void *data, int err);

struct db_conn {
    uv_loop_t *loop;
    const struct db_settings *settings;
    struct watch *watch; /* owned */
    MYSQL mysql;
    bool is_open;       /* `mysql` was initialised and not closed */
    bool is_broken;     /* never to be used again before it is opened anew */
    MYSQL_STMT **stmts; /* owned; by number, NULL until prepared on this connection */
    void (*lost)(void *data);
    void *lost_data;

    /* The call under way. */
    const struct db_call *call; /* NULL: none */
    bool is_stepping;
    db_conn_cb then;
    void *data;
    db_conn_cb outer_then; /* of a prepare or execute, which are calls with something after them */
    void *outer_data;
    uint64_t deadline_at_ms; /* on the loop's clock */
    const char *sql;         /* of a plain query */
    unsigned statement;
    MYSQL_STMT *stmt; /* borrowed from `stmts`, or being prepared */
    bool failed;
    unsigned db_errno; /* MariaDB's or Connector/C's number after a failed call */

    void (*closed)(void *data);
    void *closed_data;
};

/* `lost` is called when an idle connection dies; the connection is then broken. */
struct db_conn *db_conn_new(uv_loop_t *loop, const struct db_settings *settings, void (*lost)(void *data), void *data);

/* Connects and sets the session up (see the table in db_conn.c). Any earlier connection must be dropped. */
void db_conn_open(struct db_conn *conn, db_conn_cb then, void *data);
/* The deadline of the calls that follow. */
void db_conn_set_deadline(struct db_conn *conn, uint64_t deadline_at_ms);
/* A plain statement without parameters and result; `sql` is borrowed for ever. */
void db_conn_query(struct db_conn *conn, const char *sql, db_conn_cb then, void *data);
/* Prepares statement `number` unless this connection has it; then `conn->stmt` is it. */
void db_conn_prepare(struct db_conn *conn, unsigned number, db_conn_cb then, void *data);
/* Executes `conn->stmt`, whose parameters are bound, and stores its whole result. */
void db_conn_execute(struct db_conn *conn, db_conn_cb then, void *data);
/* No call is under way: watches for the connection's death. */
void db_conn_idle(struct db_conn *conn);
bool db_conn_is_usable(const struct db_conn *conn);
/* Closes the connection at once, whatever it is doing; the call under way calls nothing back. Harmless twice. */
void db_conn_drop(struct db_conn *conn);
/* Drops, and frees once the handles are closed; `closed` is called then. */
void db_conn_close(struct db_conn *conn, void (*closed)(void *data), void *data);

#endif
