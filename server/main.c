/* dp-server: the front process. Reads its configuration, opens the app, runs the loop, drains on SIGTERM. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/err.h"
#include "common/log.h"
#include "common/program.h"
#include "server/app.h"

/* Beside the connections: stores, journal, listeners, refused connections that linger. */
enum { FILES_BESIDE_CONNECTIONS = 1024 };

static const char usage[] =
    "usage: dp-server --config FILE [--instance N]\n"
    "Serves the parents' pages and takes the banks' calls.\n"
    "  --config FILE   the configuration (docs/configuration.md)\n"
    "  --instance N    0 to 9: added to the administration port; several share the public port\n"
    "SIGTERM or SIGINT drains: no request is cut, no event lost. Exit status 0, 1 (cannot start), 2 (usage,\n"
    "configuration, secrets), 3 (told to end, but something hung and was left; what was acknowledged is on disk).\n";

struct signals {
    uv_signal_t term, interrupt;
    struct app *app;
};

static void stop_asked(uv_signal_t *handle, int number)
{
    struct signals *signals = handle->data;
    log_info("server_stopping", LOG_INT("signal", number));
    uv_close((uv_handle_t *)&signals->term, NULL);
    uv_close((uv_handle_t *)&signals->interrupt, NULL);
    signal(SIGTERM, SIG_IGN); /* told twice: the drain goes on; a second Ctrl-C ends it */
    app_close(signals->app);
}

static void watch_signals(struct signals *signals, uv_loop_t *loop, struct app *app)
{
    signals->app = app;
    signals->term.data = signals->interrupt.data = signals;
    uv_signal_init(loop, &signals->term);
    uv_signal_init(loop, &signals->interrupt);
    uv_signal_start(&signals->term, stop_asked, SIGTERM);
    uv_signal_start(&signals->interrupt, stop_asked, SIGINT);
}

/* A connection is a file: without room for all of them, whoever opens many would shut out the stores and the journal.
 */
static void raise_file_limit(const struct config *config)
{
    rlim_t needed = config->listen.connections_max + FILES_BESIDE_CONNECTIONS;
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= needed)
        return;
    files.rlim_cur = files.rlim_max < needed ? files.rlim_max : needed;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur < needed)
        log_warn("file_limit_too_low", LOG_INT("limit", (int64_t)files.rlim_cur), LOG_INT("needed", (int64_t)needed));
}

/* Before the loop waits, the log of its turn is written. */
static void turn_ends(uv_prepare_t *prepare)
{
    (void)prepare;
    log_flush();
}

static void write_log_by_turns(uv_loop_t *loop, uv_prepare_t *prepare)
{
    log_hold();
    uv_prepare_init(loop, prepare);
    uv_prepare_start(prepare, turn_ends);
    uv_unref((uv_handle_t *)prepare);
}

/* What starting again does not mend: see RestartPreventExitStatus in the unit. */
static int exit_status(int err)
{
    if (err == 0)
        return EXIT_SUCCESS;
    return err == ERR_FORBIDDEN || err == ERR_INVALID ? EXIT_USAGE : EXIT_FAILURE;
}

static int serve(const struct program *program)
{
    const struct config *config = program->config;
    struct signals signals;
    struct app app;
    uv_prepare_t prepare;
    uv_loop_t loop;
    int err;

    raise_file_limit(config);
    uv_loop_init(&loop);
    write_log_by_turns(&loop, &prepare);
    err = app_open(&app, &loop, config, program->instance);
    if (err) {
        app_close(&app); /* the reason is in the log; nothing was taken on yet */
    } else {
        watch_signals(&signals, &loop, &app);
        log_info("server_started", LOG_STR("url", config->site.base_url), LOG_INT("port", config->listen.port),
                 LOG_INT("instance", program->instance));
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&prepare, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    log_flush();
    if (uv_loop_close(&loop) != 0)
        log_fatal("handles_left_open");
    return exit_status(err);
}

int main(int argc, char **argv)
{
    struct program program = program_begin("dp-server", usage, argc, argv);
    int status = serve(&program);
    config_free(program.config);
    return status;
}
