/* Expressions: their value for a row. */
#include "common/encode.h"
#include "simulator/sim.h"
#include "simulator/sql_private.h"

static const struct sql_value null = {SQL_NULL, 0, {NULL, 0}};

static struct sql_value truth(bool value)
{
    return (struct sql_value){SQL_INT, value, STR_NULL};
}

bool sql_same(struct sql_value a, struct sql_value b)
{
    if (a.type != b.type || a.type == SQL_NULL)
        return false;
    return a.type == SQL_INT ? a.number == b.number : str_eq(a.text, b.text);
}

static int compare(struct sql_value a, struct sql_value b)
{
    if (a.type != SQL_INT || b.type != SQL_INT)
        sim_unable("an order of texts is asked for");
    return (a.number > b.number) - (a.number < b.number);
}

static bool is_in_list(struct sql_value subject, const struct sql_scope *scope)
{
    for (size_t i = 0; i < scope->n_list; i++) {
        if (sql_same(subject, scope->list[i]))
            return true;
    }
    return false;
}

static bool is_in_args(struct sql_value subject, const struct sql_expr *expr, const struct sql_scope *scope)
{
    for (unsigned i = 1; i < expr->n_args; i++) {
        if (sql_same(subject, sql_evaluate(expr->args[i], scope)))
            return true;
    }
    return false;
}

static struct sql_value choose_case(const struct sql_expr *expr, const struct sql_scope *scope)
{
    struct sql_value subject = sql_evaluate(expr->args[0], scope);
    for (unsigned i = 1; i + 2 < expr->n_args; i += 2) {
        if (sql_same(subject, sql_evaluate(expr->args[i], scope)))
            return sql_evaluate(expr->args[i + 1], scope);
    }
    return sql_evaluate(expr->args[expr->n_args - 1], scope);
}

static struct sql_value coalesce(const struct sql_expr *expr, const struct sql_scope *scope)
{
    struct sql_value value = null;
    for (unsigned i = 0; value.type == SQL_NULL && i < expr->n_args; i++)
        value = sql_evaluate(expr->args[i], scope);
    return value;
}

static struct sql_value unhex(struct sql_value hex)
{
    size_t len = hex.text.len / 2;
    char *bytes = world_alloc(len + 1);
    if (hex.type != SQL_TEXT || decode_hex(hex.text, (uint8_t *)bytes, len) != 0)
        return null;
    return (struct sql_value){SQL_TEXT, 0, {bytes, len}};
}

static struct sql_value combine(enum sql_op op, struct sql_value a, struct sql_value b)
{
    if (op == OP_NULL_EQUAL)
        return truth(sql_same(a, b) || (a.type == SQL_NULL && b.type == SQL_NULL));
    if (a.type == SQL_NULL || b.type == SQL_NULL)
        return null;
    switch ((int)op) {
    case OP_ADD:
        return (struct sql_value){SQL_INT, a.number + b.number, STR_NULL};
    case OP_SUBTRACT:
        return (struct sql_value){SQL_INT, a.number - b.number, STR_NULL};
    case OP_MULTIPLY:
        return (struct sql_value){SQL_INT, a.number * b.number, STR_NULL};
    case OP_EQUAL:
        return truth(sql_same(a, b));
    case OP_NOT_EQUAL:
        return truth(!sql_same(a, b));
    case OP_LESS:
        return truth(compare(a, b) < 0);
    default:
        return truth(compare(a, b) <= 0);
    }
}

/* AND and OR, by the three-valued rule. */
static struct sql_value join(const struct sql_expr *expr, const struct sql_scope *scope)
{
    bool decided_by = expr->op == OP_OR;
    struct sql_value a = sql_evaluate(expr->args[0], scope);
    if (a.type != SQL_NULL && (a.number != 0) == decided_by)
        return truth(decided_by);
    struct sql_value b = sql_evaluate(expr->args[1], scope);
    if (b.type != SQL_NULL && (b.number != 0) == decided_by)
        return truth(decided_by);
    return a.type == SQL_NULL || b.type == SQL_NULL ? null : truth(!decided_by);
}

struct sql_value sql_evaluate(const struct sql_expr *expr, const struct sql_scope *scope)
{
    struct sql_value value;
    switch ((int)expr->op) {
    case OP_CONSTANT:
        return expr->constant;
    case OP_PARAM:
        return scope->params[expr->param];
    case OP_COLUMN:
        return scope->rows[expr->source] ? scope->rows[expr->source][expr->column] : null;
    case OP_INSERTED:
        return scope->inserted[expr->column];
    case OP_NOW:
        return (struct sql_value){SQL_INT, SIM_EPOCH_US + sim_now_us(), STR_NULL};
    case OP_AND:
    case OP_OR:
        return join(expr, scope);
    case OP_NOT:
        value = sql_evaluate(expr->args[0], scope);
        return value.type == SQL_NULL ? null : truth(value.number == 0);
    case OP_IS_NULL:
        return truth(sql_evaluate(expr->args[0], scope).type == SQL_NULL);
    case OP_IN_LIST:
        return truth(is_in_list(sql_evaluate(expr->args[0], scope), scope));
    case OP_IN:
        return truth(is_in_args(sql_evaluate(expr->args[0], scope), expr, scope));
    case OP_IF:
        return sql_evaluate(expr->args[sql_is_true(expr->args[0], scope) ? 1 : 2], scope);
    case OP_COALESCE:
        return coalesce(expr, scope);
    case OP_UNKNOWN:
        sim_unable("%.*s() is not understood", STR_ARG(expr->constant.text));
    case OP_EXISTS:
        return truth(sql_finds(expr->exists, scope));
    case OP_UNHEX:
        return unhex(sql_evaluate(expr->args[0], scope));
    case OP_LENGTH:
        return (struct sql_value){SQL_INT, (int64_t)sql_evaluate(expr->args[0], scope).text.len, STR_NULL};
    case OP_CASE:
        return choose_case(expr, scope);
    default:
        return combine(expr->op, sql_evaluate(expr->args[0], scope), sql_evaluate(expr->args[1], scope));
    }
}

bool sql_is_true(const struct sql_expr *expr, const struct sql_scope *scope)
{
    if (!expr)
        return true;
    struct sql_value value = sql_evaluate(expr, scope);
    return value.type == SQL_INT && value.number != 0;
}
