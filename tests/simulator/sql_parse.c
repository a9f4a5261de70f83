/* Statements: parsed at their first use. */
#include "simulator/sim.h"
#include "simulator/sql_private.h"

enum { STATEMENTS_MAX = 256 };

/* By the address of the text: each stands once in a program. */
static struct {
    const char *sql;
    const struct sql_statement *statement;
} parsed[STATEMENTS_MAX];

static struct sql_table *take_table(struct sql_reader *reader)
{
    struct str name = sql_take_name(reader);
    struct sql_table *table = sql_find_table(name);
    if (!table)
        sim_unable("%s: no table %.*s", reader->what, STR_ARG(name));
    return table;
}

static bool is_keyword(const struct sql_reader *reader)
{
    static const char *const keywords[] = {"JOIN", "LEFT", "ON", "WHERE", "SET", "ORDER", "LIMIT", "FOR", "FORCE"};
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (sql_is(reader, keywords[i]))
            return true;
    }
    return reader->token.kind != TOKEN_WORD;
}

static void take_source(struct sql_reader *reader, struct sql_statement *statement, bool left)
{
    if (statement->n_sources == SQL_SOURCES_MAX)
        sim_unable("%s: more than %d tables joined", reader->what, SQL_SOURCES_MAX);
    struct sql_source *source = &statement->sources[statement->n_sources++];
    source->table = take_table(reader);
    source->alias = is_keyword(reader) ? source->table->name : sql_take_name(reader);
    source->left = left;
    if (sql_take_words(reader, "FORCE", "INDEX"))
        sql_skip_parentheses(reader);
}

void sql_take_sources(struct sql_reader *reader, struct sql_statement *statement)
{
    take_source(reader, statement, false);
    for (;;) {
        bool left = sql_take(reader, "LEFT");
        if (!sql_take(reader, "JOIN"))
            return;
        take_source(reader, statement, left);
        sql_expect(reader, "ON");
        statement->sources[statement->n_sources - 1].on = sql_parse_expr(reader, statement);
    }
}

static void take_where(struct sql_reader *reader, struct sql_statement *statement)
{
    if (sql_take(reader, "WHERE"))
        statement->where = sql_parse_expr(reader, statement);
    if (sql_take_words(reader, "ORDER", "BY")) {
        statement->order_by = sql_parse_expr(reader, statement); /* the first; the rest is the order of insertion */
        while (sql_take(reader, ","))
            (void)sql_parse_expr(reader, statement);
    }
    if (sql_take(reader, "LIMIT"))
        statement->limit = sql_parse_expr(reader, statement);
    if (sql_take_words(reader, "FOR", "UPDATE"))
        statement->for_update = true;
    if (sql_take_words(reader, "SKIP", "LOCKED"))
        statement->skip_locked = true;
}

/* The list of values stands before the tables that give its names a meaning, so it is read after them; the "?" of the
 * list still count first. */
static void take_select(struct sql_reader *reader, struct sql_statement *statement)
{
    struct sql_reader list = *reader;
    unsigned depth = 0;
    while (depth > 0 || !sql_is(reader, "FROM")) {
        depth += sql_is(reader, "(");
        depth -= sql_is(reader, ")");
        if (reader->token.kind == TOKEN_END)
            sim_unable("%s: a SELECT without FROM", reader->what);
        sql_skip(reader);
    }
    sql_expect(reader, "FROM");
    struct sql_reader after_from = *reader;
    sql_take_sources(reader, statement);
    statement->n_params = 0;
    do {
        statement->values[statement->n_values++] = sql_parse_expr(&list, statement);
    } while (sql_take(&list, ","));
    /* Once more for the parameters' numbers in ON. */
    statement->n_sources = 0;
    *reader = after_from;
    sql_take_sources(reader, statement);
    take_where(reader, statement);
}

