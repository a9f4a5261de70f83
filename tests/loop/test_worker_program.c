/* dp-worker as a process: arguments, configuration, a bank's call from stream to mail, a kill at the worst moment, the
 * drain, the admin port. */
#include "loop/worker_help.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "loop/smtp_peer.h"

enum { WAIT_MS = 15000, STEP_MS = 20, ADMIN_PORT = 19170, OUTPUT_MAX = 8192 };

static struct private_server redis_server;
static char config_path[PRIVATE_SERVER_PATH_SIZE + 16];
static struct smtp_peer peer;

__attribute__((format(printf, 1, 2))) static long long redis(const char *format, ...)
{
    va_list args;
    redisContext *context = redisConnectUnix(redis_server.socket);
    va_start(args, format);
    redisReply *reply = redisvCommand(context, format, args);
    va_end(args);
    assert_non_null(reply);
    long long number = reply->type == REDIS_REPLY_INTEGER                    ? reply->integer
                       : reply->type == REDIS_REPLY_ARRAY && reply->elements ? reply->element[0]->integer
                                                                             : 0;
    freeReplyObject(reply);
    redisFree(context);
    return number;
}

static long long n_pending(void)
{
    return redis("XPENDING " EVENT_STREAM " " EVENT_GROUP);
}

static void publish(struct str raw)
{
    struct stream_entry entry = help_bank_entry(raw);
    const char *argv[2 * EVENT_FIELDS_MAX + 3] = {"XADD", EVENT_STREAM, "*"};
    size_t lens[2 * EVENT_FIELDS_MAX + 3] = {4, strlen(EVENT_STREAM), 1};
    for (size_t i = 0; i < entry.n_fields; i++) {
        argv[3 + i] = entry.fields[i].ptr ? entry.fields[i].ptr : "";
        lens[3 + i] = entry.fields[i].len;
    }
    redisContext *context = redisConnectUnix(redis_server.socket);
    freeReplyObject(redisCommandArgv(context, (int)entry.n_fields + 3, argv, lens));
    redisFree(context);
}

static void write_config(const char *extra)
{
    FILE *file = fopen(config_path, "we");
    fprintf(file,
            "[site]\nbase_url = http://127.0.0.1:8080\nmode = demonstration\noperator_email = " HELP_OPERATOR "\n"
            "[database]\nsocket = %s\nname = dp_test\n[redis]\nsocket = %s\n[journal]\ndirectory = journal\n"
            "[mail]\nsmtp_host = 127.0.0.1\nsmtp_port = %u\nsmtp_tls = none\nfrom_address = cantine@example.org\n"
            "[worker]\npoll_ms = 100\nmail_poll_ms = 50\nclaim_idle_ms = 300\nadmin_port = %d\n%s\n"
            "[security]\nmaster_key_file = %s/master-key\n",
            help.server.socket, redis_server.socket, peer.port, ADMIN_PORT, extra, help.server.directory);
    fclose(file);
}

