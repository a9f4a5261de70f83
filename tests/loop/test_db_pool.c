/* db_pool against a real MariaDB. */
#include "loop/db_help.h"

#include <mysqld_error.h>
#include <stdlib.h>
#include <string.h>

static struct private_server server;
static MYSQL *admin;

static int start_server(void **state)
{
    (void)state;
    private_server_start_mariadb(&server);
    admin = private_server_connect(&server);
    private_server_query(admin, "CREATE TABLE things (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80) NOT NULL,"
                                " at DATETIME(6), amount BIGINT, bytes VARBINARY(80), UNIQUE KEY (name),"
                                " CHECK (amount >= 0)) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4"
                                " COLLATE = utf8mb4_unicode_ci");
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    mysql_close(admin);
    private_server_done(&server);
    return 0;
}

static int open_pool(void **state)
{
    const struct config_endpoint at = {.socket = server.socket};
    struct config config = db_help_config(&at);
    (void)state;

    private_server_query(admin, "DELETE FROM things");
    db_help_open(&config);
    db_help_await_ready(2);
    return 0;
}

static int close_pool(void **state)
{
    (void)state;
    db_help_close();
    return 0;
}

static struct db_value cell(const struct db_help_run *help, unsigned step, unsigned index)
{
    assert_true(index < help->run.results[step].n_rows * help->run.results[step].n_columns);
    return help->run.results[step].cells[index];
}

static int64_t read_number(unsigned statement)
{
    struct db_help_run *help = db_help_new();
    ADD0(help, statement, DB_ANY_COUNT);
    assert_int_equal(db_help_run(help), 0);
    int64_t number = cell(help, 0, 0).number;
    db_help_free(help);
    return number;
}

/* --- values --- */

static void values_come_back_as_they_went(void **state)
{
    const struct {
        struct db_value name, at, amount, bytes;
    } cases[] = {
        {DB_S(STR("plain")), DB_I(1795000000123456), DB_I(15850), DB_S(STR("abc"))},
        {DB_S(STR("Zo\xc3\xab \xf0\x9f\x8d\x9d '\"\\%")), DB_I(0), DB_I(0), DB_S(STR("\xff\x00\xfe'"))},
        {DB_S(STR("nulls")), DB_N, DB_N, DB_N},
        {DB_S(STR("empty bytes")), DB_I(-1), DB_I(INT64_MAX), DB_S(STR(""))},
        {DB_S(STR_NULL), DB_I(253402300799999999), DB_I(1), DB_S(STR_NULL)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct db_help_run *help = db_help_new();
        db_help_add(help, S_INSERT, DB_ANY_COUNT, cases[i].name, cases[i].at, cases[i].amount, cases[i].bytes);
        ADD1(help, S_FIND, DB_ANY_COUNT, cases[i].name);
        assert_int_equal(db_help_run(help), 0);
        assert_int_equal(help->run.results[0].affected, 1);
        assert_int_equal(help->run.results[1].n_rows, 1);
        assert_int_equal(help->run.results[1].n_columns, 5);
        assert_int_equal(cell(help, 1, 0).number, help->run.results[0].insert_id);
        assert_true(str_eq(cell(help, 1, 1).text, cases[i].name.text));
        assert_int_equal(cell(help, 1, 2).type, cases[i].at.type);
        assert_int_equal(cell(help, 1, 2).number, cases[i].at.number);
        assert_int_equal(cell(help, 1, 3).type, cases[i].amount.type);
        assert_int_equal(cell(help, 1, 3).number, cases[i].amount.number);
        assert_int_equal(cell(help, 1, 4).type, cases[i].bytes.type);
        assert_true(str_eq(cell(help, 1, 4).text, cases[i].bytes.text));
        db_help_free(help);
    }
}

/* The same statement first with a number and then with NULL: the binds' types are sent again. */
static void a_moment_is_stored_as_utc(void **state)
{
    struct db_help_run *help = db_help_new();
    (void)state;

    db_help_add(help, S_INSERT, 1, DB_S(STR("noon")), DB_I(1795262400000007), DB_N, DB_N);
    assert_int_equal(db_help_run(help), 0);
    db_help_free(help);
    assert_int_equal(private_server_query(admin, "SELECT at = '2026-11-21 12:00:00.000007' FROM things"), 1);
}

static void a_moment_out_of_range_is_refused(void **state)
{
    static const int64_t moments[] = {INT64_MAX, INT64_MIN, 253402300800000000};
    (void)state;
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        struct db_help_run *help = db_help_new();
        db_help_add(help, S_INSERT, 1, DB_S(STR("never")), DB_I(moments[i]), DB_N, DB_N);
        assert_int_equal(db_help_run(help), ERR_INVALID);
        db_help_free(help);
    }
}

