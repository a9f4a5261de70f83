/* Running a statement. */
#include <stdlib.h>

#include "simulator/sim.h"
#include "simulator/sql_private.h"

enum { RESULT_CELLS_MAX = 16384, MATCHES_MAX = 1024 };

/* A combination of rows that WHERE has found. */
struct match {
    const struct sql_value *rows[SQL_SOURCES_MAX];
    unsigned first; /* number of the first source's row */
    int64_t order;
};

struct run {
    struct sql_session *session;
    const struct sql_statement *statement;
    struct sql_scope scope;
    struct sql_result result;
    struct match matches[MATCHES_MAX];
    size_t n_matches;
};

static struct sql_value cells[RESULT_CELLS_MAX];
static size_t n_cells;

static void put(struct sql_value value)
{
    if (n_cells == RESULT_CELLS_MAX)
        sim_unable("a result of more than %d cells", RESULT_CELLS_MAX);
    cells[n_cells++] = value;
}

/* ---- finding rows ---- */

static void add_match(struct run *run, unsigned first)
{
    if (run->n_matches == MATCHES_MAX)
        sim_unable("more than %d rows found", MATCHES_MAX);
    struct match *match = &run->matches[run->n_matches++];
    memcpy(match->rows, run->scope.rows, sizeof match->rows);
    match->first = first;
    match->order = run->statement->order_by ? sql_evaluate(run->statement->order_by, &run->scope).number : 0;
}

static void find_in(struct run *run, unsigned depth, unsigned first)
{
    if (depth == run->statement->n_sources) {
        if (sql_is_true(run->statement->where, &run->scope))
            add_match(run, first);
        return;
    }
    const struct sql_source *source = &run->statement->sources[depth];
    bool any = false;
    for (unsigned row = 0; row < source->table->n_rows; row++) {
        run->scope.rows[depth] = sql_visible(run->session, source->table, row);
        if (!run->scope.rows[depth] || !sql_is_true(source->on, &run->scope))
            continue;
        any = true;
        find_in(run, depth + 1, depth ? first : row);
    }
    run->scope.rows[depth] = NULL;
    if (!any && source->left)
        find_in(run, depth + 1, first);
}

static bool finds_in(const struct sql_exists *exists, struct sql_scope *scope, unsigned depth)
{
    const struct sql_source *source = &exists->sources[depth];
    const struct sql_value **row = &scope->rows[exists->first + depth];
    bool any = false;
    if (depth == exists->n_sources)
        return sql_is_true(exists->where, scope);
    for (unsigned i = 0; i < source->table->n_rows; i++) {
        *row = sql_visible(scope->session, source->table, i);
        if (!*row || !sql_is_true(source->on, scope))
            continue;
        any = true;
        if (finds_in(exists, scope, depth + 1))
            return true;
    }
    *row = NULL;
    return !any && source->left && finds_in(exists, scope, depth + 1);
}

bool sql_finds(const struct sql_exists *exists, const struct sql_scope *scope)
{
    struct sql_scope inner = *scope;
    return finds_in(exists, &inner, 0);
}

static void sort_matches(struct run *run)
{
    for (size_t i = 1; i < run->n_matches; i++) {
        struct match moved = run->matches[i];
        size_t at = i;
        for (; at > 0 && run->matches[at - 1].order > moved.order; at--)
            run->matches[at] = run->matches[at - 1];
        run->matches[at] = moved;
    }
}

/* Drops what others have locked; stops at the limit. */
static void cut_matches(struct run *run)
{
    const struct sql_statement *statement = run->statement;
    size_t limit = statement->limit ? (size_t)sql_evaluate(statement->limit, &run->scope).number : MATCHES_MAX;
    size_t kept = 0;
    for (size_t i = 0; i < run->n_matches && kept < limit; i++) {
        const struct sql_row *row = &statement->sources[0].table->rows[run->matches[i].first];
        if (!statement->skip_locked || !sql_holder(run->session, row))
            run->matches[kept++] = run->matches[i];
    }
    run->n_matches = kept;
}

