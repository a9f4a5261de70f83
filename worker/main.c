/* dp-worker: decides what the bank's calls mean, books them, and sends the mails. One process; its threads share
 * nothing but the drain and the counters: some consumers, one each of the others. Any number of processes on any number
 * of hosts.
 */
#include <errno.h>
#include <mysql.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/crash_point.h"
#include "common/err.h"
#include "common/log.h"
#include "common/program.h"
#include "common/vault.h"
#include "worker/admin_port.h"
#include "worker/bank_query.h"
#include "worker/consumer.h"
#include "worker/janitor.h"
#include "worker/mail_compose.h"
#include "worker/mailer.h"

enum { DRAIN_MAX_S = 9, HOST_SIZE = 64, OTHER_THREADS = 4, THREADS_MAX = OTHER_THREADS + CONFIG_CONSUMERS_MAX };

struct worker {
    struct config *config; /* owned, as the next two */
    struct vault *vault;
    char *smtp_password; /* NULL: no authentication */
    struct drain drain;
    struct metrics metrics;
    char names[CONFIG_CONSUMERS_MAX][STREAM_CONSUMER_SIZE];
    struct consumer_settings consumers[CONFIG_CONSUMERS_MAX];
    int admin_fd;
};

static void *run_consumer(void *arg)
{
    consumer_run(arg);
    return NULL;
}

static void *run_janitor(void *arg)
{
    struct worker *worker = arg;
    struct janitor_settings settings = {worker->config, &worker->drain, &worker->metrics, worker->names[0]};
    janitor_run(&settings);
    return NULL;
}

static void *run_mailer(void *arg)
{
    struct worker *worker = arg;
    struct mailer_settings settings = {worker->config, &worker->drain, &worker->metrics, worker->smtp_password};
    mailer_run(&settings);
    return NULL;
}

static void *run_bank_query(void *arg)
{
    struct worker *worker = arg;
    struct bank_query_settings settings = {worker->config, worker->vault, &worker->drain, &worker->metrics};
    bank_query_run(&settings);
    return NULL;
}

static void *run_admin_port(void *arg)
{
    struct worker *worker = arg;
    admin_port_serve(worker->admin_fd, &worker->metrics, &worker->drain);
    return NULL;
}

static const char usage[] = "usage: dp-worker --config FILE [--instance N]\n"
                            "  --config FILE   the installation's settings (INI)\n"
                            "  --instance N    0 to 9: added to the admin port, part of the consumer's name\n"
                            "  --help          this text\n";

static void refuse_configuration(const char *path, const char *what, int err)
{
    fprintf(stderr, "dp-worker: %s: %s (%s)\n", path, what, err_name(err));
    exit(EXIT_USAGE);
}

/* Exits with EXIT_USAGE and one line that says where the fault is. */
static void read_secrets(struct worker *worker)
{
    const struct config *config = worker->config;
    int err = vault_open(config->security.master_key_file, &worker->vault);
    if (err)
        refuse_configuration(config->security.master_key_file, "the master key cannot be used", err);
    if (config->mail.password_file) {
        err = config_read_secret(config->mail.password_file, &worker->smtp_password);
        if (err)
            refuse_configuration(config->mail.password_file, "the mail password cannot be read", err);
    }
}

static void open_admin_port(struct worker *worker, unsigned instance)
{
    const struct config *config = worker->config;
    unsigned port = config->worker.admin_port + instance;
    int err = admin_port_listen(config->worker.admin_address, port, &worker->admin_fd);
    if (err) {
        fprintf(stderr, "dp-worker: cannot listen on %s port %u: %s\n", config->worker.admin_address, port,
                strerror(errno));
        exit(EXIT_FAILURE);
    }
}

static void set_consumers(struct worker *worker, unsigned instance)
{
    char host[HOST_SIZE];
    if (gethostname(host, sizeof host))
        snprintf(host, sizeof host, "localhost");
    host[sizeof host - 1] = '\0';
    for (unsigned i = 0; i < worker->config->worker.consumers; i++) {
        snprintf(worker->names[i], sizeof worker->names[i], "%s-%d-%u.%u", host, (int)getpid(), instance, i);
        worker->consumers[i] = (struct consumer_settings){worker->config, worker->vault, &worker->drain,
                                                          &worker->metrics, worker->names[i]};
    }
}

/* Before any thread: they inherit the mask, and only main waits for the signals. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void start_thread(pthread_t *thread, void *(*body)(void *), void *arg)
{
    if (pthread_create(thread, NULL, body, arg))
        log_fatal("thread_not_started");
}

/* Returns how many. */
static unsigned start_threads(struct worker *worker, pthread_t threads[THREADS_MAX])
{
    static void *(*const others[OTHER_THREADS])(void *) = {run_janitor, run_mailer, run_bank_query, run_admin_port};
    unsigned n = 0;
    for (unsigned i = 0; i < worker->config->worker.consumers; i++)
        start_thread(&threads[n++], run_consumer, &worker->consumers[i]);
    for (unsigned i = 0; i < OTHER_THREADS; i++)
        start_thread(&threads[n++], others[i], worker);
    return n;
}

/* True when all ended within DRAIN_MAX_S. */
static bool join_threads(const pthread_t *threads, unsigned n_threads)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DRAIN_MAX_S;
    bool all = true;
    for (unsigned i = 0; i < n_threads; i++)
        all = pthread_timedjoin_np(threads[i], NULL, &until) == 0 && all;
    return all;
}

static void free_settings(struct worker *worker)
{
    if (worker->smtp_password) {
        sodium_memzero(worker->smtp_password, strlen(worker->smtp_password));
        free(worker->smtp_password);
    }
    vault_free(worker->vault);
    config_free(worker->config);
}

int main(int argc, char **argv)
{
    static struct worker worker;
    pthread_t threads[THREADS_MAX];
    sigset_t signals;
    int signal_number;
    struct program program = program_begin("dp-worker", usage, argc, argv);
    worker.config = program.config;
    read_secrets(&worker);
    set_consumers(&worker, program.instance);
    open_admin_port(&worker, program.instance);
    mail_compose_init();
    bank_client_init();
    mysql_library_init(0, NULL, NULL);
    drain_init(&worker.drain);
    block_signals(&signals);
    unsigned n_threads = start_threads(&worker, threads);
    sigwait(&signals, &signal_number);
    log_info("drain_begun", LOG_INT("signal", signal_number));
    drain_begin(&worker.drain);
    CRASH_POINT("worker/drain_begun");
    if (!join_threads(threads, n_threads)) {
        /* A thread sits in a call that cannot be cut short. Nothing is lost: its entries stay pending, its mail leased.
         */
        log_warn("drain_cut_short");
        _exit(EXIT_SUCCESS);
    }
    CRASH_POINT("worker/drained");
    log_info("drained");
    drain_done(&worker.drain);
    free_settings(&worker);
    mysql_library_end();
    return EXIT_SUCCESS;
}
