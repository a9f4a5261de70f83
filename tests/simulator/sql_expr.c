/* Expressions: read once, kept for ever. */
#include "simulator/sim.h"
#include "simulator/sql_private.h"

struct parser {
    struct sql_reader *reader;
    struct sql_statement *statement;
};

static struct sql_expr *parse_or(struct parser *parser);

static struct sql_expr *new_expr(enum sql_op op, struct sql_expr *const *args, unsigned n_args)
{
    struct sql_expr *expr = sql_alloc(sizeof *expr);
    expr->op = op;
    expr->n_args = n_args;
    expr->args = sql_alloc((n_args + 1) * sizeof(struct sql_expr *));
    if (n_args)
        memcpy(expr->args, args, n_args * sizeof(struct sql_expr *));
    return expr;
}

static struct sql_expr *new_pair(enum sql_op op, struct sql_expr *a, struct sql_expr *b)
{
    struct sql_expr *const args[] = {a, b};
    return new_expr(op, args, 2);
}

static struct sql_expr *new_constant(struct sql_value value)
{
    struct sql_expr *expr = new_expr(OP_CONSTANT, NULL, 0);
    expr->constant = value;
    return expr;
}

static struct sql_expr *new_number(int64_t number)
{
    return new_constant((struct sql_value){SQL_INT, number, STR_NULL});
}

