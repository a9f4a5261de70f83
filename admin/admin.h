/* admin: what the sub-commands of dp-admin share. */
#ifndef DP_ADMIN_ADMIN_H
#define DP_ADMIN_ADMIN_H

#include "common/config.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* The arguments after the command's name, ended by NULL. Prints results on stdout and faults on stderr. */
typedef int (*command_cb)(const struct config *config, int argc, char **argv);

struct command {
    const char *name;
    const char *usage; /* what follows the name */
    const char *help;
    bool without_config;
    command_cb run;
};

extern const struct command command_migrate, command_import, command_user, command_review, command_status,
    command_secrets, command_dead_letters, command_mails, command_school, command_journals, command_compare;

/* "dp-admin: …" on stderr; returns EXIT_FAILED. */
int admin_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What is wrong with the arguments, and the command's usage; returns EXIT_USAGE. */
int admin_usage(const struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
