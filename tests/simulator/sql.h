/* sql: a small MariaDB in memory, which reads the product's own schema (schema/NNN_*.sql) and runs the product's own
 * statements, so that what is proven holds for their text and not for somebody's idea of it.
 *
 * Understood: CREATE TABLE with keys, checks, defaults and generated columns; ALTER TABLE … ADD COLUMN; triggers of one
 * comparison; SELECT with joins, ORDER BY, LIMIT, FOR UPDATE [SKIP LOCKED]; INSERT … VALUES or SELECT, ON DUPLICATE KEY
 * UPDATE, RETURNING; UPDATE with joins; EXISTS. Not: other sub-selects (they are NULL), foreign keys, collations,
 * character sets.
 *
 * Isolation is READ COMMITTED. On one server a row written or locked by an open transaction blocks whoever wants to
 * write it, and a key whose row is not committed yet blocks whoever inserts the same. On a cluster (Galera) each
 * process talks to a node of its own, sees no lock of the others, and loses at COMMIT where another was first. */
#ifndef DP_SIMULATOR_SQL_H
#define DP_SIMULATOR_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

enum sql_type { SQL_NULL, SQL_INT, SQL_TEXT };

/* Moments are microseconds since 1970. Texts of results live as long as the schedule. */
struct sql_value {
    enum sql_type type;
    int64_t number;
    struct str text;
};

enum sql_outcome {
    SQL_DONE,
    SQL_DUPLICATE, /* 1062 */
    SQL_CHECKED,   /* 4025: a CHECK said no */
    SQL_SIGNALLED, /* 1644: a trigger did */
    SQL_BLOCKED,   /* somebody else's row: wait and run it again */
    SQL_BEATEN,    /* 1213 at COMMIT, on a cluster: rolled back */
};

struct sql_result {
    size_t n_rows, n_cols;
    const struct sql_value *cells; /* until the next statement */
    int64_t affected;              /* rows that matched */
};

struct process;
struct sql_session;

/* Once: reads every NNN_*.sql of the directory. */
void sql_read_schema(const char *directory);
/* All tables empty, no session. `cluster`: as above. */
void sql_reset(bool cluster);

struct sql_session *sql_connect(struct process *owner);
/* Rolls back. */
void sql_disconnect(struct sql_session *session);
/* Of a process that is gone. */
void sql_disconnect_all_of(const struct process *process);
bool sql_in_transaction(const struct sql_session *session);
void sql_begin(struct sql_session *session);
enum sql_outcome sql_commit(struct sql_session *session);
void sql_rollback(struct sql_session *session);

/* `list` is what "IN (*)" stands for. Nothing of a statement that did not end well remains. */
enum sql_outcome sql_run(struct sql_session *session, const char *sql, const struct sql_value *params, size_t n_params,
                         const struct sql_value *list, size_t n_list, struct sql_result *ret);
/* Whom the last SQL_BLOCKED of this session waits for; and whether that one waits for it in turn. */
bool sql_is_deadlock(struct sql_session *session);
/* Changed whenever a transaction ends: what to wait for. */
extern const char sql_transaction_ended;

/* Committed rows, for the checker; the cells live as long as the schedule. */
struct sql_result sql_ask(const char *select);

#endif
