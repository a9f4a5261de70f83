#include "admin/db.h"

#include <assert.h>
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/admin.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/log.h"

enum { ARENA_CELLS_MIN = 1, ERROR_SIZE = 600, READ_TIMEOUT_S = 120, SCHEMA_TIMEOUT_S = 6 * 3600 };

struct db {
    MYSQL mysql;
    MYSQL_STMT *prepared[STATEMENT_COUNT]; /* owned; made at first use */
    char error[ERROR_SIZE];
};

static int translate(unsigned number)
{
    switch (number) {
    case ER_DUP_ENTRY:
    case ER_ROW_IS_REFERENCED_2:
    case ER_NO_REFERENCED_ROW_2:
    case ER_CONSTRAINT_FAILED:
    case ER_SIGNAL_EXCEPTION:
        return ERR_CONFLICT;
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
        return ERR_UNAVAILABLE;
    default:
        return ERR_INTERNAL;
    }
}

static int fail(struct db *db, unsigned number, const char *text)
{
    snprintf(db->error, sizeof db->error, "%s (MariaDB %u)", text, number);
    return translate(number);
}

static int fail_connection(struct db *db)
{
    return fail(db, mysql_errno(&db->mysql), mysql_error(&db->mysql));
}

static void set_options(MYSQL *mysql, const struct config *config, unsigned read_s)
{
    unsigned connect_s = (config->database.connect_timeout_ms + 999) / 1000;
    mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &read_s);
    mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &read_s);
    mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(mysql, MYSQL_INIT_COMMAND,
                  "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'");
}

static int read_password(const char *file, char **ret_password)
{
    *ret_password = NULL;
    if (!file || config_read_secret(file, ret_password) == 0)
        return 0;
    admin_fail("%s: the database password cannot be read", file);
    return ERR_FORBIDDEN;
}

static int connect_to(struct db *db, const struct config *config, bool with_database)
{
    const struct config_endpoint *at = &config->database.at;
    const struct config_db_user *user = &config->database.admin;
    char *password;
    int err = read_password(user->password_file, &password);

    if (err)
        return err;
    if (!mysql_real_connect(&db->mysql, at->host, user->user, password, with_database ? config->database.name : NULL,
                            at->port, at->socket, CLIENT_FOUND_ROWS)) {
        admin_fail("no connection to MariaDB at %s as %s: %s", at->socket ? at->socket : at->host, user->user,
                   mysql_error(&db->mysql));
        err = ERR_UNAVAILABLE;
    }
    if (password) {
        sodium_memzero(password, strlen(password));
        free(password);
    }
    return err;
}

int db_open(const struct config *config, bool with_database, struct db **ret_db)
{
    struct db *db = HEAP_NEW(struct db);
    if (!mysql_init(&db->mysql))
        log_fatal("out_of_memory");
    set_options(&db->mysql, config, with_database ? READ_TIMEOUT_S : SCHEMA_TIMEOUT_S);
    int err = connect_to(db, config, with_database);
    if (err)
        db_close(db);
    else
        *ret_db = db;
    return err;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        if (db->prepared[i])
            mysql_stmt_close(db->prepared[i]);
    }
    mysql_close(&db->mysql);
    mysql_library_end();
    free(db);
}

int db_run_text(struct db *db, struct str sql)
{
    return mysql_real_query(&db->mysql, sql.ptr, sql.len) ? fail_connection(db) : 0;
}

static int prepare(struct db *db, enum statement statement, MYSQL_STMT **ret_stmt)
{
    MYSQL_STMT *stmt = db->prepared[statement];
    const char *sql = statement_sql(statement);
    my_bool measure = 1;

    if (!stmt) {
        stmt = mysql_stmt_init(&db->mysql);
        if (!stmt)
            log_fatal("out_of_memory", LOG_STR("statement", sql));
        if (mysql_stmt_prepare(stmt, sql, strlen(sql))) {
            int err = fail(db, mysql_stmt_errno(stmt), mysql_stmt_error(stmt));
            mysql_stmt_close(stmt);
            return err;
        }
        mysql_stmt_attr_set(stmt, STMT_ATTR_UPDATE_MAX_LENGTH, &measure);
        assert(mysql_stmt_param_count(stmt) <= DB_PARAMS_MAX && mysql_stmt_field_count(stmt) <= DB_COLUMNS_MAX);
        db->prepared[statement] = stmt;
    }
    *ret_stmt = stmt;
    return 0;
}

static MYSQL_BIND bind_param(const struct db_param *param)
{
    switch (param->type) {
    case DB_PARAM_NUMBER:
        return (MYSQL_BIND){.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = (void *)&param->number};
    case DB_PARAM_TEXT:
        return (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING,
                            .buffer = (void *)(param->text.ptr ? param->text.ptr : ""),
                            .buffer_length = param->text.len};
    case DB_PARAM_NULL:
        break;
    }
    return (MYSQL_BIND){.buffer_type = MYSQL_TYPE_NULL};
}

