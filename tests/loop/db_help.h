/* db_help: one pool and counted runs for the tests of db_pool. */
#ifndef DP_TESTS_DB_HELP_H
#define DP_TESTS_DB_HELP_H

#include <stdlib.h>
#include <string.h>

#include "loop/loop_help.h"
#include "loop/private_server.h"

#include "common/err.h"
#include "server/db_pool.h"

enum {
    S_INSERT,
    S_FIND,
    S_SET_AMOUNT,
    S_COUNT_ALL,
    S_SLEEP,
    S_SEQUENCE,
    S_TEXT,
    S_TOO_BIG_A_NUMBER,
    S_WRONG_TABLE,
    S_WRONG_SQL,
    S_SESSION,
    S_CONNECTION_ID,
    S_COUNT,
};

static const struct db_statement db_help_table[S_COUNT] = {
    [S_INSERT] = {"insert", "INSERT INTO things (name, at, amount, bytes) VALUES (?, ?, ?, ?)", "stis", ""},
    [S_FIND] = {"find", "SELECT id, name, at, amount, bytes FROM things WHERE name = ?", "s", "istis"},
    [S_SET_AMOUNT] = {"set_amount", "UPDATE things SET amount = ? WHERE name = ?", "is", ""},
    [S_COUNT_ALL] = {"count_all", "SELECT COUNT(*) FROM things", "", "i"},
    [S_SLEEP] = {"sleep", "SELECT SLEEP(? / 1000)", "i", "i"},
    [S_SEQUENCE] = {"sequence", "SELECT seq FROM seq_1_to_5000 LIMIT ?", "i", "i"},
    [S_TEXT] = {"text", "SELECT REPEAT('x', ?)", "i", "s"},
    [S_TOO_BIG_A_NUMBER] = {"too_big_a_number", "SELECT 18446744073709551615", "", "i"},
    [S_WRONG_TABLE] = {"wrong_table", "SELECT 1, 2", "", "i"},
    [S_WRONG_SQL] = {"wrong_sql", "SELECT nothing FROM nowhere", "", "i"},
    [S_SESSION] = {"session",
                   "SELECT CONCAT_WS('|', @@sql_mode, @@time_zone, @@tx_isolation, @@character_set_client, "
                   "@@collation_connection), @@autocommit, CAST(@@max_statement_time * 1000 AS SIGNED)",
                   "", "sii"},
    [S_CONNECTION_ID] = {"connection_id", "SELECT CONNECTION_ID()", "", "i"},
};

enum { DB_HELP_STEPS_MAX = 4, DB_HELP_ARENA_MAX = 2 << 20, PATIENCE_MS = 20000 };

/* One run and its arena, counted. */
struct db_help_run {
    struct arena arena;
    struct db_run run;
    struct db_step steps[DB_HELP_STEPS_MAX];
    struct db_value params[DB_HELP_STEPS_MAX][4];
    bool has_returned;
    int err;
    unsigned n_calls;
    struct db_pool *close_in_callback;
};

static uv_loop_t loop;
static struct db_pool *pool;
static unsigned n_closed;

static inline void db_help_closed(void *data)
{
    (void)data;
    n_closed++;
}

static inline void db_help_done(struct db_run *run, int err)
{
    struct db_help_run *help = run->data;
    assert_true(help->has_returned);
    help->err = err;
    help->n_calls++;
    if (help->close_in_callback)
        db_pool_close(help->close_in_callback, db_help_closed, NULL);
}

static inline struct db_help_run *db_help_new(void)
{
    struct db_help_run *help = calloc(1, sizeof *help);
    arena_init(&help->arena, DB_HELP_ARENA_MAX);
    help->run = (struct db_run){.arena = &help->arena, .steps = help->steps, .done = db_help_done, .data = help};
    return help;
}

static inline void db_help_add(struct db_help_run *help, unsigned statement, int64_t expect, struct db_value a,
                               struct db_value b, struct db_value c, struct db_value d)
{
    unsigned i = help->run.n_steps++;
    const struct db_value params[4] = {a, b, c, d};
    memcpy(help->params[i], params, sizeof params);
    help->steps[i] = (struct db_step){.statement = statement, .params = help->params[i], .expect = expect};
}

#define ADD0(help, statement, expect)       db_help_add(help, statement, expect, DB_N, DB_N, DB_N, DB_N)
#define ADD1(help, statement, expect, a)    db_help_add(help, statement, expect, a, DB_N, DB_N, DB_N)
#define ADD2(help, statement, expect, a, b) db_help_add(help, statement, expect, a, b, DB_N, DB_N)
#define ADD_THING(help, expect, name)       db_help_add(help, S_INSERT, expect, DB_S(STR(name)), DB_N, DB_N, DB_N)

static inline void db_help_start(struct db_help_run *help)
{
    db_pool_run(pool, &help->run);
    assert_int_equal(help->n_calls, 0);
    help->has_returned = true;
}

static inline bool db_help_is_done(void *data)
{
    return ((struct db_help_run *)data)->n_calls > 0;
}

static inline int db_help_await(struct db_help_run *help)
{
    assert_true(loop_run_until(&loop, db_help_is_done, help, PATIENCE_MS));
    assert_int_equal(help->n_calls, 1);
    return help->err;
}

static inline int db_help_run(struct db_help_run *help)
{
    db_help_start(help);
    return db_help_await(help);
}

static inline void db_help_free(struct db_help_run *help)
{
    assert_int_equal(help->n_calls, 1);
    arena_done(&help->arena);
    free(help);
}

static inline struct config db_help_config(const struct config_endpoint *at)
{
    struct config config = {0};
    config.database.at = *at;
    config.database.name = "dp_test";
    config.database.server.user = "root";
    config.database.pool_size = 2;
    config.database.waiters_max = 2;
    config.database.query_timeout_ms = 1000;
    config.database.connect_timeout_ms = 300;
    return config;
}

static inline bool db_help_all_ready(void *data)
{
    return db_pool_ready(pool) == *(const unsigned *)data;
}

static inline void db_help_await_ready(unsigned n)
{
    assert_true(loop_run_until(&loop, db_help_all_ready, &n, PATIENCE_MS));
}

static inline void db_help_open(const struct config *config)
{
    n_closed = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    pool = db_pool_new(&loop, config, db_help_table, S_COUNT);
}

/* No handle is left, and `closed` came once. */
static inline void db_help_close(void)
{
    if (pool)
        db_pool_close(pool, db_help_closed, NULL);
    pool = NULL;
    loop_finish(&loop);
    assert_int_equal(n_closed, 1);
}

#endif
