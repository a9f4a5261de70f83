/* private_server: a MariaDB or a Redis of the test's own, on a unix socket in a directory of its own under /tmp.
 *
 * Nothing of the machine's servers is touched; the processes end with the test even when it crashes. A server that does
 * not start aborts the test. */
#ifndef DP_TESTS_PRIVATE_SERVER_H
#define DP_TESTS_PRIVATE_SERVER_H

#include <mysql.h>
#include <stdbool.h>
#include <sys/types.h>

enum { PRIVATE_SERVER_PATH_SIZE = 96 };

struct private_server {
    pid_t pid; /* 0: not running */
    bool is_mariadb;
    char directory[PRIVATE_SERVER_PATH_SIZE];
    char socket[PRIVATE_SERVER_PATH_SIZE];
    const char *appendfsync; /* Redis */
    const char *password;    /* Redis; NULL: none */
};

/* User root without password, database "dp_test". */
void private_server_start_mariadb(struct private_server *server);
/* `appendfsync` is "always" or "everysec"; `password` may be NULL. */
void private_server_start_redis(struct private_server *server, const char *appendfsync, const char *password);

/* SIGTERM or SIGKILL, and waits for its end. The data stays. */
void private_server_stop(struct private_server *server, int signal_number);
void private_server_start_again(struct private_server *server);
/* SIGSTOP and SIGCONT. */
void private_server_pause(const struct private_server *server);
void private_server_resume(const struct private_server *server);
/* Stops it and removes its directory. */
void private_server_done(struct private_server *server);

/* A blocking connection for the test's own statements. */
MYSQL *private_server_connect(const struct private_server *server);
/* Runs one statement or aborts; a first column is read as a number (0 without result). */
long long private_server_query(MYSQL *mysql, const char *sql);

#endif