static int run(struct db *db, MYSQL_STMT *stmt, const struct db_param *params)
{
    MYSQL_BIND binds[DB_PARAMS_MAX];
    unsigned long count = mysql_stmt_param_count(stmt);

    for (unsigned long i = 0; i < count; i++)
        binds[i] = bind_param(&params[i]);
    if ((count && mysql_stmt_bind_param(stmt, binds)) || mysql_stmt_execute(stmt))
        return fail(db, mysql_stmt_errno(stmt), mysql_stmt_error(stmt));
    return 0;
}

int db_execute(struct db *db, enum statement statement, const struct db_param *params, int64_t *ret_affected,
               int64_t *ret_id)
{
    MYSQL_STMT *stmt;
    int err = prepare(db, statement, &stmt);
    if (!err)
        err = run(db, stmt, params);
    if (err)
        return err;
    if (ret_affected)
        *ret_affected = (int64_t)mysql_stmt_affected_rows(stmt);
    if (ret_id)
        *ret_id = (int64_t)mysql_stmt_insert_id(stmt);
    return 0;
}

/* Buffers as wide as the widest value of each column, all values as text. */
static int bind_results(MYSQL_STMT *stmt, struct arena *arena, unsigned columns, MYSQL_BIND *binds,
                        unsigned long *lengths, my_bool *nulls)
{
    MYSQL_RES *meta = mysql_stmt_result_metadata(stmt);
    if (!meta)
        return ERR_INTERNAL;
    for (unsigned i = 0; i < columns; i++) {
        size_t size = mysql_fetch_field_direct(meta, i)->max_length + 64;
        binds[i] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING,
                                .buffer = arena_alloc(arena, size),
                                .buffer_length = size,
                                .length = &lengths[i],
                                .is_null = &nulls[i]};
    }
    mysql_free_result(meta);
    return mysql_stmt_bind_result(stmt, binds) ? ERR_INTERNAL : 0;
}

static int fetch(MYSQL_STMT *stmt, struct arena *arena, struct db_rows *ret_rows)
{
    MYSQL_BIND binds[DB_COLUMNS_MAX];
    unsigned long lengths[DB_COLUMNS_MAX] = {0};
    my_bool nulls[DB_COLUMNS_MAX] = {0};
    unsigned columns = mysql_stmt_field_count(stmt);

    if (mysql_stmt_store_result(stmt) || bind_results(stmt, arena, columns, binds, lengths, nulls))
        return ERR_INTERNAL;
    size_t rows = mysql_stmt_num_rows(stmt);
    struct str *cells = ARENA_ARRAY(arena, rows * columns + ARENA_CELLS_MIN, struct str);
    for (size_t row = 0; row < rows; row++) {
        if (mysql_stmt_fetch(stmt))
            return ERR_INTERNAL;
        for (unsigned i = 0; i < columns; i++) {
            if (!nulls[i])
                cells[row * columns + i] = arena_str(arena, str_slice(binds[i].buffer, lengths[i]));
        }
    }
    *ret_rows = (struct db_rows){rows, columns, cells};
    return 0;
}

int db_query(struct db *db, enum statement statement, const struct db_param *params, struct arena *arena,
             struct db_rows *ret_rows)
{
    MYSQL_STMT *stmt;
    int err = prepare(db, statement, &stmt);
    if (!err)
        err = run(db, stmt, params);
    if (err)
        return err;
    err = fetch(stmt, arena, ret_rows);
    if (err)
        fail(db, mysql_stmt_errno(stmt), mysql_stmt_error(stmt));
    mysql_stmt_free_result(stmt);
    return err;
}

int db_begin(struct db *db)
{
    return db_run_text(db, STR("START TRANSACTION"));
}

int db_commit(struct db *db)
{
    return db_run_text(db, STR("COMMIT"));
}

void db_rollback(struct db *db)
{
    /* If the connection is gone the server rolls back by itself. */
    mysql_rollback(&db->mysql);
}

const char *db_error(const struct db *db)
{
    return db->error;
}

struct str db_quote(struct db *db, struct str text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.len * 2 + 3);
    size_t len = mysql_real_escape_string(&db->mysql, out + 1, text.ptr ? text.ptr : "", text.len);
    out[0] = '\'';
    out[len + 1] = '\'';
    return str_slice(out, len + 2);
}

struct str db_cell(const struct db_rows *rows, size_t row, size_t column)
{
    assert(row < rows->n_rows && column < rows->n_columns);
    return rows->cells[row * rows->n_columns + column];
}

int64_t db_cell_number(const struct db_rows *rows, size_t row, size_t column)
{
    struct str cell = db_cell(rows, row, column);
    return cell.ptr ? strtoll(cell.ptr, NULL, 10) : 0;
}