static void find(struct run *run)
{
    run->n_matches = 0;
    find_in(run, 0, 0);
    if (run->statement->order_by)
        sort_matches(run);
    cut_matches(run);
}

/* ---- changing rows ---- */

static enum sql_outcome wait_for(struct run *run, const struct sql_row *row)
{
    run->session->blocked_by = sql_holder(run->session, row);
    return run->session->blocked_by ? SQL_BLOCKED : SQL_DONE;
}

static void keep_texts(const struct sql_table *table, struct sql_value *row)
{
    for (unsigned i = 0; i < table->n_columns; i++) {
        if (row[i].type == SQL_TEXT)
            row[i].text = world_str(row[i].text);
    }
}

static void generate(const struct sql_table *table, struct sql_value *row)
{
    struct sql_scope scope = {.rows = {row, row}};
    for (unsigned i = 0; i < table->n_columns; i++) {
        if (table->columns[i].generated)
            row[i] = sql_evaluate(table->columns[i].generated, &scope);
    }
}

/* A CHECK that is NULL lets the row pass. */
static enum sql_outcome check(const struct sql_table *table, const struct sql_value *row, const struct sql_value *old)
{
    struct sql_scope scope = {.rows = {row, old ? old : row}};
    if (old && table->trigger && sql_is_true(table->trigger, &scope))
        return SQL_SIGNALLED;
    for (unsigned i = 0; i < table->n_checks; i++) {
        struct sql_value value = sql_evaluate(table->checks[i], &scope);
        if (value.type == SQL_INT && value.number == 0)
            return SQL_CHECKED;
    }
    return SQL_DONE;
}

/* Assigns from left to right, each seeing what those before it did. */
static enum sql_outcome change_row(struct run *run, struct sql_table *table, unsigned row,
                                   const struct sql_value *const *rows)
{
    const struct sql_statement *statement = run->statement;
    enum sql_outcome outcome = wait_for(run, &table->rows[row]);
    if (outcome != SQL_DONE)
        return outcome;
    struct sql_value *changed = sql_new_cells(table);
    const struct sql_value *old = sql_visible(run->session, table, row);
    memcpy(changed, old, table->n_columns * sizeof *changed);
    memcpy(run->scope.rows, rows, sizeof run->scope.rows);
    run->scope.rows[0] = changed;
    for (unsigned i = 0; i < statement->n_assignments; i++) {
        struct sql_value value = sql_evaluate(statement->assignments[i].value, &run->scope);
        if (value.type == SQL_TEXT)
            value.text = world_str(value.text);
        changed[statement->assignments[i].column] = value;
    }
    generate(table, changed);
    outcome = check(table, changed, old);
    if (outcome == SQL_DONE)
        sql_write_row(run->session, table, row, changed);
    return outcome;
}

static enum sql_outcome update(struct run *run)
{
    struct sql_table *table = run->statement->sources[0].table;
    enum sql_outcome outcome = SQL_DONE;
    find(run);
    for (size_t i = 0; outcome == SQL_DONE && i < run->n_matches; i++)
        outcome = change_row(run, table, run->matches[i].first, run->matches[i].rows);
    run->result.affected = (int64_t)run->n_matches;
    return outcome;
}

static struct sql_value *new_row(struct run *run, struct sql_table *table)
{
    const struct sql_statement *statement = run->statement;
    struct sql_value *row = sql_new_cells(table);
    struct sql_scope none = {0};
    for (unsigned i = 0; i < table->n_columns; i++) {
        if (table->columns[i].counts)
            row[i] = (struct sql_value){SQL_INT, ++table->last_id, STR_NULL};
        else if (table->columns[i].value_default)
            row[i] = sql_evaluate(table->columns[i].value_default, &none);
    }
    for (unsigned i = 0; i < statement->n_values; i++)
        row[statement->targets[i]] = sql_evaluate(statement->values[i], &run->scope);
    keep_texts(table, row);
    generate(table, row);
    return row;
}

