#include "server/db_conn.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdio.h>

#include "common/err.h"
#include "common/heap.h"

enum {
    SLOW_CALL_MS = 20,              /* a call that holds the loop longer is logged */
    STATEMENT_TIME_PERCENT = 90,    /* of the run's deadline: the server gives up before we do */
    PACKET_MAX_BYTES = 16 << 20,    /* of the connection: a broken peer cannot make us take more */
    CLIENT_ERRORS_FIRST = 2000,     /* Connector/C's own errors (errmsg.h) … */
    CLIENT_ERRORS_END = 3000,       /* … */
    CLIENT_ERRORS_MORE_FIRST = 5000 /* … and MariaDB's additions */
};

/* --- errors --- */

/* Numbers of mysqld_error.h, MariaDB 10.11. */
static const struct {
    unsigned db_errno;
    int err;
    bool breaks; /* the connection is not to be used again */
} errors[] = {
    {ER_DUP_ENTRY, ERR_CONFLICT, false},
    {ER_DUP_ENTRY_WITH_KEY_NAME, ERR_CONFLICT, false},
    {ER_NO_REFERENCED_ROW_2, ERR_CONFLICT, false},
    {ER_ROW_IS_REFERENCED_2, ERR_CONFLICT, false},
    {ER_VIEW_CHECK_FAILED, ERR_CONFLICT, false},
    {ER_CONSTRAINT_FAILED, ERR_CONFLICT, false},
    {ER_SIGNAL_EXCEPTION, ERR_CONFLICT, false},
    {ER_STATEMENT_TIMEOUT, ERR_TIMEOUT, false},
    {ER_LOCK_WAIT_TIMEOUT, ERR_UNAVAILABLE, false},
    {ER_LOCK_DEADLOCK, ERR_UNAVAILABLE, false},
    {ER_CHECKREAD, ERR_UNAVAILABLE, false}, /* 1020: the row changed under a snapshot */
    {ER_QUERY_INTERRUPTED, ERR_UNAVAILABLE, false},
    {ER_ERROR_DURING_COMMIT, ERR_UNAVAILABLE, true}, /* 1180: a Galera node that lost its cluster; outcome unknown */
    {ER_UNKNOWN_COM_ERROR, ERR_UNAVAILABLE, true},   /* 1047: a Galera node that is not ready */
    {ER_CON_COUNT_ERROR, ERR_UNAVAILABLE, true},
    {ER_TOO_MANY_USER_CONNECTIONS, ERR_UNAVAILABLE, true},
    {ER_OPTION_PREVENTS_STATEMENT, ERR_UNAVAILABLE, true}, /* 1290: read_only, after a fail-over */
    {ER_SERVER_SHUTDOWN, ERR_UNAVAILABLE, true},
    {ER_CONNECTION_KILLED, ERR_UNAVAILABLE, true},
    {ER_UNKNOWN_STMT_HANDLER, ERR_UNAVAILABLE, true}, /* a proxy moved us to another server */
    {ER_NEED_REPREPARE, ERR_UNAVAILABLE, true},
};

static bool is_client_error(unsigned db_errno)
{
    return (db_errno >= CLIENT_ERRORS_FIRST && db_errno < CLIENT_ERRORS_END) || db_errno >= CLIENT_ERRORS_MORE_FIRST;
}

/* The class of one of MariaDB's or Connector/C's error numbers. */
static int translate(unsigned db_errno)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i].db_errno == db_errno)
            return errors[i].err;
    return is_client_error(db_errno) ? ERR_UNAVAILABLE : ERR_INTERNAL;
}

static bool breaks_connection(unsigned db_errno)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i].db_errno == db_errno)
            return errors[i].breaks;
    return is_client_error(db_errno);
}

/* --- the stepper --- */

static int events_for(int wait)
{
    return (wait & MYSQL_WAIT_READ ? UV_READABLE : 0) | (wait & MYSQL_WAIT_WRITE ? UV_WRITABLE : 0) |
           (wait & MYSQL_WAIT_EXCEPT ? UV_PRIORITIZED : 0);
}

static int ready_for(int events)
{
    return (events & UV_READABLE ? MYSQL_WAIT_READ : 0) | (events & UV_WRITABLE ? MYSQL_WAIT_WRITE : 0) |
           (events & UV_PRIORITIZED ? MYSQL_WAIT_EXCEPT : 0);
}

static uint64_t remaining_ms(const struct db_conn *conn)
{
    uint64_t now = uv_now(conn->loop);
    return conn->deadline_at_ms > now ? conn->deadline_at_ms - now : 0;
}