/* Starts the program; its stderr goes to *ret_fd when asked for. */
static pid_t start_worker(const char *const *arguments, int *ret_fd)
{
    int pipe_fds[2] = {-1, -1};
    if (ret_fd)
        assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = ret_fd ? pipe_fds[1] : open("/dev/null", O_WRONLY);
        dup2(fd, STDERR_FILENO);
        dup2(fd, STDOUT_FILENO);
        execv(DP_WORKER_PATH, (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    if (ret_fd) {
        close(pipe_fds[1]);
        *ret_fd = pipe_fds[0];
    }
    return pid;
}

static pid_t start_instance(const char *instance)
{
    const char *const arguments[] = {"dp-worker", "--config", config_path, "--instance", instance, NULL};
    return start_worker(arguments, NULL);
}

/* The exit status, or -1 when a signal ended it. */
static int await_exit(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

__attribute__((format(printf, 2, 3))) static void await(long long expected, const char *format, ...)
{
    char sql[HELP_SQL_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    for (int waited_ms = 0; waited_ms < WAIT_MS; waited_ms += STEP_MS) {
        if (private_server_query(help.sql, sql) == expected)
            return;
        usleep(STEP_MS * 1000);
    }
    fail_msg("never %lld: %s", expected, sql);
}

static int get(unsigned instance, const char *request, char out[OUTPUT_MAX])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)(ADMIN_PORT + instance)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t len = 0;
    ssize_t n;
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        close(fd);
        return -1;
    }
    assert_true(write(fd, request, strlen(request)) > 0);
    while (len + 1 < OUTPUT_MAX && (n = read(fd, out + len, OUTPUT_MAX - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    close(fd);
    return len > 12 ? (int)strtol(out + strlen("HTTP/1.0 "), NULL, 10) : 0;
}

static void await_ready(unsigned instance)
{
    char out[OUTPUT_MAX];
    for (int waited_ms = 0; waited_ms < WAIT_MS; waited_ms += STEP_MS) {
        if (get(instance, "GET /readyz HTTP/1.0\r\n\r\n", out) == 200)
            return;
        usleep(STEP_MS * 1000);
    }
    fail_msg("instance %u never ready", instance);
}

static void arguments_and_configuration(void **state)
{
    static const struct {
        const char *arguments[5];
        const char *extra; /* in the file */
        int status;
        const char *says;
    } cases[] = {
        {{"dp-worker", "--help", NULL}, "", 0, "usage: dp-worker"},
        {{"dp-worker", NULL}, "", 2, "usage: dp-worker"},
        {{"dp-worker", "--config", config_path, "--nonsense", NULL}, "", 2, "usage: dp-worker"},
        {{"dp-worker", "--config", config_path, "--instance=x", NULL}, "", 2, "usage: dp-worker"},
        {{"dp-worker", "--config", config_path, NULL}, "batch_mx = 3", 2, "batch_mx"},
        {{"dp-worker", "--config", "/nonexistent", NULL}, "", 2, "/nonexistent"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[OUTPUT_MAX] = "";
        size_t len = 0;
        ssize_t n;
        int fd;
        write_config(cases[i].extra);
        pid_t pid = start_worker(cases[i].arguments, &fd);
        while (len + 1 < sizeof out && (n = read(fd, out + len, sizeof out - 1 - len)) > 0)
            len += (size_t)n;
        close(fd);
        int status = await_exit(pid);
        if (status != cases[i].status || !strstr(out, cases[i].says))
            fail_msg("case %zu: exit %d, \"%s\"", i, status, out);
    }
    write_config("");
}

/* A count is added after its commit, so that the row can be seen first. */
static void await_metric(unsigned instance, const char *line)
{
    char out[OUTPUT_MAX];
    for (int waited_ms = 0; waited_ms < WAIT_MS; waited_ms += STEP_MS) {
        assert_int_equal(get(instance, "GET /metrics HTTP/1.0\r\n\r\n", out), 200);
        if (strstr(out, line))
            return;
        usleep(STEP_MS * 1000);
    }
    fail_msg("never \"%s\" in:\n%s", line, out);
}

static void from_stream_to_mail(void **state)
{
    char out[OUTPUT_MAX];
    (void)state;
    long long id = help_topup("dem20261123061201aaa", 2000);
    publish(help_call("dem20261123061201aaa", 2000, "1", "40000001")); /* before there is any worker */
    pid_t pid = start_instance("1");
    await_ready(1);
    await(1, "SELECT state = 'AUTHORISED' FROM transactions WHERE id = %lld", id);
    await(2, "SELECT COUNT(*) FROM mail_outbox WHERE transaction_id = %lld AND status = 'SENT'", id);
    for (int waited_ms = 0; n_pending() && waited_ms < WAIT_MS; waited_ms += STEP_MS)
        usleep(STEP_MS * 1000);
    assert_int_equal(n_pending(), 0);
    assert_int_equal(get(1, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", out), 200);
    await_metric(1, "\ndp_worker_events_total{verdict=\"credited\"} 1\n");
    await_metric(1, "\ndp_worker_mails_sent_total 2\n");
    assert_int_equal(get(1, "GET /other HTTP/1.0\r\n\r\n", out), 404);
    assert_int_equal(get(1, "POST /metrics HTTP/1.0\r\n\r\n", out), 405);
    kill(pid, SIGTERM);
    int64_t begun_ms = clock_monotonic_ms();
    assert_int_equal(await_exit(pid), 0);
    assert_true(clock_monotonic_ms() - begun_ms < 10000);
}

/* Read by a worker that is killed before it commits: another one takes the entry over. */
static void killed_with_an_entry_in_hand(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123061202aaa", 2000);
    MYSQL *lock = private_server_connect(&help.server);
    char sql[HELP_SQL_SIZE];
    snprintf(sql, sizeof sql, "SELECT id FROM transactions WHERE id = %lld FOR UPDATE", id);
    private_server_query(lock, "START TRANSACTION");
    private_server_query(lock, sql); /* so that the first worker cannot get on */
    pid_t first = start_instance("2");
    await_ready(2);
    publish(help_call("dem20261123061202aaa", 2000, "1", "40000002"));
    for (int waited_ms = 0; n_pending() == 0 && waited_ms < WAIT_MS; waited_ms += STEP_MS)
        usleep(STEP_MS * 1000);
    kill(first, SIGKILL);
    assert_int_equal(await_exit(first), -1);
    private_server_query(lock, "ROLLBACK");
    mysql_close(lock);
    assert_int_equal(n_pending(), 1);
    pid_t second = start_instance("3"), third = start_instance("4");
    await(1, "SELECT state = 'AUTHORISED' FROM transactions WHERE id = %lld", id);
    await(2, "SELECT COUNT(*) FROM mail_outbox WHERE transaction_id = %lld AND status = 'SENT'", id);
    for (int waited_ms = 0; n_pending() && waited_ms < WAIT_MS; waited_ms += STEP_MS)
        usleep(STEP_MS * 1000);
    assert_int_equal(n_pending(), 0);
    assert_asked(2, "SELECT COUNT(*) FROM ledger_entries WHERE transaction_id = %lld", id);
    kill(second, SIGTERM);
    kill(third, SIGTERM);
    assert_int_equal(await_exit(second), 0);
    assert_int_equal(await_exit(third), 0);
}

/* Neither store is there at the start, and both come; then Redis forgets everything. */
static void stores_come_late(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123061203aaa", 2000);
    private_server_stop(&redis_server, SIGTERM);
    pid_t pid = start_instance("5");
    usleep(500000);
    private_server_start_again(&redis_server);
    await_ready(5);
    redis("FLUSHALL");
    publish(help_call("dem20261123061203aaa", 2000, "1", "40000003"));
    await(1, "SELECT state = 'AUTHORISED' FROM transactions WHERE id = %lld", id);
    kill(pid, SIGTERM);
    assert_int_equal(await_exit(pid), 0);
}

static int start_all(void **state)
{
    if (help_start(state))
        return -1;
    private_server_start_redis(&redis_server, "always", NULL);
    smtp_peer_start(&peer, &smtp_script_good, NULL);
    snprintf(config_path, sizeof config_path, "%s/dp.conf", help.server.directory);
    write_config("");
    return 0;
}

static int stop_all(void **state)
{
    smtp_peer_stop(&peer);
    private_server_done(&redis_server);
    return help_stop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_and_configuration),
        cmocka_unit_test(from_stream_to_mail),
        cmocka_unit_test(killed_with_an_entry_in_hand),
        cmocka_unit_test(stores_come_late),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("worker_program", tests, start_all, stop_all);
}
