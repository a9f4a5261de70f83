#include "worker/db.h"

#include <assert.h>
#include <mysql.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/log.h"
#include "worker/db_bind.h"

enum { LIST_SIZES = 5, ERROR_SIZE = 256, SQL_MAX = 32768, LOCK_WAIT_S = 5, MS_PER_S = 1000 };
enum { BINDINGS_MAX = 64 * 1024 * 1024 }; /* bytes, of one statement */

/* A list is padded to one of these lengths by repeating its last value, so that few texts are prepared. A value costs
 * as much where it is repeated: the longest one fits a full batch. */
static const size_t list_sizes[LIST_SIZES] = {1, 8, 32, 128, 256};

struct db {
    const struct config *config; /* borrowed */
    MYSQL *mysql;                /* owned; NULL while not connected */
    MYSQL_STMT *prepared[STATEMENT_COUNT][LIST_SIZES];
    bool in_transaction;
    char error[ERROR_SIZE];
};

/* Codes of a class, ended by 0. */
static const unsigned busy_codes[] = {1205, 1213, 1020, 1969 /* max_statement_time */, 0};
static const unsigned conflict_codes[] = {1062, 1586, 4025, /* unique key, CHECK */
                                          1644, 1452, 1369, /* trigger, foreign key, view */
                                          0};
static const unsigned away_codes[] = {1180, 1047, 1053, 1927, 2002, 2003, 2006, 2012,
                                      2013, 2026, 2055, 1158, 1159, 1160, 1161, /* the network, as the server sees it */
                                      1040, 1203,                               /* too many connections */
                                      1290, 1836,                               /* a node that became read-only */
                                      1317, 1045,             /* interrupted; access not granted (yet) */
                                      1021, 1114, 1030,       /* its disk is full, or fails */
                                      1037, 1038, 1041, 1206, /* its memory */
                                      1044, 1049, 1142, 1143, /* statements are the same for every entry: rights … */
                                      1054, 1146, /* … columns and tables that are not there (yet) are a migration's */
                                      0};

static bool is_among(unsigned code, const unsigned *codes)
{
    while (*codes && *codes != code)
        codes++;
    return *codes != 0;
}

int db_classify(unsigned code)
{
    if (is_among(code, busy_codes))
        return ERR_BUSY;
    if (is_among(code, away_codes))
        return ERR_UNAVAILABLE;
    return is_among(code, conflict_codes) ? ERR_CONFLICT : ERR_INTERNAL;
}

static void disconnect(struct db *db)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        for (size_t j = 0; j < LIST_SIZES; j++) {
            if (db->prepared[i][j])
                mysql_stmt_close(db->prepared[i][j]);
            db->prepared[i][j] = NULL;
        }
    }
    if (db->mysql)
        mysql_close(db->mysql);
    db->mysql = NULL;
}

static int remember(struct db *db, unsigned code, const char *text)
{
    int err = db_classify(code);
    snprintf(db->error, sizeof db->error, "%u %s", code, text);
    if (err == ERR_UNAVAILABLE)
        disconnect(db);
    return err;
}

static int remember_statement(struct db *db, MYSQL_STMT *stmt)
{
    return remember(db, mysql_stmt_errno(stmt), mysql_stmt_error(stmt));
}

/* Options of the session: what the schema's rules count on, whatever the server's configuration says. */
static void set_options(const struct db *db, MYSQL *mysql)
{
    const struct config *config = db->config;
    unsigned connect_s = config->database.connect_timeout_ms / MS_PER_S + 1;
    unsigned query_s = config->database.query_timeout_ms / MS_PER_S + 1;
    unsigned io_s = query_s + LOCK_WAIT_S;
    unsigned off = 0;
    char session[512];
    snprintf(session, sizeof session,
             "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
             "NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', tx_isolation = 'READ-COMMITTED', autocommit = 1, "
             "innodb_lock_wait_timeout = %d, max_statement_time = %u",
             LOCK_WAIT_S, query_s + LOCK_WAIT_S - 1);
    mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &io_s);
    mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &io_s);
    mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &off);
    mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(mysql, MYSQL_INIT_COMMAND, session);
}