static bool find_column(const struct sql_table *table, struct str name, unsigned *ret)
{
    for (unsigned i = 0; i < table->n_columns; i++) {
        if (str_eq(table->columns[i].name, name)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* `prefix` empty: the first source that has such a column. */
static struct sql_expr *new_column(struct parser *parser, struct str prefix, struct str name)
{
    struct sql_expr *expr = new_expr(OP_COLUMN, NULL, 0);
    for (unsigned i = 0; i < parser->statement->n_sources; i++) {
        const struct sql_source *source = &parser->statement->sources[i];
        if ((prefix.len == 0 || str_eq(prefix, source->alias)) && find_column(source->table, name, &expr->column)) {
            expr->source = i;
            return expr;
        }
    }
    sim_unable("%s: no column %.*s.%.*s", parser->reader->what, STR_ARG(prefix), STR_ARG(name));
}

static unsigned parse_args(struct parser *parser, struct sql_expr **args)
{
    unsigned n = 0;
    sql_expect(parser->reader, "(");
    do {
        if (n == SQL_ARGS_MAX)
            sim_unable("%s: too many arguments", parser->reader->what);
        args[n++] = parse_or(parser);
    } while (sql_take(parser->reader, ","));
    sql_expect(parser->reader, ")");
    return n;
}

static struct sql_expr *parse_function(struct parser *parser, enum sql_op op)
{
    struct sql_expr *args[SQL_ARGS_MAX];
    return new_expr(op, args, parse_args(parser, args));
}

/* TIMESTAMPADD(MICROSECOND, x, '1970-01-01') and TIMESTAMPDIFF(MICROSECOND, '1970-01-01', x): moments are numbers. */
static struct sql_expr *parse_moment(struct parser *parser, bool in)
{
    sql_expect(parser->reader, "(");
    sql_expect(parser->reader, "MICROSECOND");
    sql_expect(parser->reader, ",");
    struct sql_expr *first = parse_or(parser);
    sql_expect(parser->reader, ",");
    struct sql_expr *second = parse_or(parser);
    sql_expect(parser->reader, ")");
    return in ? first : second;
}

static struct sql_expr *parse_case(struct parser *parser)
{
    struct sql_expr *args[SQL_ARGS_MAX];
    unsigned n = 1;
    args[0] = parse_or(parser);
    while (sql_take(parser->reader, "WHEN")) {
        if (n + 3 > SQL_ARGS_MAX)
            sim_unable("%s: a CASE with too many branches", parser->reader->what);
        args[n++] = parse_or(parser);
        sql_expect(parser->reader, "THEN");
        args[n++] = parse_or(parser);
    }
    args[n++] = sql_take(parser->reader, "ELSE") ? parse_or(parser) : new_constant((struct sql_value){0});
    sql_expect(parser->reader, "END");
    return new_expr(OP_CASE, args, n);
}

static struct sql_expr *parse_inserted(struct parser *parser)
{
    struct sql_expr *expr = new_expr(OP_INSERTED, NULL, 0);
    sql_expect(parser->reader, "(");
    struct str name = sql_take_name(parser->reader);
    if (!find_column(parser->statement->into, name, &expr->column))
        sim_unable("%s: no column %.*s", parser->reader->what, STR_ARG(name));
    sql_expect(parser->reader, ")");
    return expr;
}

/* The sources are the statement's for as long as the sub-select is read. */
static struct sql_expr *parse_exists(struct parser *parser)
{
    struct sql_statement *statement = parser->statement;
    struct sql_exists *exists = sql_alloc(sizeof *exists);
    struct sql_expr *expr = new_expr(OP_EXISTS, NULL, 0);
    exists->first = statement->n_sources;
    sql_expect(parser->reader, "(");
    sql_expect(parser->reader, "SELECT");
    (void)parse_or(parser);
    sql_expect(parser->reader, "FROM");
    sql_take_sources(parser->reader, statement);
    if (sql_take(parser->reader, "WHERE"))
        exists->where = parse_or(parser);
    sql_expect(parser->reader, ")");
    exists->n_sources = statement->n_sources - exists->first;
    memcpy(exists->sources, &statement->sources[exists->first], exists->n_sources * sizeof exists->sources[0]);
    statement->n_sources = exists->first;
    expr->exists = exists;
    return expr;
}

static struct sql_expr *parse_unknown(struct parser *parser, struct str name)
{
    struct sql_expr *expr = new_expr(OP_UNKNOWN, NULL, 0);
    expr->constant.text = name;
    parser->statement->is_understood = false;
    sql_skip_parentheses(parser->reader);
    return expr;
}

static struct sql_expr *parse_word(struct parser *parser)
{
    struct sql_reader *reader = parser->reader;
    if (sql_take(reader, "NULL"))
        return new_constant((struct sql_value){0});
    if (sql_take(reader, "TRUE"))
        return new_number(1);
    if (sql_take(reader, "FALSE"))
        return new_number(0);
    if (sql_take(reader, "IF"))
        return parse_function(parser, OP_IF);
    if (sql_take(reader, "COALESCE"))
        return parse_function(parser, OP_COALESCE);
    if (sql_take(reader, "UNHEX"))
        return parse_function(parser, OP_UNHEX);
    if (sql_take(reader, "LENGTH"))
        return parse_function(parser, OP_LENGTH);
    if (sql_take(reader, "TIMESTAMPADD"))
        return parse_moment(parser, true);
    if (sql_take(reader, "TIMESTAMPDIFF"))
        return parse_moment(parser, false);
    if (sql_take(reader, "EXISTS"))
        return parse_exists(parser);
    if (sql_take(reader, "CASE"))
        return parse_case(parser);
    if (sql_take(reader, "VALUES"))
        return parse_inserted(parser);
    if (sql_take(reader, "UTC_TIMESTAMP")) {
        sql_skip_parentheses(reader);
        return new_expr(OP_NOW, NULL, 0);
    }
    struct str name = sql_take_name(reader), prefix = STR("");
    if (sql_is(reader, "("))
        return parse_unknown(parser, name);
    if (sql_take(reader, ".")) {
        prefix = name;
        name = sql_take_name(reader);
    }
    return new_column(parser, prefix, name);
}

static int64_t parse_number(struct str text)
{
    int64_t number = 0;
    for (size_t i = 0; i < text.len; i++)
        number = number * 10 + (text.ptr[i] - '0');
    return number;
}

static bool is_select(const struct sql_reader *at)
{
    struct sql_reader ahead = *at;
    return sql_take_words(&ahead, "(", "SELECT");
}

static struct sql_expr *parse_primary(struct parser *parser)
{
    struct sql_reader *reader = parser->reader;
    struct sql_token token = reader->token;
    if (is_select(reader)) { /* not understood: NULL */
        sql_skip_parentheses(reader);
        return new_constant((struct sql_value){0});
    }
    if (sql_take(reader, "(")) {
        struct sql_expr *inner = parse_or(parser);
        sql_expect(reader, ")");
        return inner;
    }
    if (token.kind == TOKEN_NUMBER || token.kind == TOKEN_TEXT)
        sql_skip(reader);
    if (token.kind == TOKEN_NUMBER)
        return new_number(parse_number(token.text));
    if (token.kind == TOKEN_TEXT)
        return new_constant((struct sql_value){SQL_TEXT, 0, token.text});
    if (sql_take(reader, "?")) {
        struct sql_expr *expr = new_expr(OP_PARAM, NULL, 0);
        expr->param = parser->statement->n_params++;
        return expr;
    }
    return parse_word(parser);
}

/* "60 MINUTE" */
static struct sql_expr *parse_interval(struct parser *parser)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"SECOND", US_PER_S},
                 {"MINUTE", 60 * INT64_C(1000000)},
                 {"HOUR", 3600 * INT64_C(1000000)},
                 {"DAY", 86400 * INT64_C(1000000)},
                 {"MONTH", 30 * 86400 * INT64_C(1000000)}};
    struct sql_expr *count = parse_primary(parser);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (sql_take(parser->reader, units[i].name))
            return new_pair(OP_MULTIPLY, count, new_number(units[i].us));
    }
    sim_unable("%s: an unknown unit of time", parser->reader->what);
}

