/* dp-admin: the operator's and installer's command line. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "admin/admin.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/rand.h"

static const struct command *const commands[] = {
    &command_secrets,      &command_migrate, &command_import,   &command_user,    &command_school, &command_review,
    &command_dead_letters, &command_mails,   &command_journals, &command_compare, &command_status,
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

int admin_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("dp-admin: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return EXIT_FAILED;
}

int admin_usage(const struct command *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "dp-admin %s: ", command->name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nusage: dp-admin --config FILE %s %s\n", command->name, command->usage);
    va_end(args);
    return EXIT_USAGE;
}

static void print_help(FILE *out)
{
    fputs("usage: dp-admin --config FILE COMMAND …    (dp-admin COMMAND --help says more)\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %s %s\n", commands[i]->name, commands[i]->usage);
    fputs("\nExit status: 0 done, 1 failed, 2 wrong usage or configuration.\n", out);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return true;
    }
    return false;
}

static int run_with_config(const struct command *command, const char *path, int argc, char **argv)
{
    struct config *config;
    char error[1024];

    if (!path)
        return admin_usage(command, "--config FILE is missing");
    if (config_load(path, &config, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        return EXIT_USAGE;
    }
    int status = EXIT_USAGE;
    if (clock_set_zone(config->site.timezone))
        fprintf(stderr, "%s: [site] timezone \"%s\" is not installed\n", path, config->site.timezone);
    else
        status = command->run(config, argc, argv);
    config_free(config);
    return status;
}

static int run_command(const char *path, int argc, char **argv)
{
    const struct command *command = find_command(argv[0]);
    if (!command) {
        fprintf(stderr, "dp-admin: there is no command \"%s\"\n", argv[0]);
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (asks_for_help(argc - 1, argv + 1)) {
        printf("usage: dp-admin --config FILE %s %s\n\n%s", command->name, command->usage, command->help);
        return EXIT_OK;
    }
    if (command->without_config)
        return command->run(NULL, argc - 1, argv + 1);
    return run_with_config(command, path, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    int at = 1;

    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* no core file holds a key */
    log_init("dp-admin", LOG_LEVEL_WARN);
    rand_init();
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2 && strcmp(argv[1], "--config") == 0) {
        path = argv[2];
        at = 3;
    }
    if (at < argc && strcmp(argv[at], "--help") == 0) {
        print_help(stdout);
        return EXIT_OK;
    }
    if (at >= argc) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    int status = run_command(path, argc - at, argv + at);
    if (fflush(stdout) && status == EXIT_OK)
        return admin_fail("the output could not be written");
    return status;
}