static int outcome(struct db_conn *conn)
{
    if (!conn->failed)
        return 0;
    /* A statement's call keeps its number in the statement, except when the connection itself went. */
    conn->db_errno = conn->stmt ? mysql_stmt_errno(conn->stmt) : 0;
    if (conn->db_errno == 0)
        conn->db_errno = mysql_errno(&conn->mysql);
    if (breaks_connection(conn->db_errno))
        conn->is_broken = true;
    return translate(conn->db_errno);
}

static int run_library(struct db_conn *conn, int ready)
{
    uint64_t began_ns = uv_hrtime();
    int wait = ready ? conn->call->cont(conn, ready) : conn->call->start(conn);
    int64_t ms = (int64_t)((uv_hrtime() - began_ns) / 1000000);

    if (ms > SLOW_CALL_MS)
        log_warn("db_call_held_the_loop", LOG_STR("call", conn->call->name), LOG_INT("ms", ms));
    /* On error the library closes its socket itself: let go before the number can be used again. */
    if (mysql_get_socket(&conn->mysql) == MARIADB_INVALID_SOCKET)
        watch_forget(conn->watch);
    return wait;
}

static void finish_call(struct db_conn *conn, int err)
{
    db_conn_cb then = conn->then;
    conn->call = NULL;
    then(conn->data, err);
}

static bool wait_for(struct db_conn *conn, int wait)
{
    int fd = mysql_get_socket(&conn->mysql);
    return fd != MARIADB_INVALID_SOCKET && watch_arm(conn->watch, fd, events_for(wait), remaining_ms(conn)) == 0;
}

/* Goes on until the library waits for its socket or nothing is left to call. `ready` 0 starts the call. What `then`
 * starts is taken up by this same loop, so a long run does not deepen the stack. The socket stays watched meanwhile,
 * unless another may come under its number, as when the library tries a host's next address. */
static void step(struct db_conn *conn, int ready)
{
    conn->is_stepping = true;
    while (conn->call) {
        if (conn->call == &db_call_connect)
            watch_disarm(conn->watch);
        int wait = run_library(conn, ready);
        if (wait && wait_for(conn, wait))
            break;
        if (wait) {
            conn->is_broken = true;
            finish_call(conn, ERR_UNAVAILABLE);
        } else {
            finish_call(conn, outcome(conn));
        }
        ready = 0;
    }
    conn->is_stepping = false;
}

static void start_call(struct db_conn *conn, const struct db_call *call, db_conn_cb then, void *data)
{
    conn->call = call;
    conn->then = then;
    conn->data = data;
    conn->failed = false;
    conn->db_errno = 0;
    if (!conn->is_stepping)
        step(conn, 0);
}

/* The library is told, so that its suspended call ends and frees what it holds; then the connection goes. */
static void give_up(struct db_conn *conn)
{
    conn->is_broken = true;
    conn->db_errno = 0;
    mariadb_cancel(&conn->mysql);
    run_library(conn, MYSQL_WAIT_TIMEOUT);
    db_conn_cb then = conn->then;
    void *data = conn->data;
    db_conn_drop(conn);
    then(data, ERR_TIMEOUT);
}

static void on_watch(void *data, int events)
{
    struct db_conn *conn = data;

    if (!conn->call) { /* the server has nothing to say to an idle connection but its end */
        conn->is_broken = true;
        watch_forget(conn->watch);
        conn->lost(conn->lost_data);
    } else if (events == 0) {
        give_up(conn);
    } else {
        step(conn, ready_for(events));
    }
}

/* --- the connection --- */

static void on_watch_closed(void *data)
{
    struct db_conn *conn = data;
    void (*closed)(void *data) = conn->closed;
    void *closed_data = conn->closed_data;

    free(conn->stmts);
    free(conn);
    closed(closed_data);
}

struct db_conn *db_conn_new(uv_loop_t *loop, const struct db_settings *settings, void (*lost)(void *data), void *data)
{
    struct db_conn *conn = HEAP_NEW(struct db_conn);

    conn->loop = loop;
    conn->settings = settings;
    conn->stmts = HEAP_ARRAY(settings->n_statements, MYSQL_STMT *);
    conn->watch = watch_new(loop, on_watch, conn);
    conn->lost = lost;
    conn->lost_data = data;
    return conn;
}

/* What every statement may rely on. wsrep_sync_wait is left as the server has it: the pages read what their own node
 * has, and the one writer node is a matter of deployment. */
static void set_up_session(struct db_conn *conn)
{
    unsigned ms = conn->settings->query_timeout_ms * STATEMENT_TIME_PERCENT / 100;
    char sql[512];

    snprintf(sql, sizeof sql,
             "SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,NO_ENGINE_SUBSTITUTION', "
             "time_zone = '+00:00', collation_connection = 'utf8mb4_unicode_ci', tx_isolation = 'READ-COMMITTED', "
             "sql_select_limit = %d, max_statement_time = %u.%03u",
             DB_ROWS_MAX + 1, ms / 1000, ms % 1000);
    mysql_options(&conn->mysql, MYSQL_INIT_COMMAND, sql);
}

