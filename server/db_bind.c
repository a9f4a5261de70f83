#include "server/db_bind.h"

#include <time.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"

/* What a piece of the arena may cost beyond its size, for alignment. */
enum { ARENA_PIECE_OVERHEAD = 32 };

/* --- parameters --- */

static int moment_to_time(int64_t us, MYSQL_TIME *ret)
{
    int64_t part_us = us % CLOCK_SECOND_US;
    time_t seconds = (time_t)(us / CLOCK_SECOND_US);
    struct tm utc;

    if (part_us < 0) {
        part_us += CLOCK_SECOND_US;
        seconds--;
    }
    if (!gmtime_r(&seconds, &utc) || utc.tm_year < -1900 || utc.tm_year > 8099)
        return ERR_INVALID;
    *ret = (MYSQL_TIME){
        .year = (unsigned)(utc.tm_year + 1900),
        .month = (unsigned)utc.tm_mon + 1,
        .day = (unsigned)utc.tm_mday,
        .hour = (unsigned)utc.tm_hour,
        .minute = (unsigned)utc.tm_min,
        .second = (unsigned)utc.tm_sec,
        .second_part = (unsigned long)part_us,
        .time_type = MYSQL_TIMESTAMP_DATETIME,
    };
    return 0;
}

static void bind_text(MYSQL_BIND *bind, struct str text)
{
    bind->buffer_type = MYSQL_TYPE_STRING;
    /* Connector/C takes a NULL buffer for SQL's NULL. */
    bind->buffer = (void *)(uintptr_t)(text.ptr ? text.ptr : "");
    bind->buffer_length = text.len;
}

static int bind_moment(MYSQL_BIND *bind, int64_t us, struct arena *arena)
{
    MYSQL_TIME *time = ARENA_NEW(arena, MYSQL_TIME);
    bind->buffer_type = MYSQL_TYPE_DATETIME;
    bind->buffer = time;
    return moment_to_time(us, time);
}

static void check_type(char letter, enum db_type type)
{
    bool fits = type == DB_NULL || (letter == 's') == (type == DB_TEXT);
    if (!fits)
        log_fatal("db_value_of_wrong_type", LOG_INT("letter", letter), LOG_INT("type", type));
}

static int bind_value(MYSQL_BIND *bind, char letter, const struct db_value *value, struct arena *arena)
{
    check_type(letter, value->type);
    if (value->type == DB_NULL) {
        bind->buffer_type = MYSQL_TYPE_NULL;
    } else if (letter == 's') {
        bind_text(bind, value->text);
    } else if (letter == 't') {
        return bind_moment(bind, value->number, arena);
    } else {
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = (void *)(uintptr_t)&value->number;
    }
    return 0;
}

int db_bind_params(MYSQL_STMT *stmt, const char *letters, const struct db_value *params, struct arena *arena)
{
    size_t n = strlen(letters);
    MYSQL_BIND binds[DB_PARAMS_MAX];
    int err = 0;

    if (n == 0)
        return 0;
    memset(binds, 0, n * sizeof binds[0]);
    for (size_t i = 0; i < n && !err; i++)
        err = bind_value(&binds[i], letters[i], &params[i], arena);
    if (err)
        return err;
    return mysql_stmt_bind_param(stmt, binds) ? ERR_INTERNAL : 0;
}

/* --- results --- */

/* Texts up to this length come with their row; longer ones are asked for when their length is known. */
enum { TEXT_ROOM = 128 };

/* Where one column of a row is fetched to. */
union cell {
    int64_t number;
    MYSQL_TIME time;
    char text[TEXT_ROOM];
};

struct fetch {
    MYSQL_STMT *stmt;
    const char *letters;
    unsigned n_columns;
    struct arena *arena;
    size_t room; /* bytes that the result may still take */
    MYSQL_BIND binds[DB_COLUMNS_MAX];
    union cell cells[DB_COLUMNS_MAX];
    unsigned long lengths[DB_COLUMNS_MAX];
    my_bool nulls[DB_COLUMNS_MAX], errors[DB_COLUMNS_MAX]; /* the library sets them only when they are true */
};

static void bind_column(struct fetch *fetch, unsigned i)
{
    char letter = fetch->letters[i];

    fetch->nulls[i] = fetch->errors[i] = false;
    fetch->binds[i] = (MYSQL_BIND){
        .buffer_type = letter == 'i'   ? MYSQL_TYPE_LONGLONG
                       : letter == 't' ? MYSQL_TYPE_DATETIME
                                       : MYSQL_TYPE_STRING,
        .buffer = &fetch->cells[i],
        .buffer_length = sizeof fetch->cells[i],
        .length = &fetch->lengths[i],
        .is_null = &fetch->nulls[i],
        .error = &fetch->errors[i],
    };
}

static void *take(struct fetch *fetch, size_t size)
{
    if (size + ARENA_PIECE_OVERHEAD > fetch->room)
        return NULL;
    fetch->room -= size + ARENA_PIECE_OVERHEAD;
    return arena_room(fetch->arena, size);
}

