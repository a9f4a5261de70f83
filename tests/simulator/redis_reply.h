/* redis_reply: makes replies as hiredis gives them. */
#ifndef DP_SIMULATOR_REDIS_REPLY_H
#define DP_SIMULATOR_REDIS_REPLY_H

#include <hiredis/hiredis.h>

#include "common/str.h"

redisReply *reply_text(struct str text);
redisReply *reply_status(const char *text);
redisReply *reply_error(const char *text);
redisReply *reply_integer(long long number);
redisReply *reply_nil(void);
/* Room for n; elements NULL. */
redisReply *reply_array(size_t n);

#endif