static int connect_now(struct db *db)
{
    const struct config *config = db->config;
    const struct config_endpoint *at = &config->database.at;
    const struct config_db_user *who = &config->database.worker;
    char *password = NULL;
    if (who->password_file && config_read_secret(who->password_file, &password)) {
        snprintf(db->error, sizeof db->error, "cannot read %s", who->password_file);
        return ERR_UNAVAILABLE;
    }
    MYSQL *mysql = mysql_init(NULL);
    if (!mysql)
        log_fatal("out_of_memory");
    set_options(db, mysql);
    bool ok = mysql_real_connect(mysql, at->socket ? NULL : at->host, who->user, password, config->database.name,
                                 at->socket ? 0 : at->port, at->socket, CLIENT_FOUND_ROWS) != NULL;
    if (password) {
        sodium_memzero(password, strlen(password));
        free(password);
    }
    if (!ok) {
        snprintf(db->error, sizeof db->error, "%u %s", mysql_errno(mysql), mysql_error(mysql));
        mysql_close(mysql);
        return ERR_UNAVAILABLE;
    }
    db->mysql = mysql;
    return 0;
}

struct db *db_new(const struct config *config)
{
    struct db *db = HEAP_NEW(struct db);
    db->config = config;
    return db;
}

void db_free(struct db *db)
{
    if (!db)
        return;
    disconnect(db);
    free(db);
}

const char *db_error(const struct db *db)
{
    return db->error;
}

bool db_connected(const struct db *db)
{
    return db->mysql != NULL;
}

static int ensure_connection(struct db *db)
{
    if (db->mysql)
        return 0;
    return db->in_transaction ? ERR_UNAVAILABLE : connect_now(db);
}

static int run_text(struct db *db, struct str sql)
{
    if (mysql_real_query(db->mysql, sql.ptr, sql.len))
        return remember(db, mysql_errno(db->mysql), mysql_error(db->mysql));
    return 0;
}

int db_begin(struct db *db)
{
    assert(!db->in_transaction);
    int err = ensure_connection(db);
    if (!err)
        err = run_text(db, STR("START TRANSACTION"));
    db->in_transaction = err == 0;
    return err;
}

int db_commit(struct db *db)
{
    assert(db->in_transaction);
    int err = db->mysql ? run_text(db, STR("COMMIT")) : ERR_UNAVAILABLE;
    db->in_transaction = false;
    /* What a failed COMMIT did is unknown to this connection as well: the next attempt gets a new one. */
    if (err)
        disconnect(db);
    return err;
}

void db_rollback(struct db *db)
{
    if (!db->in_transaction)
        return;
    db->in_transaction = false;
    char kept[ERROR_SIZE];
    memcpy(kept, db->error, sizeof kept);
    if (db->mysql && run_text(db, STR("ROLLBACK")))
        disconnect(db);
    memcpy(db->error, kept, sizeof kept); /* why we roll back matters more than how it went */
}

/* The statement's text with "IN (*)" given `n_list` placeholders. */
static void write_sql(struct str sql, size_t n_list, struct buf *out)
{
    struct str mark = STR("IN (*)"); /* COUNT(*) is no list */
    const char *at = memmem(sql.ptr, sql.len, mark.ptr, mark.len);
    if (!at) {
        buf_append(out, sql);
        return;
    }
    size_t before = (size_t)(at - sql.ptr);
    buf_append(out, str_slice(sql.ptr, before));
    for (size_t i = 0; i < n_list; i++)
        buf_append(out, i ? STR(",?") : STR("IN (?"));
    buf_append_char(out, ')');
    buf_append(out, str_slice(at + mark.len, sql.len - before - mark.len));
}

static int prepare(struct db *db, enum statement statement, size_t size_index, MYSQL_STMT **ret)
{
    MYSQL_STMT **slot = &db->prepared[statement][size_index];
    if (!*slot) {
        struct buf sql;
        buf_init(&sql, SQL_MAX);
        write_sql(str_from(statement_sql(statement)), list_sizes[size_index], &sql);
        assert(buf_ok(&sql));
        MYSQL_STMT *stmt = mysql_stmt_init(db->mysql);
        if (!stmt)
            log_fatal("out_of_memory");
        int failed = mysql_stmt_prepare(stmt, sql.ptr, sql.len);
        buf_done(&sql);
        if (failed) {
            int err = remember_statement(db, stmt);
            mysql_stmt_close(stmt);
            return err;
        }
        *slot = stmt;
    }
    *ret = *slot;
    return 0;
}

