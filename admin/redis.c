#include "admin/redis.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "common/err.h"

static struct timeval timeout_of(const struct config *config)
{
    unsigned ms = config->redis.timeout_ms;
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static bool authenticate(redisContext *redis, const char *password_file)
{
    char *password = NULL;
    if (!password_file)
        return true;
    if (config_read_secret(password_file, &password))
        return false;
    redisReply *reply = redisCommand(redis, "AUTH %s", password);
    bool good = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    sodium_memzero(password, strlen(password));
    free(password);
    return good;
}

int redis_open(const struct config *config, redisContext **ret_redis)
{
    const struct config_endpoint *at = &config->redis.events;
    struct timeval timeout = timeout_of(config);
    redisContext *redis = at->socket ? redisConnectUnixWithTimeout(at->socket, timeout)
                                     : redisConnectWithTimeout(at->host, (int)at->port, timeout);
    const char *fault = NULL;

    if (!redis || redis->err)
        fault = redis ? redis->errstr : "out of memory";
    else if (redisSetTimeout(redis, timeout))
        fault = "no deadline can be set";
    else if (!authenticate(redis, config->redis.password_file))
        fault = "the password is refused or its file cannot be read";
    if (fault) {
        admin_fail("no connection to Redis at %s: %s", at->socket ? at->socket : at->host, fault);
        if (redis)
            redisFree(redis);
        return ERR_UNAVAILABLE;
    }
    *ret_redis = redis;
    return 0;
}