static enum sql_outcome insert_row(struct run *run)
{
    const struct sql_statement *statement = run->statement;
    struct sql_table *table = statement->into;
    struct sql_value *row = new_row(run, table);
    unsigned at = table->n_rows, duplicate_of = 0;
    enum sql_outcome outcome = check(table, row, NULL);
    if (outcome == SQL_DONE)
        outcome = sql_insert_row(run->session, table, row, &duplicate_of);
    if (outcome == SQL_DUPLICATE && statement->or_update) {
        const struct sql_value *rows[SQL_SOURCES_MAX] = {0};
        at = duplicate_of;
        run->scope.inserted = row;
        outcome = change_row(run, table, at, rows);
    }
    if (outcome != SQL_DONE)
        return outcome;
    run->result.affected++;
    run->scope.rows[0] = sql_visible(run->session, table, at);
    if (statement->returning)
        put(sql_evaluate(statement->returning, &run->scope));
    return SQL_DONE;
}

static enum sql_outcome insert(struct run *run)
{
    enum sql_outcome outcome = SQL_DONE;
    if (!run->statement->from_select)
        return insert_row(run);
    find(run);
    for (size_t i = 0; outcome == SQL_DONE && i < run->n_matches; i++) {
        memcpy(run->scope.rows, run->matches[i].rows, sizeof run->scope.rows);
        outcome = insert_row(run);
    }
    return outcome;
}

static enum sql_outcome select_rows(struct run *run)
{
    const struct sql_statement *statement = run->statement;
    find(run);
    for (size_t i = 0; i < run->n_matches; i++) {
        const struct match *match = &run->matches[i];
        struct sql_table *table = statement->sources[0].table;
        if (statement->for_update && wait_for(run, &table->rows[match->first]) != SQL_DONE)
            return SQL_BLOCKED;
        if (statement->for_update)
            sql_write_row(run->session, table, match->first, NULL);
        memcpy(run->scope.rows, match->rows, sizeof run->scope.rows);
        for (unsigned column = 0; column < statement->n_values; column++)
            put(sql_evaluate(statement->values[column], &run->scope));
    }
    run->result.affected = (int64_t)run->n_matches;
    return SQL_DONE;
}

static enum sql_outcome execute(struct run *run)
{
    static enum sql_outcome (*const kinds[])(struct run *) = {
        [SQL_SELECT] = select_rows, [SQL_INSERT] = insert, [SQL_UPDATE] = update};
    n_cells = 0;
    enum sql_outcome outcome = kinds[run->statement->kind](run);
    run->result.n_cols = run->statement->returning ? 1 : run->statement->n_values;
    run->result.n_rows = n_cells ? n_cells / run->result.n_cols : 0;
    run->result.cells = cells;
    return outcome;
}

enum sql_outcome sql_run(struct sql_session *session, const char *sql, const struct sql_value *params, size_t n_params,
                         const struct sql_value *list, size_t n_list, struct sql_result *ret)
{
    static struct run run;
    unsigned n_writes_before = session->n_writes;
    bool alone = !session->in_transaction;
    run.session = session;
    run.statement = sql_statement_of(sql);
    run.scope = (struct sql_scope){.params = params, .list = list, .n_list = n_list, .session = session};
    run.result = (struct sql_result){0};
    if (run.statement->n_params != n_params)
        sim_unable("%u parameters instead of %zu: %s", run.statement->n_params, n_params, sql);
    session->blocked_by = NULL;
    enum sql_outcome outcome = execute(&run);
    if (outcome != SQL_DONE)
        sql_undo(session, n_writes_before);
    else
        *ret = run.result;
    if (alone && outcome == SQL_DONE)
        outcome = sql_commit(session);
    return outcome;
}

struct sql_result sql_ask(const char *select)
{
    struct sql_result result;
    struct sql_session *session = sql_connect(NULL);
    if (sql_run(session, select, NULL, 0, NULL, 0, &result) != SQL_DONE)
        sim_unable("the checker cannot ask: %s", select);
    sql_disconnect(session);
    struct sql_value *copy = world_alloc(result.n_rows * result.n_cols * sizeof *copy);
    if (result.n_rows)
        memcpy(copy, result.cells, result.n_rows * result.n_cols * sizeof *copy);
    result.cells = copy;
    return result;
}