/* n_rows = 0: a single execution, else array binding. */
static int bind_and_execute(struct db *db, MYSQL_STMT *stmt, const struct db_value *values, size_t n_rows,
                            size_t n_params)
{
    unsigned rows = (unsigned)n_rows;
    struct arena bindings;
    assert(mysql_stmt_param_count(stmt) == n_params);
    arena_init(&bindings, BINDINGS_MAX);
    mysql_stmt_attr_set(stmt, STMT_ATTR_ARRAY_SIZE, &rows);
    bool failed = n_params && mysql_stmt_bind_param(stmt, db_bind_params(values, n_rows, n_params, &bindings));
    failed = failed || mysql_stmt_execute(stmt);
    arena_done(&bindings);
    return failed ? remember_statement(db, stmt) : 0;
}

/* … and copies what comes back to `arena`; NULL: a statement that gives no rows. */
static int execute(struct db *db, MYSQL_STMT *stmt, const struct db_value *values, size_t n_rows, size_t n_params,
                   struct arena *arena, struct db_result *ret)
{
    int err = bind_and_execute(db, stmt, values, n_rows, n_params);
    if (err)
        return err;
    assert(arena || mysql_stmt_field_count(stmt) == 0);
    int failed = mysql_stmt_field_count(stmt) ? db_fetch(stmt, arena, ret) : 0;
    err = failed ? remember_statement(db, stmt) : 0;
    if (!err)
        ret->affected += (int64_t)mysql_stmt_affected_rows(stmt);
    if (err != ERR_UNAVAILABLE)
        mysql_stmt_free_result(stmt);
    return err;
}

int db_run(struct db *db, enum statement statement, const struct db_value *params, size_t n_params, struct arena *arena,
           struct db_result *ret)
{
    struct db_result result = {0};
    MYSQL_STMT *stmt = NULL;
    int err = ensure_connection(db);
    if (!err)
        err = prepare(db, statement, 0, &stmt);
    if (!err)
        err = execute(db, stmt, params, 0, n_params, arena, &result);
    if (!err && ret)
        *ret = result;
    return err;
}

static size_t list_size_index(size_t n_list)
{
    size_t index = 0;
    while (index + 1 < LIST_SIZES && list_sizes[index] < n_list)
        index++;
    return index;
}

static int run_chunk(struct db *db, enum statement statement, const struct db_value *params, size_t n_params,
                     const struct db_value *list, size_t n_list, struct arena *arena, struct db_result *ret)
{
    size_t index = list_size_index(n_list);
    size_t n_values = n_params + list_sizes[index];
    struct arena given;
    MYSQL_STMT *stmt = NULL;
    arena_init(&given, BINDINGS_MAX);
    struct db_value *values = ARENA_ARRAY(&given, n_values, struct db_value);
    if (n_params)
        memcpy(values, params, n_params * sizeof *values);
    for (size_t i = 0; i < list_sizes[index]; i++)
        values[n_params + i] = list[i < n_list ? i : n_list - 1];
    int err = prepare(db, statement, index, &stmt);
    if (!err)
        err = execute(db, stmt, values, 0, n_values, arena, ret);
    arena_done(&given);
    return err;
}

int db_run_list(struct db *db, enum statement statement, const struct db_value *params, size_t n_params,
                const struct db_value *list, size_t n_list, struct arena *arena, struct db_result *ret)
{
    struct db_result result = {0};
    size_t chunk_max = list_sizes[LIST_SIZES - 1];
    int err = ensure_connection(db);
    for (size_t at = 0; !err && at < n_list; at += chunk_max) {
        size_t n = n_list - at < chunk_max ? n_list - at : chunk_max;
        err = run_chunk(db, statement, params, n_params, list + at, n, arena, &result);
    }
    if (!err && ret)
        *ret = result;
    return err;
}

int db_run_bulk(struct db *db, enum statement statement, const struct db_value *rows, size_t n_rows, size_t n_params,
                int64_t expected_rows)
{
    struct db_result result = {0};
    MYSQL_STMT *stmt = NULL;
    assert(n_rows <= DB_BULK_MAX);
    if (n_rows == 0)
        return 0;
    int err = ensure_connection(db);
    if (!err)
        err = prepare(db, statement, 0, &stmt);
    if (!err)
        err = execute(db, stmt, rows, n_rows, n_params, NULL, &result);
    if (!err && expected_rows >= 0 && result.affected != expected_rows)
        err = db_wrong_count(db, statement, result.affected, expected_rows);
    return err;
}

int db_wrong_count(struct db *db, enum statement statement, int64_t n_rows, int64_t expected)
{
    snprintf(db->error, sizeof db->error, "%s matched %lld rows instead of %lld", statement_name(statement),
             (long long)n_rows, (long long)expected);
    return ERR_CONFLICT;
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
