#include "loop/private_server.h"

#include <fcntl.h>
#include <ftw.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_TRIES = 1000, TRY_MS = 10, ARGS_MAX = 24, ARG_SIZE = 160 };

struct arguments {
    char texts[ARGS_MAX][ARG_SIZE];
    unsigned n;
};

static void die(const char *what)
{
    perror(what);
    abort();
}

__attribute__((format(printf, 2, 3))) static void add(struct arguments *arguments, const char *format, ...)
{
    va_list args;
    if (arguments->n == ARGS_MAX)
        die("too many arguments");
    va_start(args, format);
    vsnprintf(arguments->texts[arguments->n++], ARG_SIZE, format, args);
    va_end(args);
}

static void become(const struct private_server *server, struct arguments *arguments)
{
    char *argv[ARGS_MAX + 1] = {NULL};
    char log[ARG_SIZE];

    for (unsigned i = 0; i < arguments->n; i++)
        argv[i] = arguments->texts[i];
    snprintf(log, sizeof log, "%s/log", server->directory);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    setenv("TMPDIR", server->directory, 1); /* two MariaDBs that share one drop each other's temporary tables */
    execvp(argv[0], argv);
    _exit(127);
}

static pid_t spawn(const struct private_server *server, struct arguments *arguments)
{
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0)
        become(server, arguments);
    return pid;
}

static void sleep_ms(unsigned ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static void make_directory(struct private_server *server, const char *name)
{
    snprintf(server->directory, sizeof server->directory, "/tmp/dp-%s-XXXXXX", name);
    if (!mkdtemp(server->directory))
        die("mkdtemp");
    if ((size_t)snprintf(server->socket, sizeof server->socket, "%.80s/sock", server->directory) >=
        sizeof server->socket)
        die("socket path");
}

/* --- MariaDB --- */

static void install_mariadb(const struct private_server *server)
{
    struct arguments arguments = {.n = 0};
    int status;

    add(&arguments, "mariadb-install-db");
    add(&arguments, "--no-defaults");
    add(&arguments, "--datadir=%s/data", server->directory);
    add(&arguments, "--auth-root-authentication-method=normal");
    add(&arguments, "--skip-test-db");
    add(&arguments, "--skip-name-resolve");
    add(&arguments, "--innodb-log-file-size=8M");
    if (geteuid() == 0)
        add(&arguments, "--user=root");
    pid_t pid = spawn(server, &arguments);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("mariadb-install-db");
}

static void spawn_mariadb(struct private_server *server)
{
    struct arguments arguments = {.n = 0};

    add(&arguments, "mariadbd");
    add(&arguments, "--no-defaults");
    add(&arguments, "--datadir=%s/data", server->directory);
    add(&arguments, "--socket=%s", server->socket);
    add(&arguments, "--pid-file=%s/pid", server->directory);
    add(&arguments, "--skip-networking");
    add(&arguments, "--innodb-buffer-pool-size=64M");
    add(&arguments, "--innodb-log-file-size=8M");
    add(&arguments, "--character-set-server=utf8mb4");
    add(&arguments, "--collation-server=utf8mb4_unicode_ci");
    if (geteuid() == 0)
        add(&arguments, "--user=root");
    server->pid = spawn(server, &arguments);
}

static MYSQL *try_connect(const struct private_server *server, const char *database)
{
    MYSQL *mysql = mysql_init(NULL);
    if (mysql_real_connect(mysql, NULL, "root", NULL, database, 0, server->socket, 0))
        return mysql;
    mysql_close(mysql);
    return NULL;
}

static void await_mariadb(const struct private_server *server)
{
    for (unsigned i = 0; i < START_TRIES; i++) {
        MYSQL *mysql = try_connect(server, NULL);
        if (mysql) {
            private_server_query(mysql, "CREATE DATABASE IF NOT EXISTS dp_test");
            mysql_close(mysql);
            return;
        }
        sleep_ms(TRY_MS);
    }
    die("mariadbd did not start");
}

void private_server_start_mariadb(struct private_server *server)
{
    *server = (struct private_server){.is_mariadb = true};
    make_directory(server, "db");
    install_mariadb(server);
    private_server_start_again(server);
}

MYSQL *private_server_connect(const struct private_server *server)
{
    MYSQL *mysql = try_connect(server, "dp_test");
    if (!mysql)
        die("connect");
    return mysql;
}

long long private_server_query(MYSQL *mysql, const char *sql)
{
    long long number = 0;
    if (mysql_query(mysql, sql) != 0) {
        fprintf(stderr, "%s: %s\n", sql, mysql_error(mysql));
        abort();
    }
    MYSQL_RES *result = mysql_store_result(mysql);
    if (!result)
        return 0;
    MYSQL_ROW row = mysql_fetch_row(result);
    if (row && row[0])
        number = strtoll(row[0], NULL, 10);
    mysql_free_result(result);
    return number;
}

/* --- Redis --- */

static void spawn_redis(struct private_server *server)
{
    struct arguments arguments = {.n = 0};

    add(&arguments, "redis-server");
    add(&arguments, "--port");
    add(&arguments, "0");
    add(&arguments, "--unixsocket");
    add(&arguments, "%s", server->socket);
    add(&arguments, "--dir");
    add(&arguments, "%s", server->directory);
    add(&arguments, "--appendonly");
    add(&arguments, "yes");
    add(&arguments, "--appendfsync");
    add(&arguments, "%s", server->appendfsync);
    add(&arguments, "--save");
    add(&arguments, "%s", "");
    if (server->password) {
        add(&arguments, "--requirepass");
        add(&arguments, "%s", server->password);
    }
    server->pid = spawn(server, &arguments);
}

static bool answers_redis(const struct private_server *server)
{
    redisContext *context = redisConnectUnix(server->socket);
    redisReply *reply = context && !context->err ? redisCommand(context, "PING") : NULL;
    /* While loading it answers an error that is not about the password. */
    bool answers = reply && (reply->type == REDIS_REPLY_STATUS || strncmp(reply->str, "NOAUTH", 6) == 0);

    if (reply)
        freeReplyObject(reply);
    if (context)
        redisFree(context);
    return answers;
}

static void await_redis(const struct private_server *server)
{
    for (unsigned i = 0; i < START_TRIES; i++) {
        if (answers_redis(server))
            return;
        sleep_ms(TRY_MS);
    }
    die("redis-server did not start");
}

void private_server_start_redis(struct private_server *server, const char *appendfsync, const char *password)
{
    *server = (struct private_server){.appendfsync = appendfsync, .password = password};
    make_directory(server, "redis");
    private_server_start_again(server);
}

/* --- both --- */

void private_server_start_again(struct private_server *server)
{
    if (server->is_mariadb) {
        spawn_mariadb(server);
        await_mariadb(server);
    } else {
        spawn_redis(server);
        await_redis(server);
    }
}

void private_server_stop(struct private_server *server, int signal_number)
{
    if (server->pid == 0)
        return;
    kill(server->pid, signal_number);
    if (waitpid(server->pid, NULL, 0) != server->pid)
        die("waitpid");
    server->pid = 0;
}

void private_server_pause(const struct private_server *server)
{
    kill(server->pid, SIGSTOP);
}

void private_server_resume(const struct private_server *server)
{
    kill(server->pid, SIGCONT);
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

void private_server_done(struct private_server *server)
{
    private_server_stop(server, SIGKILL);
    nftw(server->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
