#include "server/db_call.h"

#include <string.h>

#include "server/db_conn.h"

static int connect_start(struct db_conn *conn)
{
    const struct db_settings *settings = conn->settings;
    MYSQL *ret = NULL;
    /* CLIENT_FOUND_ROWS: an UPDATE's count is of the rows its WHERE matched (see db_pool.h). */
    int wait = mysql_real_connect_start(&ret, &conn->mysql, settings->at.host, settings->user, settings->password,
                                        settings->database, settings->at.port, settings->at.socket, CLIENT_FOUND_ROWS);
    conn->failed = !ret;
    return wait;
}

static int connect_cont(struct db_conn *conn, int ready)
{
    MYSQL *ret = NULL;
    int wait = mysql_real_connect_cont(&ret, &conn->mysql, ready);
    conn->failed = !ret;
    return wait;
}

static int query_start(struct db_conn *conn)
{
    int ret = 0;
    int wait = mysql_real_query_start(&ret, &conn->mysql, conn->sql, strlen(conn->sql));
    conn->failed = ret != 0;
    return wait;
}

static int query_cont(struct db_conn *conn, int ready)
{
    int ret = 0;
    int wait = mysql_real_query_cont(&ret, &conn->mysql, ready);
    conn->failed = ret != 0;
    return wait;
}

static int prepare_start(struct db_conn *conn)
{
    const char *sql = conn->settings->table[conn->statement].sql;
    int ret = 0;
    int wait = mysql_stmt_prepare_start(&ret, conn->stmt, sql, strlen(sql));
    conn->failed = ret != 0;
    return wait;
}

static int prepare_cont(struct db_conn *conn, int ready)
{
    int ret = 0;
    int wait = mysql_stmt_prepare_cont(&ret, conn->stmt, ready);
    conn->failed = ret != 0;
    return wait;
}

static int execute_start(struct db_conn *conn)
{
    int ret = 0;
    int wait = mysql_stmt_execute_start(&ret, conn->stmt);
    conn->failed = ret != 0;
    return wait;
}

static int execute_cont(struct db_conn *conn, int ready)
{
    int ret = 0;
    int wait = mysql_stmt_execute_cont(&ret, conn->stmt, ready);
    conn->failed = ret != 0;
    return wait;
}

static int store_start(struct db_conn *conn)
{
    int ret = 0;
    int wait = mysql_stmt_store_result_start(&ret, conn->stmt);
    conn->failed = ret != 0;
    return wait;
}

static int store_cont(struct db_conn *conn, int ready)
{
    int ret = 0;
    int wait = mysql_stmt_store_result_cont(&ret, conn->stmt, ready);
    conn->failed = ret != 0;
    return wait;
}

const struct db_call db_call_connect = {"connect", connect_start, connect_cont};
const struct db_call db_call_query = {"query", query_start, query_cont};
const struct db_call db_call_prepare = {"prepare", prepare_start, prepare_cont};
const struct db_call db_call_execute = {"execute", execute_start, execute_cont};
const struct db_call db_call_store_result = {"store_result", store_start, store_cont};
