/* redis: dp-admin's connection to the Redis of the events (hiredis, blocking). */
#ifndef DP_ADMIN_REDIS_H
#define DP_ADMIN_REDIS_H

#include <hiredis/hiredis.h>

#include "common/config.h"

/* Every command has the deadline [redis] timeout_ms. ERR_UNAVAILABLE, said on stderr. The caller frees it with
 * redisFree(). */
int redis_open(const struct config *config, redisContext **ret_redis);

#endif