static unsigned take_column(struct sql_reader *reader, const struct sql_table *table)
{
    struct str name = sql_take_name(reader);
    if (sql_take(reader, "."))
        name = sql_take_name(reader);
    for (unsigned i = 0; i < table->n_columns; i++) {
        if (str_eq(table->columns[i].name, name))
            return i;
    }
    sim_unable("%s: no column %.*s", reader->what, STR_ARG(name));
}

static void take_assignments(struct sql_reader *reader, struct sql_statement *statement, const struct sql_table *table)
{
    do {
        struct sql_assignment *assignment = &statement->assignments[statement->n_assignments++];
        assignment->column = take_column(reader, table);
        sql_expect(reader, "=");
        assignment->value = sql_parse_expr(reader, statement);
    } while (sql_take(reader, ","));
}

static void take_insert_values(struct sql_reader *reader, struct sql_statement *statement)
{
    sql_expect(reader, "(");
    do {
        statement->values[statement->n_values++] = sql_parse_expr(reader, statement);
    } while (sql_take(reader, ","));
    sql_expect(reader, ")");
    statement->n_sources = 1;
    statement->sources[0] = (struct sql_source){.table = statement->into, .alias = statement->into->name};
    if (sql_take_words(reader, "ON", "DUPLICATE")) {
        sql_expect(reader, "KEY");
        sql_expect(reader, "UPDATE");
        statement->or_update = true;
        take_assignments(reader, statement, statement->into);
    }
    if (sql_take(reader, "RETURNING"))
        statement->returning = sql_parse_expr(reader, statement);
}

static void take_insert(struct sql_reader *reader, struct sql_statement *statement)
{
    unsigned n_targets = 0;
    statement->into = take_table(reader);
    sql_expect(reader, "(");
    do {
        statement->targets[n_targets++] = take_column(reader, statement->into);
    } while (sql_take(reader, ","));
    sql_expect(reader, ")");
    statement->from_select = sql_take(reader, "SELECT");
    if (statement->from_select) {
        take_select(reader, statement);
    } else {
        sql_expect(reader, "VALUES");
        take_insert_values(reader, statement);
    }
    if (n_targets != statement->n_values)
        sim_unable("%s: %u columns, %u values", reader->what, n_targets, statement->n_values);
}

static void take_update(struct sql_reader *reader, struct sql_statement *statement)
{
    sql_take_sources(reader, statement);
    sql_expect(reader, "SET");
    take_assignments(reader, statement, statement->sources[0].table);
    take_where(reader, statement);
}

static const struct sql_statement *parse(const char *sql)
{
    struct sql_statement *statement = sql_alloc(sizeof *statement);
    struct sql_reader reader;
    sql_reader_init(&reader, str_from(sql), sql);
    if (sql_take(&reader, "SELECT")) {
        statement->kind = SQL_SELECT;
        take_select(&reader, statement);
    } else if (sql_take_words(&reader, "INSERT", "INTO")) {
        statement->kind = SQL_INSERT;
        take_insert(&reader, statement);
    } else if (sql_take(&reader, "UPDATE")) {
        statement->kind = SQL_UPDATE;
        take_update(&reader, statement);
    }
    if (reader.token.kind != TOKEN_END)
        sim_unable("not understood from \"%.*s%.40s\" on: %s", STR_ARG(reader.token.text), reader.rest.ptr, sql);
    return statement;
}

const struct sql_statement *sql_statement_of(const char *sql)
{
    size_t start = ((uintptr_t)sql >> 3) % STATEMENTS_MAX;
    for (size_t i = 0; i < STATEMENTS_MAX; i++) {
        size_t at = (start + i) % STATEMENTS_MAX;
        if (parsed[at].sql == sql)
            return parsed[at].statement;
        if (!parsed[at].sql) {
            parsed[at].sql = sql;
            parsed[at].statement = parse(sql);
            return parsed[at].statement;
        }
    }
    sim_unable("more than %d statements", STATEMENTS_MAX);
}