static bool is_text(const struct fetch *fetch, unsigned i)
{
    return fetch->letters[i] == 's' && !fetch->nulls[i];
}

/* One piece of the arena for all texts of the row, each with a NUL after it. */
static int take_texts(struct fetch *fetch, char **ret)
{
    size_t size = 0;

    for (unsigned i = 0; i < fetch->n_columns; i++) {
        if (!is_text(fetch, i))
            continue;
        if (fetch->lengths[i] > DB_CELL_MAX)
            return ERR_TOO_LARGE;
        size += fetch->lengths[i] + 1;
    }
    *ret = take(fetch, size);
    return *ret ? 0 : ERR_TOO_LARGE;
}

static int fetch_long_text(struct fetch *fetch, unsigned i, char *out)
{
    unsigned long len = fetch->lengths[i], got = 0;
    MYSQL_BIND bind = {
        .buffer_type = MYSQL_TYPE_STRING,
        .buffer = out,
        .buffer_length = len,
        .length = &got,
    };
    return mysql_stmt_fetch_column(fetch->stmt, &bind, i, 0) != 0 || got != len ? ERR_INTERNAL : 0;
}

static int read_text(struct fetch *fetch, unsigned i, char **texts, struct db_value *ret)
{
    struct str text = {*texts, fetch->lengths[i]};
    int err = 0;

    if (text.len > TEXT_ROOM)
        err = fetch_long_text(fetch, i, *texts);
    else
        memcpy(*texts, fetch->cells[i].text, text.len);
    (*texts)[text.len] = '\0';
    *texts += text.len + 1;
    *ret = (struct db_value){.type = DB_TEXT, .text = text};
    return err;
}

static int read_moment(const MYSQL_TIME *time, struct db_value *ret)
{
    const struct clock_utc utc = {
        .year = (int)time->year,
        .month = (int)time->month,
        .day = (int)time->day,
        .hour = (int)time->hour,
        .minute = (int)time->minute,
        .second = (int)time->second,
    };
    if (time->month == 0 || time->day == 0)
        return ERR_INTERNAL;
    *ret = DB_I(clock_from_utc(&utc) + (int64_t)time->second_part);
    return 0;
}

static int read_cell(struct fetch *fetch, unsigned i, char **texts, struct db_value *ret)
{
    if (fetch->nulls[i]) {
        *ret = DB_N;
        return 0;
    }
    if (fetch->letters[i] == 's')
        return read_text(fetch, i, texts, ret);
    if (fetch->errors[i])
        return ERR_INTERNAL;
    if (fetch->letters[i] == 't')
        return read_moment(&fetch->cells[i].time, ret);
    *ret = DB_I(fetch->cells[i].number);
    return 0;
}

static int read_row(struct fetch *fetch, struct db_value *row)
{
    int fetched = mysql_stmt_fetch(fetch->stmt);
    char *texts;

    if (fetched != 0 && fetched != MYSQL_DATA_TRUNCATED)
        return ERR_INTERNAL;
    int err = take_texts(fetch, &texts);
    for (unsigned i = 0; i < fetch->n_columns && !err; i++)
        err = read_cell(fetch, i, &texts, &row[i]);
    return err;
}

static int read_rows(struct fetch *fetch, struct db_value *cells, unsigned n_rows)
{
    int err = 0;

    for (unsigned row = 0; row < n_rows && !err; row++)
        err = read_row(fetch, cells + (size_t)row * fetch->n_columns);
    return err;
}

static int read_result(struct fetch *fetch, struct db_result *ret_result)
{
    uint64_t n_rows = mysql_stmt_num_rows(fetch->stmt);
    if (n_rows > DB_ROWS_MAX)
        return ERR_TOO_LARGE;
    for (unsigned i = 0; i < fetch->n_columns; i++)
        bind_column(fetch, i);
    if (mysql_stmt_bind_result(fetch->stmt, fetch->binds))
        return ERR_INTERNAL;
    struct db_value *cells = take(fetch, n_rows * fetch->n_columns * sizeof *cells);
    if (!cells)
        return ERR_TOO_LARGE;
    int err = read_rows(fetch, cells, (unsigned)n_rows);
    if (err)
        return err;
    ret_result->n_rows = (unsigned)n_rows;
    ret_result->n_columns = fetch->n_columns;
    ret_result->cells = cells;
    return 0;
}

int db_bind_read(MYSQL_STMT *stmt, const char *letters, struct arena *arena, struct db_result *ret_result)
{
    struct fetch fetch; /* large, and set as far as there are columns */
    struct db_result result = {
        .affected = (int64_t)mysql_stmt_affected_rows(stmt),
        .insert_id = (int64_t)mysql_stmt_insert_id(stmt),
    };
    int err = 0;

    fetch.stmt = stmt;
    fetch.letters = letters;
    fetch.n_columns = (unsigned)strlen(letters);
    fetch.arena = arena;
    fetch.room = (arena->max - arena->used) / 2;
    if (fetch.n_columns > 0) {
        err = read_result(&fetch, &result);
        result.affected = result.n_rows;
        mysql_stmt_free_result(stmt);
    }
    if (!err)
        *ret_result = result;
    return err;
}
