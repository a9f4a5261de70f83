/* dp-server: the front process. Reads its configuration, opens the app, runs the loop, drains on SIGTERM. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/rand.h"
#include "server/app.h"

enum { EXIT_USAGE = 2, INSTANCE_MAX = 9 };

static const char usage[] =
    "usage: dp-server --config FILE [--instance N]\n"
    "Serves the parents' pages and takes the banks' calls.\n"
    "  --config FILE   the configuration (docs/configuration.md)\n"
    "  --instance N    0 to 9: added to the administration port; several share the public port\n"
    "SIGTERM or SIGINT drains: no request is cut, no event lost. Exit status 0, 1 (cannot start), 2 (usage,\n"
    "configuration).\n";

struct options {
    const char *config_path;
    unsigned instance;
};

static int read_options(int argc, char **argv, struct options *ret)
{
    static const struct option names[] = {
        {"config", required_argument, NULL, 'c'},
        {"instance", required_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int64_t instance = 0;
    int name;

    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (name == 'c') {
            ret->config_path = optarg;
        } else if (name == 'i') {
            if (str_to_u63(str_from(optarg), &instance) != 0 || instance > INSTANCE_MAX)
                return ERR_INVALID;
        } else if (name == 'h') {
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        } else {
            return ERR_INVALID;
        }
    }
    ret->instance = (unsigned)instance;
    return ret->config_path && optind == argc ? 0 : ERR_INVALID;
}

static enum log_level level_of(const struct config *config)
{
    return str_eq_text(STR("debug"), config->site.log_level) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

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

static int serve(const struct config *config, const struct options *options)
{
    struct signals signals;
    struct app app;
    uv_loop_t loop;
    int err;

    uv_loop_init(&loop);
    err = app_open(&app, &loop, config, options->instance);
    if (err) {
        app_close(&app); /* the reason is in the log; nothing was taken on yet */
    } else {
        watch_signals(&signals, &loop, &app);
        log_info("server_started", LOG_STR("url", config->site.base_url), LOG_INT("port", config->listen.port),
                 LOG_INT("instance", options->instance));
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&loop) != 0)
        log_fatal("handles_left_open");
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct config *config;
    char error[512];
    int status;

    if (read_options(argc, argv, &options) != 0) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    log_init("dp-server", LOG_LEVEL_INFO);
    rand_init();
    if (config_load(options.config_path, &config, error, sizeof error) != 0) {
        fprintf(stderr, "dp-server: %s\n", error);
        return EXIT_USAGE;
    }
    log_init("dp-server", level_of(config));
    if (clock_set_zone(config->site.timezone) != 0) {
        fprintf(stderr, "dp-server: no such time zone: %s\n", config->site.timezone);
        config_free(config);
        return EXIT_USAGE;
    }
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* no core file holds a key */
    signal(SIGXFSZ, SIG_IGN);                       /* a limit on files is the journal's ordinary write error */
    status = serve(config, &options);
    config_free(config);
    return status;
}
