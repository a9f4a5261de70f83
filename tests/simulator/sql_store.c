/* Rows, keys, transactions. */
#include <stdlib.h>

#include "simulator/sim.h"
#include "simulator/sql_private.h"

const char sql_transaction_ended;

static struct sql_session sessions[SQL_SESSIONS_MAX];
static bool is_cluster;

void sql_reset(bool cluster)
{
    is_cluster = cluster;
    for (unsigned i = 0; i < sql_n_tables; i++) {
        if (!sql_tables[i].rows)
            sql_tables[i].rows = sql_alloc(SQL_ROWS_MAX * sizeof(struct sql_row));
        sql_tables[i].n_rows = 0;
        sql_tables[i].last_id = 0;
    }
    for (unsigned i = 0; i < SQL_SESSIONS_MAX; i++) {
        struct sql_write *writes = sessions[i].writes;
        sessions[i] = (struct sql_session){.number = i, .writes = writes};
    }
}

/* ---- sessions ---- */

struct sql_session *sql_connect(struct process *owner)
{
    for (unsigned i = 0; i < SQL_SESSIONS_MAX; i++) {
        struct sql_session *session = &sessions[i];
        if (session->open)
            continue;
        if (!session->writes)
            session->writes = sql_alloc(SQL_WRITES_MAX * sizeof(struct sql_write));
        session->open = true;
        session->owner = owner;
        return session;
    }
    sim_unable("more than %d sessions", SQL_SESSIONS_MAX);
}

void sql_disconnect(struct sql_session *session)
{
    sql_rollback(session);
    session->open = false;
}

void sql_disconnect_all_of(const struct process *process)
{
    for (unsigned i = 0; i < SQL_SESSIONS_MAX; i++) {
        if (sessions[i].open && sessions[i].owner == process)
            sql_disconnect(&sessions[i]);
    }
}

/* ---- what a session sees ---- */

static uint64_t bit_of(const struct sql_session *session)
{
    return UINT64_C(1) << session->number;
}

static const struct sql_write *find_write(const struct sql_session *session, const struct sql_table *table,
                                          unsigned row)
{
    for (unsigned i = session->n_writes; i-- > 0;) {
        const struct sql_write *write = &session->writes[i];
        if (write->row == row && write->table == table && write->cells)
            return write;
    }
    return NULL;
}

const struct sql_value *sql_visible(const struct sql_session *session, const struct sql_table *table, unsigned row)
{
    const struct sql_row *found = &table->rows[row];
    if (session && (found->writers & bit_of(session))) {
        const struct sql_write *write = find_write(session, table, row);
        if (write)
            return write->cells;
    }
    return found->cells;
}

static bool see_each_other(const struct sql_session *a, const struct sql_session *b)
{
    return !is_cluster || a->owner == b->owner;
}

const struct sql_session *sql_holder(const struct sql_session *session, const struct sql_row *row)
{
    uint64_t others = row->writers & ~bit_of(session);
    for (unsigned i = 0; others && i < SQL_SESSIONS_MAX; i++) {
        if ((others >> i & 1) && see_each_other(session, &sessions[i]))
            return &sessions[i];
    }
    return NULL;
}

bool sql_is_deadlock(struct sql_session *session)
{
    const struct sql_session *at = session->blocked_by;
    for (unsigned i = 0; at && i < SQL_SESSIONS_MAX; i++, at = at->blocked_by) {
        if (at == session)
            return true;
    }
    return false;
}

/* ---- writing ---- */

struct sql_value *sql_new_cells(const struct sql_table *table)
{
    return world_alloc(table->n_columns * sizeof(struct sql_value));
}

void sql_write_row(struct sql_session *session, struct sql_table *table, unsigned row, struct sql_value *cells)
{
    if (session->n_writes == SQL_WRITES_MAX)
        sim_unable("a transaction of more than %d writes", SQL_WRITES_MAX);
    session->writes[session->n_writes++] = (struct sql_write){table, row, cells, table->rows[row].version};
    table->rows[row].writers |= bit_of(session);
}

static bool has_key(const struct sql_key *key, const struct sql_value *a, const struct sql_value *b)
{
    for (unsigned i = 0; i < key->n_columns; i++) {
        if (!sql_same(a[key->columns[i]], b[key->columns[i]]))
            return false;
    }
    return true;
}

