/* db_pool against peers that refuse, reset, fall silent, die and come back. */
#include "loop/db_help.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop/fault_proxy.h"

static struct private_server server;

static int start_server(void **state)
{
    (void)state;
    private_server_start_mariadb(&server);
    MYSQL *admin = private_server_connect(&server);
    private_server_query(admin, "CREATE TABLE things (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80) NOT NULL,"
                                " at DATETIME(6), amount BIGINT, bytes VARBINARY(80), UNIQUE KEY (name))");
    mysql_close(admin);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    private_server_done(&server);
    return 0;
}

static void open_with(const struct config_endpoint *at)
{
    struct config config = db_help_config(at);
    config.database.query_timeout_ms = 400;
    config.database.pool_size = 1;
    db_help_open(&config);
}

static void open_direct(void)
{
    const struct config_endpoint at = {.socket = server.socket};
    open_with(&at);
    db_help_await_ready(1);
}

static int run_read(void)
{
    struct db_help_run *help = db_help_new();
    ADD0(help, S_COUNT_ALL, DB_ANY_COUNT);
    int err = db_help_run(help);
    db_help_free(help);
    return err;
}

static struct db_help_run *start_write(void)
{
    static unsigned n;
    struct db_help_run *help = db_help_new();
    char *name = arena_alloc(&help->arena, 16);
    snprintf(name, 16, "w%u", n++);
    help->run.atomic = true;
    db_help_add(help, S_INSERT, 1, DB_S(str_from(name)), DB_N, DB_N, DB_N);
    db_help_start(help);
    return help;
}

static int run_write(void)
{
    struct db_help_run *help = start_write();
    int err = db_help_await(help);
    db_help_free(help);
    return err;
}

/* --- before a connection is made --- */

static void nobody_listens(void **state)
{
    const struct config_endpoint places[] = {
        {.socket = "/tmp/dp-no-such-socket"},
        {.host = "127.0.0.1", .port = fault_proxy_refused_port()},
    };
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        open_with(&places[i]);
        assert_int_equal(run_read(), ERR_UNAVAILABLE);
        assert_int_equal(db_pool_ready(pool), 0);
        db_help_close();
    }
}

static void a_peer_that_misbehaves_at_once_is_tried_again(void **state)
{
    struct fault_proxy *proxy = fault_proxy_new(server.socket);
    const struct config_endpoint at = {.host = "127.0.0.1", .port = fault_proxy_port(proxy)};
    (void)state;

    for (enum fault fault = FAULT_RESET; fault < FAULT_COUNT; fault++) {
        print_message("         %s\n", fault_names[fault]);
        fault_proxy_set(proxy, fault);
        open_with(&at);
        assert_int_equal(run_read(), ERR_UNAVAILABLE);
        assert_int_equal(db_pool_ready(pool), 0);
        fault_proxy_set(proxy, FAULT_NONE);
        db_help_await_ready(1);
        assert_int_equal(run_read(), 0);
        db_help_close();
    }
    fault_proxy_free(proxy);
}

/* --- what the log says --- */

static unsigned count(const char *text, const char *part)
{
    unsigned n = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        n++;
    return n;
}

static void eight_connections_share_one_line(void **state)
{
    const struct config_endpoint nowhere = {.socket = "/tmp/dp-no-such-socket"};
    const struct config_endpoint there = {.socket = server.socket};
    struct config config = db_help_config(&nowhere);
    char log[8192] = "";
    int saved_stderr = dup(STDERR_FILENO);
    FILE *captured = tmpfile();
    (void)state;

    assert_non_null(captured);
    assert_true(dup2(fileno(captured), STDERR_FILENO) >= 0);
    config.database.pool_size = 8;
    db_help_open(&config);
    loop_run_for(&loop, 300);
    db_help_close();
    config.database.at = there;
    db_help_open(&config);
    db_help_await_ready(8);
    db_help_close();
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    assert_true(pread(fileno(captured), log, sizeof log - 1, 0) > 0);
    fclose(captured);
    assert_int_equal(count(log, "event=db_unavailable"), 1);
    assert_int_equal(count(log, "event=db_connected"), 1);
}

/* --- in mid-command --- */

static void a_peer_that_misbehaves_in_mid_command_is_replaced(void **state)
{
    static const int errors[FAULT_COUNT] = {
        [FAULT_RESET] = ERR_UNAVAILABLE,
        [FAULT_HALF_CLOSE] = ERR_UNAVAILABLE,
        [FAULT_SILENT] = ERR_TIMEOUT,
        [FAULT_GARBAGE] = ERR_TIMEOUT, /* the library reads a length in it and waits for the rest */
    };
    struct fault_proxy *proxy = fault_proxy_new(server.socket);
    const struct config_endpoint at = {.host = "127.0.0.1", .port = fault_proxy_port(proxy)};
    (void)state;

    for (enum fault fault = FAULT_RESET; fault < FAULT_COUNT; fault++) {
        print_message("         %s\n", fault_names[fault]);
        open_with(&at);
        db_help_await_ready(1);
        assert_int_equal(run_write(), 0);
        fault_proxy_set(proxy, fault);
        assert_int_equal(run_write(), errors[fault]);
        fault_proxy_set(proxy, FAULT_NONE);
        db_help_await_ready(1);
        assert_int_equal(run_write(), 0);
        db_help_close();
    }
    fault_proxy_free(proxy);
}

