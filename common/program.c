#include "common/program.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "common/crash_point.h"
#include "common/log.h"
#include "common/rand.h"

enum { INSTANCE_MAX = 9, ERROR_SIZE = 1024 };

static int64_t read_instance(const char *text)
{
    int64_t instance;
    return str_to_u63(str_from(text), &instance) == 0 && instance <= INSTANCE_MAX ? instance : -1;
}

static struct program read_arguments(const char *usage, int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"instance", required_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct program program = {0};
    int64_t instance = 0;
    int letter;

    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (letter == 'c')
            program.config_path = optarg;
        else if (letter == 'i')
            instance = read_instance(optarg);
        else
            break;
        if (instance < 0)
            break;
    }
    if (letter == 'h') {
        fputs(usage, stdout);
        exit(EXIT_SUCCESS);
    }
    if (letter != -1 || !program.config_path || optind != argc) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
    program.instance = (unsigned)instance;
    return program;
}

struct program program_begin(const char *name, const char *usage, int argc, char **argv)
{
    struct program program = read_arguments(usage, argc, argv);
    char error[ERROR_SIZE];

    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* no core file holds a key */
    signal(SIGXFSZ, SIG_IGN);                       /* a limit on files is an ordinary write error */
    log_init(name, LOG_LEVEL_INFO);
    crash_points_begin();
    rand_init();
    if (config_load(program.config_path, &program.config, error, sizeof error)) {
        fprintf(stderr, "%s: %s\n", name, error);
        exit(EXIT_USAGE);
    }
    log_init(name, program.config->site.log_level);
    if (clock_set_zone(program.config->site.timezone)) {
        fprintf(stderr, "%s: %s: [site] timezone \"%s\" is not installed\n", name, program.config_path,
                program.config->site.timezone);
        exit(EXIT_USAGE);
    }
    return program;
}
