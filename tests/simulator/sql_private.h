/* sql_private: what the parts of sql share: tables, expressions, statements. */
#ifndef DP_SIMULATOR_SQL_PRIVATE_H
#define DP_SIMULATOR_SQL_PRIVATE_H

#include "simulator/sql.h"

enum {
    SQL_TABLES_MAX = 48,
    SQL_COLUMNS_MAX = 40,
    SQL_KEYS_MAX = 4,
    SQL_KEY_COLUMNS_MAX = 4,
    SQL_CHECKS_MAX = 8,
    SQL_SOURCES_MAX = 8,
    SQL_ROWS_MAX = 1024,
    SQL_WRITES_MAX = 2048,
    SQL_SESSIONS_MAX = 64,
};

/* ---- words ---- */

enum sql_token_kind { TOKEN_END, TOKEN_WORD, TOKEN_NUMBER, TOKEN_TEXT, TOKEN_SIGN };

struct sql_token {
    enum sql_token_kind kind;
    struct str text;
};

struct sql_reader {
    struct str rest;
    struct sql_token token; /* the next one */
    const char *what;       /* for complaints */
};

void sql_reader_init(struct sql_reader *reader, struct str text, const char *what);
void sql_skip(struct sql_reader *reader);
bool sql_is(const struct sql_reader *reader, const char *word); /* the next token, case as written */
bool sql_take(struct sql_reader *reader, const char *word);     /* … and goes on if so */
bool sql_take_words(struct sql_reader *reader, const char *first, const char *second);
void sql_expect(struct sql_reader *reader, const char *word);
struct str sql_take_name(struct sql_reader *reader);
/* From "(" to the ")" that belongs to it. */
void sql_skip_parentheses(struct sql_reader *reader);
void *sql_alloc(size_t size); /* for ever, zeroed */

/* ---- expressions ---- */

enum sql_op {
    OP_CONSTANT,
    OP_PARAM,
    OP_COLUMN,
    OP_INSERTED, /* VALUES(column) */
    OP_NOW,
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_EQUAL,
    OP_NULL_EQUAL,
    OP_NOT_EQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_AND,
    OP_OR,
    OP_NOT,
    OP_IS_NULL,
    OP_IN,      /* the first of args in the others */
    OP_IN_LIST, /* in the statement's list */
    OP_IF,
    OP_COALESCE,
    OP_UNHEX,
    OP_LENGTH,
    OP_EXISTS,
    OP_UNKNOWN, /* a function that is not understood: nothing may need its value */
    OP_CASE,    /* subject, value, result, value, result …, else */
};

enum { SQL_ARGS_MAX = 40 };

struct sql_exists;

struct sql_expr {
    enum sql_op op;
    const struct sql_exists *exists;
    struct sql_value constant;
    unsigned source, column, param;
    unsigned n_args;
    struct sql_expr **args;
};

/* What an expression may speak of. */
struct sql_scope {
    const struct sql_value *rows[SQL_SOURCES_MAX]; /* NULL: of a LEFT JOIN that found nothing */
    const struct sql_value *params;
    const struct sql_value *list;
    size_t n_list;
    const struct sql_value *inserted;
    const struct sql_session *session; /* who looks; NULL: at what is committed */
};

struct sql_value sql_evaluate(const struct sql_expr *expr, const struct sql_scope *scope);
bool sql_is_true(const struct sql_expr *expr, const struct sql_scope *scope); /* NULL expr: true */
bool sql_same(struct sql_value a, struct sql_value b);                        /* NULL is like nothing */

/* ---- tables ---- */

struct sql_column {
    struct str name;
    const struct sql_expr *value_default; /* NULL: NULL */
    const struct sql_expr *generated;     /* NULL: not */
    bool counts;                          /* AUTO_INCREMENT */
};

struct sql_key {
    struct str name; /* PRIMARY has none */
    unsigned n_columns, columns[SQL_KEY_COLUMNS_MAX];
    bool is_primary;
};