static void closing_in_mid_fault(void **state)
{
    struct fault_proxy *proxy = fault_proxy_new(server.socket);
    const struct config_endpoint at = {.host = "127.0.0.1", .port = fault_proxy_port(proxy)};
    (void)state;

    for (enum fault fault = FAULT_RESET; fault < FAULT_COUNT; fault++) {
        open_with(&at);
        db_help_await_ready(1);
        fault_proxy_set(proxy, fault);
        struct db_help_run *help = start_write();
        db_pool_close(pool, db_help_closed, NULL);
        pool = NULL;
        /* The proxy may have been quicker than the next line of this test. */
        int err = db_help_await(help);
        assert_true(err == ERR_CANCELLED || err == ERR_UNAVAILABLE);
        db_help_free(help);
        db_help_close();
        fault_proxy_set(proxy, FAULT_NONE);
    }
    fault_proxy_free(proxy);
}

/* --- a connection that is killed --- */

#define OTHER_CONNECTIONS "FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND USER = 'root'"

static void await_other_connections(MYSQL *admin, long long count)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};

    for (unsigned i = 0; private_server_query(admin, "SELECT COUNT(*) " OTHER_CONNECTIONS) != count; i++) {
        assert_true(i < PATIENCE_MS / 5);
        nanosleep(&pause, NULL);
    }
}

/* The pool's only one. Those of earlier tests may still be ending: told to die in that moment, MariaDB answers an error
 * or leaves another connection without an answer. */
static void kill_connection(void)
{
    MYSQL *admin = private_server_connect(&server);
    char sql[64];

    await_other_connections(admin, 1);
    snprintf(sql, sizeof sql, "KILL %lld", private_server_query(admin, "SELECT MIN(ID) " OTHER_CONNECTIONS));
    private_server_query(admin, sql);
    await_other_connections(admin, 0);
    mysql_close(admin);
}

static void the_death_of_an_idle_connection_is_known_at_once(void **state)
{
    (void)state;
    open_direct();
    kill_connection();
    db_help_await_ready(0);
    db_help_await_ready(1);
    assert_int_equal(db_pool_stats(pool).reconnects, 2);
    assert_int_equal(run_write(), 0);
    db_help_close();
}

/* The connection dies and the run comes in the same turn of the loop, before the socket was looked at. */
static void a_read_that_lost_its_idle_connection_is_tried_again(void **state)
{
    (void)state;
    open_direct();
    kill_connection();
    assert_int_equal(run_read(), 0);
    kill_connection();
    assert_int_equal(run_write(), ERR_UNAVAILABLE);
    assert_int_equal(run_write(), 0);
    db_help_close();
}

static void a_connection_killed_in_mid_run(void **state)
{
    (void)state;
    open_direct();
    struct db_help_run *help = db_help_new();
    help->run.atomic = true;
    ADD_THING(help, 1, "killed");
    ADD1(help, S_SLEEP, DB_ANY_COUNT, DB_I(300));
    db_help_start(help);
    loop_run_for(&loop, 60);
    kill_connection();
    assert_int_equal(db_help_await(help), ERR_UNAVAILABLE);
    assert_int_equal(help->run.failed_step, 1);
    db_help_free(help);
    db_help_await_ready(1);
    help = db_help_new();
    ADD1(help, S_FIND, DB_ANY_COUNT, DB_S(STR("killed")));
    assert_int_equal(db_help_run(help), 0);
    assert_int_equal(help->run.results[0].n_rows, 0);
    db_help_free(help);
    db_help_close();
}

/* --- a server that goes and comes --- */

static void a_server_that_stops_and_starts_again(void **state)
{
    static const int signals[] = {SIGTERM, SIGKILL};
    (void)state;
    open_direct();
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        private_server_stop(&server, signals[i]);
        assert_int_equal(run_read(), ERR_UNAVAILABLE);
        assert_int_equal(db_pool_ready(pool), 0);
        private_server_start_again(&server);
        db_help_await_ready(1);
        assert_int_equal(run_read(), 0);
        assert_int_equal(run_write(), 0);
    }
    db_help_close();
}

static void a_server_that_hangs(void **state)
{
    (void)state;
    open_direct();
    private_server_pause(&server);
    assert_int_equal(run_write(), ERR_TIMEOUT);
    assert_int_equal(run_read(), ERR_UNAVAILABLE); /* connecting hangs too */
    private_server_resume(&server);
    db_help_await_ready(1);
    assert_int_equal(run_read(), 0);
    db_help_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(a_peer_that_misbehaves_at_once_is_tried_again),
        cmocka_unit_test(eight_connections_share_one_line),
        cmocka_unit_test(a_peer_that_misbehaves_in_mid_command_is_replaced),
        cmocka_unit_test(closing_in_mid_fault),
        cmocka_unit_test(the_death_of_an_idle_connection_is_known_at_once),
        cmocka_unit_test(a_read_that_lost_its_idle_connection_is_tried_again),
        cmocka_unit_test(a_connection_killed_in_mid_run),
        cmocka_unit_test(a_server_that_stops_and_starts_again),
        cmocka_unit_test(a_server_that_hangs),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
