#include "worker/db_bind.h"

#include <assert.h>

static enum enum_field_types type_of(enum db_kind kind)
{
    switch (kind) {
    case DB_KIND_INT:
        return MYSQL_TYPE_LONGLONG;
    case DB_KIND_TEXT:
        return MYSQL_TYPE_STRING;
    case DB_KIND_BYTES:
        return MYSQL_TYPE_BLOB;
    case DB_KIND_NULL:
        break;
    }
    return MYSQL_TYPE_NULL;
}

static void bind_one(MYSQL_BIND *bind, const struct db_value *value, struct arena *arena)
{
    bind->buffer_type = type_of(value->kind);
    if (value->kind == DB_KIND_INT) {
        int64_t *number = ARENA_NEW(arena, int64_t);
        *number = value->number;
        bind->buffer = number;
    } else {
        bind->buffer = (void *)(uintptr_t)(value->text.ptr ? value->text.ptr : "");
        bind->buffer_length = value->text.len;
        bind->length_value = value->text.len;
        bind->length = &bind->length_value;
    }
}

/* The kind of a column is that of its first value that is not NULL. */
static enum db_kind column_kind(const struct db_value *values, size_t n_rows, size_t n_params)
{
    for (size_t row = 0; row < n_rows; row++) {
        if (values[row * n_params].kind != DB_KIND_NULL)
            return values[row * n_params].kind;
    }
    return DB_KIND_TEXT; /* all NULL: any type will do, but array binding wants one */
}

static int64_t *gather_numbers(const struct db_value *values, size_t n_rows, size_t n_params, struct arena *arena)
{
    int64_t *numbers = ARENA_ARRAY(arena, n_rows, int64_t);
    for (size_t row = 0; row < n_rows; row++)
        numbers[row] = values[row * n_params].number;
    return numbers;
}

static void gather_texts(MYSQL_BIND *bind, const struct db_value *values, size_t n_rows, size_t n_params,
                         struct arena *arena)
{
    const char **texts = ARENA_ARRAY(arena, n_rows, const char *);
    bind->length = ARENA_ARRAY(arena, n_rows, unsigned long);
    for (size_t row = 0; row < n_rows; row++) {
        struct str text = values[row * n_params].text;
        texts[row] = text.ptr ? text.ptr : "";
        bind->length[row] = text.len;
    }
    bind->buffer = texts;
}

/* `values` points at the column's value in the first row. */
static void bind_column(MYSQL_BIND *bind, const struct db_value *values, size_t n_rows, size_t n_params,
                        struct arena *arena)
{
    enum db_kind kind = column_kind(values, n_rows, n_params);
    bind->buffer_type = type_of(kind);
    bind->u.indicator = arena_alloc(arena, n_rows);
    for (size_t row = 0; row < n_rows; row++) {
        enum db_kind of_row = values[row * n_params].kind;
        assert(of_row == kind || of_row == DB_KIND_NULL);
        bind->u.indicator[row] = of_row == DB_KIND_NULL ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
    }
    if (kind == DB_KIND_INT)
        bind->buffer = gather_numbers(values, n_rows, n_params, arena);
    else
        gather_texts(bind, values, n_rows, n_params, arena);
}

MYSQL_BIND *db_bind_params(const struct db_value *values, size_t n_rows, size_t n_params, struct arena *arena)
{
    MYSQL_BIND *binds = ARENA_ARRAY(arena, n_params, MYSQL_BIND);
    for (size_t i = 0; i < n_params; i++) {
        if (n_rows == 0)
            bind_one(&binds[i], &values[i], arena);
        else
            bind_column(&binds[i], &values[i], n_rows, n_params, arena);
    }
    return binds;
}

static bool is_integer(const MYSQL_FIELD *field)
{
    enum enum_field_types type = field->type;
    return type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_INT24 || type == MYSQL_TYPE_LONG ||
           type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_YEAR;
}

/* One receiving buffer a column, as long as the longest value of the stored result. */
static MYSQL_BIND *bind_columns(MYSQL_STMT *stmt, MYSQL_RES *meta, size_t n_cols, struct arena *arena)
{
    MYSQL_BIND *binds = ARENA_ARRAY(arena, n_cols, MYSQL_BIND);
    for (size_t i = 0; i < n_cols; i++) {
        const MYSQL_FIELD *field = mysql_fetch_field_direct(meta, (unsigned)i);
        bool integer = is_integer(field);
        size_t size = integer ? sizeof(int64_t) : field->max_length + 1;
        binds[i].buffer_type = integer ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_BLOB;
        binds[i].buffer = arena_alloc(arena, size);
        binds[i].buffer_length = size;
        binds[i].length = &binds[i].length_value;
        binds[i].is_null = &binds[i].is_null_value;
    }
    return mysql_stmt_bind_result(stmt, binds) ? NULL : binds;
}

static void copy_row(const MYSQL_BIND *binds, size_t n_cols, struct db_value *cells, struct arena *arena)
{
    for (size_t i = 0; i < n_cols; i++) {
        if (binds[i].is_null_value)
            cells[i] = DB_NULL;
        else if (binds[i].buffer_type == MYSQL_TYPE_LONGLONG)
            cells[i] = DB_INT(*(const int64_t *)binds[i].buffer);
        else
            cells[i] = DB_TEXT(arena_str(arena, str_slice(binds[i].buffer, binds[i].length_value)));
    }
}

/* Room for `more` further rows behind those that an earlier chunk left. */
static struct db_value *extend(struct db_result *result, size_t more, size_t n_cols, struct arena *arena)
{
    struct db_value *cells = ARENA_ARRAY(arena, (result->n_rows + more) * n_cols, struct db_value);
    if (result->n_rows)
        memcpy(cells, result->cells, result->n_rows * n_cols * sizeof *cells);
    result->cells = cells;
    result->n_cols = n_cols;
    return cells;
}

int db_fetch(MYSQL_STMT *stmt, struct arena *arena, struct db_result *ret)
{
    my_bool measure = 1;
    mysql_stmt_attr_set(stmt, STMT_ATTR_UPDATE_MAX_LENGTH, &measure);
    if (mysql_stmt_store_result(stmt))
        return -1;
    MYSQL_RES *meta = mysql_stmt_result_metadata(stmt);
    if (!meta)
        return -1;
    size_t n_cols = mysql_num_fields(meta);
    struct db_value *cells = extend(ret, (size_t)mysql_stmt_num_rows(stmt), n_cols, arena);
    MYSQL_BIND *binds = bind_columns(stmt, meta, n_cols, arena);
    int status = binds ? 0 : 1;
    while (status == 0 && (status = mysql_stmt_fetch(stmt)) == 0)
        copy_row(binds, n_cols, &cells[ret->n_rows++ * n_cols], arena);
    mysql_free_result(meta);
    return status == MYSQL_NO_DATA ? 0 : -1;
}
