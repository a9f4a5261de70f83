/* dp-worker: decides what the bank's calls mean, books them, and sends the mails. One process, four threads that share
 * nothing but the drain and the counters; any number of processes on any number of hosts. */
#include <errno.h>
#include <getopt.h>
#include <mysql.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/err.h"
#include "common/log.h"
#include "common/rand.h"
#include "common/vault.h"
#include "worker/admin_port.h"
#include "worker/consumer.h"
#include "worker/janitor.h"
#include "worker/mail_compose.h"
#include "worker/mailer.h"

enum { EXIT_USAGE = 2, DRAIN_MAX_S = 9, INSTANCE_MAX = 9, ERROR_SIZE = 512, HOST_SIZE = 64, THREADS = 4 };

struct options {
    const char *config_path;
    unsigned instance;
};

struct worker {
    struct config *config; /* owned, as the next two */
    struct vault *vault;
    char *smtp_password; /* NULL: no authentication */
    struct drain drain;
    struct metrics metrics;
    char name[STREAM_CONSUMER_SIZE];
    int admin_fd;
};

static void *run_consumer(void *arg)
{
    struct worker *worker = arg;
    struct consumer_settings settings = {worker->config, worker->vault, &worker->drain, &worker->metrics, worker->name};
    consumer_run(&settings);
    return NULL;
}

static void *run_janitor(void *arg)
{
    struct worker *worker = arg;
    struct janitor_settings settings = {worker->config, &worker->drain, &worker->metrics, worker->name};
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

static void *run_admin_port(void *arg)
{
    struct worker *worker = arg;
    admin_port_serve(worker->admin_fd, &worker->metrics, &worker->drain);
    return NULL;
}

static void print_usage(FILE *out)
{
    fputs("usage: dp-worker --config FILE [--instance N]\n"
          "  --config FILE   the installation's settings (INI)\n"
          "  --instance N    0 to 9: added to the admin port, part of the consumer's name\n"
          "  --help          this text\n",
          out);
}

/* Exits on --help and on wrong arguments. */
static struct options read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"instance", required_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct options options = {0};
    int64_t instance = 0;
    int letter;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (letter == 'c') {
            options.config_path = optarg;
        } else if (letter == 'i' && str_to_u63(str_from(optarg), &instance) == 0 && instance <= INSTANCE_MAX) {
            options.instance = (unsigned)instance;
        } else {
            print_usage(letter == 'h' ? stdout : stderr);
            exit(letter == 'h' ? EXIT_SUCCESS : EXIT_USAGE);
        }
    }
    if (!options.config_path || optind != argc) {
        print_usage(stderr);
        exit(EXIT_USAGE);
    }
    return options;
}

static enum log_level log_level_from_name(const char *name)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++) {
        if (name && str_eq_text(str_from(name), names[i]))
            return (enum log_level)i;
    }
    return LOG_LEVEL_INFO;
}

static void refuse_configuration(const char *path, const char *what, int err)
{
    fprintf(stderr, "%s: %s (%s)\n", path, what, err_name(err));
    exit(EXIT_USAGE);
}

/* Exits with EXIT_USAGE and one line that says where the fault is. */
static void load_settings(struct worker *worker, const struct options *options)
{
    char error[ERROR_SIZE];
    if (config_load(options->config_path, &worker->config, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        exit(EXIT_USAGE);
    }
    const struct config *config = worker->config;
    int err = clock_set_zone(config->site.timezone);
    if (err)
        refuse_configuration(options->config_path, "[site] timezone is not installed", err);
    err = vault_open(config->security.master_key_file, &worker->vault);
    if (err)
        refuse_configuration(config->security.master_key_file, "the master key cannot be used", err);
    if (config->mail.password_file && *config->mail.password_file) {
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
        fprintf(stderr, "cannot listen on %s port %u: %s\n", config->worker.admin_address, port, strerror(errno));
        exit(EXIT_FAILURE);
    }
}

static void name_consumer(struct worker *worker, unsigned instance)
{
    char host[HOST_SIZE];
    if (gethostname(host, sizeof host))
        snprintf(host, sizeof host, "localhost");
    host[sizeof host - 1] = '\0';
    snprintf(worker->name, sizeof worker->name, "%s-%d-%u", host, (int)getpid(), instance);
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

static void start_threads(struct worker *worker, pthread_t threads[THREADS])
{
    static void *(*const bodies[THREADS])(void *) = {run_consumer, run_janitor, run_mailer, run_admin_port};
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, bodies[i], worker))
            log_fatal("thread_not_started");
    }
}

/* True when all ended within DRAIN_MAX_S. */
static bool join_threads(pthread_t threads[THREADS])
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DRAIN_MAX_S;
    bool all = true;
    for (int i = 0; i < THREADS; i++)
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
    pthread_t threads[THREADS];
    sigset_t signals;
    int signal_number;
    struct options options = read_options(argc, argv);
    rand_init();
    load_settings(&worker, &options);
    log_init("dp-worker", log_level_from_name(worker.config->site.log_level));
    name_consumer(&worker, options.instance);
    open_admin_port(&worker, options.instance);
    mail_compose_init();
    mysql_library_init(0, NULL, NULL);
    drain_init(&worker.drain);
    block_signals(&signals);
    start_threads(&worker, threads);
    sigwait(&signals, &signal_number);
    log_info("drain_begun", LOG_INT("signal", signal_number));
    drain_begin(&worker.drain);
    if (!join_threads(threads)) {
        /* A thread sits in a call that cannot be cut short. Nothing is lost: its entries stay pending, its mail leased.
         */
        log_warn("drain_cut_short");
        _exit(EXIT_SUCCESS);
    }
    log_info("drained");
    drain_done(&worker.drain);
    free_settings(&worker);
    mysql_library_end();
    return EXIT_SUCCESS;
}