struct sql_row {
    struct sql_value *cells; /* committed; NULL: none */
    uint32_t version;
    uint64_t writers; /* a bit a session: has written or locked it */
};

struct sql_table {
    struct str name;
    unsigned n_columns, n_keys, n_checks;
    struct sql_column columns[SQL_COLUMNS_MAX];
    struct sql_key keys[SQL_KEYS_MAX];
    const struct sql_expr *checks[SQL_CHECKS_MAX];
    const struct sql_expr *trigger; /* before update, of NEW (source 0) and OLD (1): true is refused */
    struct sql_row *rows;
    unsigned n_rows;
    int64_t last_id;
};

extern struct sql_table sql_tables[SQL_TABLES_MAX];
extern unsigned sql_n_tables;
struct sql_table *sql_find_table(struct str name); /* NULL: none */

/* ---- statements ---- */

enum sql_kind { SQL_SELECT, SQL_INSERT, SQL_UPDATE };

struct sql_source {
    struct sql_table *table;
    struct str alias;
    bool left;
    const struct sql_expr *on;
};

struct sql_assignment {
    unsigned column;
    const struct sql_expr *value;
};

struct sql_statement {
    enum sql_kind kind;
    unsigned n_params;
    bool is_understood; /* no OP_UNKNOWN was met */
    unsigned n_sources;
    struct sql_source sources[SQL_SOURCES_MAX];
    struct sql_table *into; /* INSERT */
    unsigned n_values;      /* of SELECT and INSERT */
    const struct sql_expr *values[SQL_COLUMNS_MAX];
    unsigned targets[SQL_COLUMNS_MAX];
    unsigned n_assignments; /* of UPDATE and ON DUPLICATE KEY */
    struct sql_assignment assignments[SQL_COLUMNS_MAX];
    bool or_update, from_select, for_update, skip_locked;
    const struct sql_expr *returning, *where, *order_by, *limit;
};

/* EXISTS (SELECT … FROM sources WHERE …): its sources stand behind those of the statement around it. */
struct sql_exists {
    unsigned first, n_sources;
    struct sql_source sources[SQL_SOURCES_MAX];
    const struct sql_expr *where;
};
bool sql_finds(const struct sql_exists *exists, const struct sql_scope *scope);
/* In sql_parse.c: "t a JOIN u b ON …" */
void sql_take_sources(struct sql_reader *reader, struct sql_statement *statement);

/* Names are looked up in `statement`'s sources; its n_params counts the "?". */
const struct sql_expr *sql_parse_expr(struct sql_reader *reader, struct sql_statement *statement);
/* Parsed at the first use and kept. */
const struct sql_statement *sql_statement_of(const char *sql);

/* ---- the store ---- */

struct sql_write {
    struct sql_table *table;
    unsigned row;
    struct sql_value *cells; /* NULL: only locked */
    uint32_t version;        /* of the row when it was taken */
};

struct sql_session {
    struct process *owner;
    unsigned number;
    bool open, in_transaction;
    const struct sql_session *blocked_by;
    unsigned n_writes;
    struct sql_write *writes;
};

/* The row as this session sees it; NULL: not there. */
const struct sql_value *sql_visible(const struct sql_session *session, const struct sql_table *table, unsigned row);
/* Another session that has the row; NULL: none. */
const struct sql_session *sql_holder(const struct sql_session *session, const struct sql_row *row);
/* `cells` NULL: locks only. */
void sql_write_row(struct sql_session *session, struct sql_table *table, unsigned row, struct sql_value *cells);
enum sql_outcome sql_insert_row(struct sql_session *session, struct sql_table *table, struct sql_value *cells,
                                unsigned *ret_duplicate_of);
/* Of the writes of this statement. */
void sql_undo(struct sql_session *session, unsigned n_writes_before);
struct sql_value *sql_new_cells(const struct sql_table *table);

#endif