static struct sql_expr *parse_sum(struct parser *parser)
{
    struct sql_expr *sum = parse_primary(parser);
    while (sql_is(parser->reader, "+") || sql_is(parser->reader, "-")) {
        enum sql_op op = sql_is(parser->reader, "+") ? OP_ADD : OP_SUBTRACT;
        sql_skip(parser->reader);
        bool interval = sql_take(parser->reader, "INTERVAL");
        sum = new_pair(op, sum, interval ? parse_interval(parser) : parse_primary(parser));
    }
    return sum;
}

static struct sql_expr *parse_in(struct parser *parser, struct sql_expr *subject)
{
    struct sql_expr *args[SQL_ARGS_MAX + 1] = {subject};
    struct sql_reader ahead = *parser->reader;
    if (sql_take(&ahead, "(") && sql_take(&ahead, "*") && sql_take(&ahead, ")")) {
        *parser->reader = ahead;
        return new_expr(OP_IN_LIST, args, 1);
    }
    return new_expr(OP_IN, args, 1 + parse_args(parser, args + 1));
}

static struct sql_expr *parse_between(struct parser *parser, struct sql_expr *subject)
{
    struct sql_expr *low = parse_sum(parser);
    sql_expect(parser->reader, "AND");
    return new_pair(OP_AND, new_pair(OP_LESS_EQUAL, low, subject), new_pair(OP_LESS_EQUAL, subject, parse_sum(parser)));
}

static struct sql_expr *negate(struct sql_expr *expr)
{
    return new_expr(OP_NOT, &expr, 1);
}

static struct sql_expr *parse_comparison(struct parser *parser)
{
    static const struct {
        const char *sign;
        enum sql_op op;
        bool turned;
    } comparisons[] = {{"=", OP_EQUAL, false},      {"<=>", OP_NULL_EQUAL, false}, {"<>", OP_NOT_EQUAL, false},
                       {"!=", OP_NOT_EQUAL, false}, {"<", OP_LESS, false},         {"<=", OP_LESS_EQUAL, false},
                       {">", OP_LESS, true},        {">=", OP_LESS_EQUAL, true}};
    struct sql_expr *left = parse_sum(parser);
    for (size_t i = 0; i < sizeof comparisons / sizeof comparisons[0]; i++) {
        if (sql_take(parser->reader, comparisons[i].sign)) {
            struct sql_expr *right = parse_sum(parser);
            return comparisons[i].turned ? new_pair(comparisons[i].op, right, left)
                                         : new_pair(comparisons[i].op, left, right);
        }
    }
    if (sql_take(parser->reader, "BETWEEN"))
        return parse_between(parser, left);
    if (sql_take_words(parser->reader, "NOT", "IN"))
        return negate(parse_in(parser, left));
    if (sql_take(parser->reader, "IN"))
        return parse_in(parser, left);
    if (sql_take(parser->reader, "IS")) {
        bool not_null = sql_take(parser->reader, "NOT");
        struct sql_expr *is_null = new_expr(OP_IS_NULL, &left, 1);
        sql_expect(parser->reader, "NULL");
        return not_null ? negate(is_null) : is_null;
    }
    return left;
}

static struct sql_expr *parse_not(struct parser *parser)
{
    return sql_take(parser->reader, "NOT") ? negate(parse_not(parser)) : parse_comparison(parser);
}

static struct sql_expr *parse_and(struct parser *parser)
{
    struct sql_expr *expr = parse_not(parser);
    while (sql_take(parser->reader, "AND"))
        expr = new_pair(OP_AND, expr, parse_not(parser));
    return expr;
}

static struct sql_expr *parse_or(struct parser *parser)
{
    struct sql_expr *expr = parse_and(parser);
    while (sql_take(parser->reader, "OR"))
        expr = new_pair(OP_OR, expr, parse_and(parser));
    return expr;
}

const struct sql_expr *sql_parse_expr(struct sql_reader *reader, struct sql_statement *statement)
{
    struct parser parser = {reader, statement};
    return parse_or(&parser);
}
