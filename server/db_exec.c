#include "server/db_exec.h"

#include <mysqld_error.h>

#include "common/crash_point.h"
#include "common/err.h"
#include "common/log.h"
#include "server/db_bind.h"

static void begin(struct db_exec *exec);
static void next_step(struct db_exec *exec);

static const struct db_statement *statement_of(const struct db_exec *exec)
{
    return &exec->conn->settings->table[exec->run->steps[exec->step].statement];
}

static bool may_run_again(const struct db_exec *exec)
{
    return exec->run->atomic && exec->run->db_errno == ER_LOCK_DEADLOCK && exec->deadlocks < DB_DEADLOCK_RETRIES &&
           db_conn_is_usable(exec->conn);
}

static void rolled_back(void *data, int err)
{
    struct db_exec *exec = data;

    if (err) /* the server rolls back when the connection goes */
        exec->conn->is_broken = true;
    if (may_run_again(exec)) {
        exec->deadlocks++;
        begin(exec);
        return;
    }
    exec->done(exec->data, exec->err);
}

static void fail(struct db_exec *exec, int err)
{
    struct db_run *run = exec->run;

    run->failed_step = exec->step;
    run->db_errno = exec->conn->db_errno;
    exec->err = err;
    /* MariaDB's own text may quote values, so only its number is logged. */
    if (err == ERR_INTERNAL)
        log_error("db_statement_failed",
                  LOG_STR("statement", exec->step < run->n_steps ? statement_of(exec)->name : "commit"),
                  LOG_INT("errno", run->db_errno));
    if (run->atomic && db_conn_is_usable(exec->conn))
        db_conn_query(exec->conn, "ROLLBACK", rolled_back, exec);
    else
        exec->done(exec->data, err);
}

static void committed(void *data, int err)
{
    struct db_exec *exec = data;

    CRASH_POINT("server/db_committed");
    if (err)
        fail(exec, err);
    else
        exec->done(exec->data, 0);
}

static void executed(void *data, int err)
{
    struct db_exec *exec = data;
    const struct db_step *step = &exec->run->steps[exec->step];
    struct db_result *result = &exec->run->results[exec->step];

    if (!err)
        err = db_bind_read(exec->conn->stmt, statement_of(exec)->columns, exec->run->arena, result);
    if (!err && exec->run->atomic && step->expect != DB_ANY_COUNT && result->affected != step->expect)
        err = ERR_CONFLICT;
    if (err) {
        fail(exec, err);
        return;
    }
    exec->step++;
    next_step(exec);
}

static void prepared(void *data, int err)
{
    struct db_exec *exec = data;
    const struct db_step *step = &exec->run->steps[exec->step];

    if (!err)
        err = db_bind_params(exec->conn->stmt, statement_of(exec)->params, step->params, exec->run->arena);
    if (err)
        fail(exec, err);
    else
        db_conn_execute(exec->conn, executed, exec);
}

static void commit(struct db_exec *exec)
{
    CRASH_POINT("server/db_before_commit");
    db_conn_query(exec->conn, "COMMIT", committed, exec);
    CRASH_POINT("server/db_commit_asked");
}

static void next_step(struct db_exec *exec)
{
    if (exec->step < exec->run->n_steps)
        db_conn_prepare(exec->conn, exec->run->steps[exec->step].statement, prepared, exec);
    else if (exec->run->atomic)
        commit(exec);
    else
        exec->done(exec->data, 0);
}

static void begun(void *data, int err)
{
    struct db_exec *exec = data;

    if (err)
        fail(exec, err);
    else
        next_step(exec);
}

static void begin(struct db_exec *exec)
{
    exec->step = 0;
    if (exec->run->atomic)
        db_conn_query(exec->conn, "START TRANSACTION", begun, exec);
    else
        next_step(exec);
}

void db_exec_start(struct db_exec *exec, struct db_conn *conn, struct db_run *run, uint64_t deadline_at_ms,
                   void (*done)(void *data, int err), void *data)
{
    *exec = (struct db_exec){.conn = conn, .run = run, .done = done, .data = data};
    run->db_errno = 0;
    db_conn_set_deadline(conn, deadline_at_ms);
    begin(exec);
}