static bool collides(const struct sql_table *table, const struct sql_value *a, const struct sql_value *b)
{
    for (unsigned i = 0; a && i < table->n_keys; i++) {
        if (has_key(&table->keys[i], a, b))
            return true;
    }
    return false;
}

/* Looks for a row with one of the keys, also among those that others have not committed yet. */
static enum sql_outcome look_for_keys(struct sql_session *session, const struct sql_table *table,
                                      const struct sql_value *cells, unsigned *ret_duplicate_of)
{
    for (unsigned row = 0; row < table->n_rows; row++) {
        const struct sql_session *holder = sql_holder(session, &table->rows[row]);
        const struct sql_write *pending = holder ? find_write(holder, table, row) : NULL;
        if (pending && collides(table, pending->cells, cells)) {
            session->blocked_by = holder;
            return SQL_BLOCKED;
        }
        if (collides(table, sql_visible(session, table, row), cells)) {
            *ret_duplicate_of = row;
            return SQL_DUPLICATE;
        }
    }
    return SQL_DONE;
}

enum sql_outcome sql_insert_row(struct sql_session *session, struct sql_table *table, struct sql_value *cells,
                                unsigned *ret_duplicate_of)
{
    enum sql_outcome outcome = look_for_keys(session, table, cells, ret_duplicate_of);
    if (outcome != SQL_DONE)
        return outcome;
    if (table->n_rows == SQL_ROWS_MAX)
        sim_unable("%.*s: more than %d rows", STR_ARG(table->name), SQL_ROWS_MAX);
    table->rows[table->n_rows] = (struct sql_row){0};
    sql_write_row(session, table, table->n_rows++, cells);
    return SQL_DONE;
}

static bool still_writes(const struct sql_session *session, const struct sql_write *gone)
{
    for (unsigned i = 0; i < session->n_writes; i++) {
        if (session->writes[i].table == gone->table && session->writes[i].row == gone->row)
            return true;
    }
    return false;
}

void sql_undo(struct sql_session *session, unsigned n_writes_before)
{
    while (session->n_writes > n_writes_before) {
        const struct sql_write *gone = &session->writes[--session->n_writes];
        if (!still_writes(session, gone))
            gone->table->rows[gone->row].writers &= ~bit_of(session);
    }
}

/* ---- transactions ---- */

bool sql_in_transaction(const struct sql_session *session)
{
    return session->in_transaction;
}

void sql_begin(struct sql_session *session)
{
    session->in_transaction = true;
}

static void end(struct sql_session *session)
{
    bool somebody_may_wait = session->n_writes > 0;
    for (unsigned i = 0; i < session->n_writes; i++)
        session->writes[i].table->rows[session->writes[i].row].writers &= ~bit_of(session);
    session->n_writes = 0;
    session->in_transaction = false;
    session->blocked_by = NULL;
    if (somebody_may_wait)
        fiber_wake(&sql_transaction_ended);
}

void sql_rollback(struct sql_session *session)
{
    end(session);
}

/* A cluster certifies at COMMIT: the row is as it was when it was written, and no key of a new one is taken. */
static bool is_certified(const struct sql_write *write)
{
    const struct sql_table *table = write->table;
    if (table->rows[write->row].version != write->version)
        return false;
    if (table->rows[write->row].cells || !write->cells)
        return true;
    for (unsigned row = 0; row < table->n_rows; row++) {
        if (row != write->row && collides(table, table->rows[row].cells, write->cells))
            return false;
    }
    return true;
}

enum sql_outcome sql_commit(struct sql_session *session)
{
    for (unsigned i = 0; is_cluster && i < session->n_writes; i++) {
        if (!is_certified(&session->writes[i])) {
            end(session);
            return SQL_BEATEN;
        }
    }
    for (unsigned i = 0; i < session->n_writes; i++) {
        struct sql_row *row = &session->writes[i].table->rows[session->writes[i].row];
        if (!session->writes[i].cells)
            continue;
        row->cells = session->writes[i].cells;
        row->version++;
    }
    end(session);
    return SQL_DONE;
}
