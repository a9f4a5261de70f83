/* program: how dp-server and dp-worker begin: arguments, configuration, log, randomness, time zone. */
#ifndef DP_COMMON_PROGRAM_H
#define DP_COMMON_PROGRAM_H

#include "common/config.h"

enum { EXIT_USAGE = 2 };

struct program {
    const char *config_path;
    struct config *config; /* owned by the caller: config_free() */
    unsigned instance;     /* 0 to 9 */
};

/* Reads "--config FILE [--instance N]" and the file. Exits with 0 on --help, and with EXIT_USAGE and a line on stderr
 * on wrong arguments, a wrong configuration (FILE:LINE) or a time zone that is not installed. Before any thread. */
struct program program_begin(const char *name, const char *usage, int argc, char **argv);

#endif