static void results_are_bounded(void **state)
{
    static const struct {
        unsigned statement;
        int64_t param;
        size_t arena_max;
        int err;
        unsigned n_rows;
    } cases[] = {
        {S_SEQUENCE, 0, DB_HELP_ARENA_MAX, 0, 0},
        {S_SEQUENCE, DB_ROWS_MAX, DB_HELP_ARENA_MAX, 0, DB_ROWS_MAX},
        {S_SEQUENCE, DB_ROWS_MAX + 1, DB_HELP_ARENA_MAX, ERR_TOO_LARGE, 0},
        {S_SEQUENCE, 4999, DB_HELP_ARENA_MAX, ERR_TOO_LARGE, 0},
        {S_SEQUENCE, 1000, 40000, ERR_TOO_LARGE, 0},
        {S_TEXT, DB_CELL_MAX, DB_HELP_ARENA_MAX, 0, 1},
        {S_TEXT, DB_CELL_MAX + 1, DB_HELP_ARENA_MAX, ERR_TOO_LARGE, 0},
        {S_TEXT, 1 << 20, DB_HELP_ARENA_MAX, ERR_TOO_LARGE, 0},
        {S_TEXT, 30000, 40000, ERR_TOO_LARGE, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct db_help_run *help = db_help_new();
        help->arena.max = cases[i].arena_max;
        ADD1(help, cases[i].statement, DB_ANY_COUNT, DB_I(cases[i].param));
        assert_int_equal(db_help_run(help), cases[i].err);
        if (!cases[i].err)
            assert_int_equal(help->run.results[0].n_rows, cases[i].n_rows);
        if (cases[i].statement == S_TEXT && !cases[i].err) {
            assert_int_equal(cell(help, 0, 0).text.len, cases[i].param);
            assert_int_equal(cell(help, 0, 0).text.ptr[cases[i].param - 1], 'x');
        }
        db_help_free(help);
    }
    assert_int_equal(db_pool_stats(pool).reconnects, 2); /* no connection was lost on the way */
}

static void mistakes_of_the_table_are_internal_errors(void **state)
{
    static const unsigned statements[] = {S_TOO_BIG_A_NUMBER, S_WRONG_TABLE, S_WRONG_SQL};
    (void)state;
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        struct db_help_run *help = db_help_new();
        ADD0(help, statements[i], DB_ANY_COUNT);
        assert_int_equal(db_help_run(help), ERR_INTERNAL);
        db_help_free(help);
    }
    assert_int_equal(db_pool_ready(pool), 2);
    assert_int_equal(read_number(S_COUNT_ALL), 0);
}

static void the_session_is_set_up(void **state)
{
    struct db_help_run *help = db_help_new();
    (void)state;

    ADD0(help, S_SESSION, DB_ANY_COUNT);
    assert_int_equal(db_help_run(help), 0);
    assert_string_equal(cell(help, 0, 0).text.ptr, "ONLY_FULL_GROUP_BY,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION|+00:00|"
                                                   "READ-COMMITTED|utf8mb4|utf8mb4_unicode_ci");
    assert_int_equal(cell(help, 0, 1).number, 1);
    assert_int_equal(cell(help, 0, 2).number, 900);
    db_help_free(help);
}

/* --- transactions --- */

static void an_atomic_run_commits(void **state)
{
    struct db_help_run *help = db_help_new();
    (void)state;

    help->run.atomic = true;
    ADD_THING(help, 1, "a");
    ADD_THING(help, 1, "b");
    ADD2(help, S_SET_AMOUNT, 1, DB_I(7), DB_S(STR("a")));
    ADD1(help, S_FIND, 1, DB_S(STR("b")));
    assert_int_equal(db_help_run(help), 0);
    db_help_free(help);
    assert_int_equal(private_server_query(admin, "SELECT COUNT(*) FROM things"), 2);
}

