/* db_exec: one run on one connection: its steps in order, between START TRANSACTION and COMMIT or ROLLBACK when it is
 * atomic. Knows nothing of pools and waiters. */
#ifndef DP_SERVER_DB_EXEC_H
#define DP_SERVER_DB_EXEC_H

#include "server/db_conn.h"

/* Embedded in what the pool keeps of the run. */
struct db_exec {
    struct db_conn *conn; /* borrowed until done */
    struct db_run *run;
    unsigned step;
    unsigned deadlocks;
    int err; /* of the step that failed, while its ROLLBACK is under way */
    void (*done)(void *data, int err);
    void *data;
};

/* `done` is called once, possibly before this returned; the run's answer is then filled in. The connection may have
 * become unusable (db_conn_is_usable), whatever `err` says; dropping the connection instead ends everything without
 * calling back. */
void db_exec_start(struct db_exec *exec, struct db_conn *conn, struct db_run *run, uint64_t deadline_at_ms,
                   void (*done)(void *data, int err), void *data);

#endif
