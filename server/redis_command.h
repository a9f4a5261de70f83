/* redis_command: a command as Redis reads it (RESP, "Arrays of bulk strings"). hiredis formats each argument through a
 * printf of its own, which was a tenth of what a bank's call costs. */
#ifndef DP_SERVER_REDIS_COMMAND_H
#define DP_SERVER_REDIS_COMMAND_H

#include "common/buf.h"

/* Appends it. */
void redis_command_format(struct buf *out, unsigned argc, const struct str *argv);

#endif