static void an_atomic_run_that_fails_leaves_nothing(void **state)
{
    static const struct {
        unsigned statement;
        int64_t expect;
        const char *name;
        int64_t amount;
        int err;
        unsigned db_errno;
    } cases[] = {
        {S_SET_AMOUNT, 1, "nobody", 7, ERR_CONFLICT, 0},
        {S_SET_AMOUNT, 0, "there", 7, ERR_CONFLICT, 0},
        {S_SET_AMOUNT, 1, "there", -1, ERR_CONFLICT, ER_CONSTRAINT_FAILED},
        {S_INSERT, 1, "there", 7, ERR_CONFLICT, ER_DUP_ENTRY},
        {S_FIND, 1, "nobody", 0, ERR_CONFLICT, 0},
        {S_WRONG_SQL, 1, "there", 0, ERR_INTERNAL, ER_NO_SUCH_TABLE},
    };
    (void)state;
    private_server_query(admin, "INSERT INTO things (name) VALUES ('there')");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct db_help_run *help = db_help_new();
        struct db_value name = DB_S(str_from(cases[i].name));
        help->run.atomic = true;
        ADD_THING(help, 1, "new");
        if (cases[i].statement == S_SET_AMOUNT)
            ADD2(help, S_SET_AMOUNT, cases[i].expect, DB_I(cases[i].amount), name);
        else
            ADD1(help, cases[i].statement, cases[i].expect, name);
        assert_int_equal(db_help_run(help), cases[i].err);
        assert_int_equal(help->run.failed_step, 1);
        assert_int_equal(help->run.db_errno, cases[i].db_errno);
        db_help_free(help);
        assert_int_equal(read_number(S_COUNT_ALL), 1);
    }
    assert_int_equal(db_pool_stats(pool).reconnects, 2);
}

static void an_update_counts_what_its_condition_matched(void **state)
{
    (void)state;
    private_server_query(admin, "INSERT INTO things (name, amount) VALUES ('same', 7)");
    for (int i = 0; i < 2; i++) {
        struct db_help_run *help = db_help_new();
        help->run.atomic = true;
        ADD2(help, S_SET_AMOUNT, 1, DB_I(7), DB_S(STR("same")));
        assert_int_equal(db_help_run(help), 0);
        db_help_free(help);
    }
}

static struct db_help_run *cross_update(const char *first, const char *second)
{
    struct db_help_run *help = db_help_new();
    help->run.atomic = true;
    help->run.deadline_ms = PATIENCE_MS;
    ADD2(help, S_SET_AMOUNT, 1, DB_I(1), DB_S(str_from(first)));
    ADD1(help, S_SLEEP, DB_ANY_COUNT, DB_I(50));
    ADD2(help, S_SET_AMOUNT, 1, DB_I(2), DB_S(str_from(second)));
    db_help_start(help);
    return help;
}

static long long count_deadlocks(void)
{
    return private_server_query(
        admin, "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_DEADLOCKS'");
}

/* On a loaded machine one may be over before the other begins: they meet sooner or later. */
static void the_loser_of_a_deadlock_runs_again(void **state)
{
    long long before = count_deadlocks();
    unsigned n_tries = 0;
    (void)state;

    private_server_query(admin, "INSERT INTO things (name, amount) VALUES ('x', 0), ('y', 0)");
    do {
        struct db_help_run *one = cross_update("x", "y"), *two = cross_update("y", "x");
        assert_int_equal(db_help_await(one), 0);
        assert_int_equal(db_help_await(two), 0);
        db_help_free(one);
        db_help_free(two);
    } while (count_deadlocks() == before && ++n_tries < 50);
    assert_true(count_deadlocks() > before);
}

/* --- time and bounds --- */

static struct db_help_run *start_sleep(int64_t ms, unsigned deadline_ms)
{
    struct db_help_run *help = db_help_new();
    help->run.deadline_ms = deadline_ms;
    ADD1(help, S_SLEEP, DB_ANY_COUNT, DB_I(ms));
    db_help_start(help);
    return help;
}

enum { SLEEP_MS = 40000 };

/* With the default deadline the server gives up first and the connection lives; with a shorter one the connection is
 * given up and replaced. */
static void a_deadline_ends_a_run(void **state)
{
    static const struct {
        unsigned deadline_ms, ms_min, reconnects;
    } cases[] = {{0, 800, 2}, {60000, 800, 2}, {100, 90, 3}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t began = uv_hrtime();
        struct db_help_run *help = start_sleep(SLEEP_MS, cases[i].deadline_ms);
        assert_int_equal(db_help_await(help), ERR_TIMEOUT);
        uint64_t ms = (uv_hrtime() - began) / 1000000;
        assert_in_range(ms, cases[i].ms_min, SLEEP_MS / 2);
        db_help_free(help);
        db_help_await_ready(2);
        assert_int_equal(db_pool_stats(pool).reconnects, cases[i].reconnects);
    }
}