static void set_options(struct db_conn *conn)
{
    const unsigned no = 0;
    const size_t packet_max = PACKET_MAX_BYTES;

    mysql_options(&conn->mysql, MYSQL_OPT_NONBLOCK, NULL);
    mysql_options(&conn->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(&conn->mysql, MYSQL_OPT_LOCAL_INFILE, &no);
    mysql_options(&conn->mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet_max);
    set_up_session(conn);
}

void db_conn_open(struct db_conn *conn, db_conn_cb then, void *data)
{
    if (!mysql_init(&conn->mysql))
        log_fatal("out_of_memory", LOG_STR("what", "mysql_init"));
    conn->is_open = true;
    conn->is_broken = false;
    conn->stmt = NULL;
    conn->deadline_at_ms = uv_now(conn->loop) + conn->settings->connect_timeout_ms;
    set_options(conn);
    start_call(conn, &db_call_connect, then, data);
}

void db_conn_set_deadline(struct db_conn *conn, uint64_t deadline_at_ms)
{
    conn->deadline_at_ms = deadline_at_ms;
}

void db_conn_query(struct db_conn *conn, const char *sql, db_conn_cb then, void *data)
{
    conn->sql = sql;
    conn->stmt = NULL;
    start_call(conn, &db_call_query, then, data);
}

/* A table that does not say what its SQL is would be read past its ends. */
static int check_statement(struct db_conn *conn)
{
    const struct db_statement *statement = &conn->settings->table[conn->statement];
    size_t n_params = mysql_stmt_param_count(conn->stmt), n_columns = mysql_stmt_field_count(conn->stmt);

    if (n_params == strlen(statement->params) && n_columns == strlen(statement->columns))
        return 0;
    log_error("db_statement_mismatch", LOG_STR("statement", statement->name), LOG_INT("params", (int64_t)n_params),
              LOG_INT("columns", (int64_t)n_columns));
    return ERR_INTERNAL;
}

static void prepared(void *data, int err)
{
    struct db_conn *conn = data;

    if (!err)
        err = check_statement(conn);
    if (!err)
        conn->stmts[conn->statement] = conn->stmt;
    else
        mysql_stmt_close(conn->stmt);
    if (err)
        conn->stmt = NULL;
    conn->outer_then(conn->outer_data, err);
}

void db_conn_prepare(struct db_conn *conn, unsigned number, db_conn_cb then, void *data)
{
    conn->statement = number;
    conn->stmt = conn->stmts[number];
    if (conn->stmt) {
        then(data, 0);
        return;
    }
    conn->stmt = mysql_stmt_init(&conn->mysql);
    if (!conn->stmt)
        log_fatal("out_of_memory", LOG_STR("what", "mysql_stmt_init"));
    conn->outer_then = then;
    conn->outer_data = data;
    start_call(conn, &db_call_prepare, prepared, conn);
}

static void executed(void *data, int err)
{
    struct db_conn *conn = data;

    if (!err && mysql_stmt_field_count(conn->stmt) > 0)
        start_call(conn, &db_call_store_result, conn->outer_then, conn->outer_data);
    else
        conn->outer_then(conn->outer_data, err);
}

void db_conn_execute(struct db_conn *conn, db_conn_cb then, void *data)
{
    conn->outer_then = then;
    conn->outer_data = data;
    start_call(conn, &db_call_execute, executed, conn);
}

void db_conn_idle(struct db_conn *conn)
{
    if (watch_arm(conn->watch, mysql_get_socket(&conn->mysql), UV_READABLE, WATCH_NO_TIMEOUT) != 0)
        log_error("db_socket_not_watched");
}

bool db_conn_is_usable(const struct db_conn *conn)
{
    return conn->is_open && !conn->is_broken;
}

void db_conn_drop(struct db_conn *conn)
{
    conn->call = NULL;
    watch_forget(conn->watch);
    if (!conn->is_open)
        return;
    conn->is_open = false;
    /* The statements lose their connection first, so closing them sends nothing. */
    mysql_close(&conn->mysql);
    bool in_table = false;
    for (unsigned i = 0; i < conn->settings->n_statements; i++) {
        if (!conn->stmts[i])
            continue;
        in_table = in_table || conn->stmts[i] == conn->stmt;
        mysql_stmt_close(conn->stmts[i]);
        conn->stmts[i] = NULL;
    }
    if (conn->stmt && !in_table) /* dropped while it was being prepared */
        mysql_stmt_close(conn->stmt);
    conn->stmt = NULL;
}

void db_conn_close(struct db_conn *conn, void (*closed)(void *data), void *data)
{
    db_conn_drop(conn);
    conn->closed = closed;
    conn->closed_data = data;
    watch_close(conn->watch, on_watch_closed, conn);
}