static void waiters_are_bounded_and_have_a_deadline(void **state)
{
    struct db_help_run *help[6];
    static const int errors[6] = {0, 0, 0, ERR_UNAVAILABLE, ERR_BUSY, ERR_BUSY};
    (void)state;

    help[0] = start_sleep(300, 0); /* two run … */
    help[1] = start_sleep(300, 0);
    help[2] = start_sleep(1, 0); /* … two wait, one of them not long enough … */
    help[3] = start_sleep(1, 100);
    assert_int_equal(db_pool_stats(pool).busy, 2);
    assert_int_equal(db_pool_stats(pool).waiting, 2);
    help[4] = start_sleep(1, 0); /* … and there is no more room */
    help[5] = start_sleep(1, 0);
    for (int i = 0; i < 6; i++)
        assert_int_equal(db_help_await(help[i]), errors[i]);
    for (int i = 0; i < 6; i++)
        db_help_free(help[i]);
    assert_int_equal(db_pool_stats(pool).waiting, 0);
    assert_int_equal(db_pool_stats(pool).failures, 3);
}

static void count_tick(uv_timer_t *timer)
{
    (*(unsigned *)timer->data)++;
}

static void a_slow_statement_does_not_hold_the_loop(void **state)
{
    unsigned n_ticks = 0;
    uv_timer_t timer;
    (void)state;

    uv_timer_init(&loop, &timer);
    timer.data = &n_ticks;
    uv_timer_start(&timer, count_tick, 10, 10);
    struct db_help_run *help = start_sleep(300, 0);
    assert_int_equal(db_help_await(help), 0);
    db_help_free(help);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_true(n_ticks >= 15);
}

/* --- the end --- */

static void closing_cancels_what_runs_and_waits(void **state)
{
    struct db_help_run *help[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        help[i] = start_sleep(500, 0);
    loop_run_for(&loop, 20);
    struct db_pool *closing = pool;
    db_pool_close(pool, db_help_closed, NULL);
    struct db_help_run *late = start_sleep(1, 0);
    pool = NULL;
    assert_int_equal(n_closed, 0);
    assert_non_null(closing);
    for (int i = 0; i < 4; i++)
        assert_int_equal(db_help_await(help[i]), ERR_CANCELLED);
    assert_int_equal(db_help_await(late), ERR_CANCELLED);
    for (int i = 0; i < 4; i++)
        db_help_free(help[i]);
    db_help_free(late);
}

static void closing_while_connecting(void **state)
{
    const struct config_endpoint at = {.socket = server.socket};
    struct config config = db_help_config(&at);
    (void)state;

    for (unsigned turns = 0; turns < 12; turns++) {
        db_help_open(&config);
        for (unsigned i = 0; i < turns; i++)
            uv_run(&loop, UV_RUN_NOWAIT);
        db_help_close();
    }
}

static void closing_in_a_callback(void **state)
{
    struct db_help_run *help = db_help_new(), *other = start_sleep(500, 0);
    (void)state;

    ADD0(help, S_COUNT_ALL, DB_ANY_COUNT);
    help->close_in_callback = pool;
    assert_int_equal(db_help_run(help), 0);
    pool = NULL;
    assert_int_equal(db_help_await(other), ERR_CANCELLED);
    db_help_free(help);
    db_help_free(other);
}

int main(void)
{
#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, open_pool, close_pool)
    const struct CMUnitTest tests[] = {
        WITH_POOL(values_come_back_as_they_went),
        WITH_POOL(a_moment_is_stored_as_utc),
        WITH_POOL(a_moment_out_of_range_is_refused),
        WITH_POOL(results_are_bounded),
        WITH_POOL(mistakes_of_the_table_are_internal_errors),
        WITH_POOL(the_session_is_set_up),
        WITH_POOL(an_atomic_run_commits),
        WITH_POOL(an_atomic_run_that_fails_leaves_nothing),
        WITH_POOL(an_update_counts_what_its_condition_matched),
        WITH_POOL(the_loser_of_a_deadlock_runs_again),
        WITH_POOL(a_deadline_ends_a_run),
        WITH_POOL(waiters_are_bounded_and_have_a_deadline),
        WITH_POOL(a_slow_statement_does_not_hold_the_loop),
        WITH_POOL(closing_cancels_what_runs_and_waits),
        cmocka_unit_test(closing_while_connecting),
        WITH_POOL(closing_in_a_callback),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
