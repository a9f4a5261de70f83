#include "admin/queue_status.h"

#include <string.h>

#include "admin/admin.h"
#include "admin/redis.h"
#include "common/err.h"
#include "common/event.h"

/* The number under a name in a reply that alternates names and values; `missing` when it is not there. */
static int64_t number_of(const redisReply *reply, const char *name, int64_t missing)
{
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *value = reply->element[i + 1];
        if (reply->element[i]->str && strcmp(reply->element[i]->str, name) == 0)
            return value->type == REDIS_REPLY_INTEGER ? value->integer : missing;
    }
    return missing;
}

static int read_group(redisContext *redis, struct queue_status *status)
{
    redisReply *groups = redisCommand(redis, "XINFO GROUPS %s", EVENT_STREAM);
    int err = !groups ? ERR_UNAVAILABLE : ERR_NOT_FOUND;
    for (size_t i = 0; groups && groups->type == REDIS_REPLY_ARRAY && i < groups->elements; i++) {
        const redisReply *group = groups->element[i];
        if (group->elements < 2 || !group->element[1]->str || strcmp(group->element[1]->str, EVENT_GROUP) != 0)
            continue;
        status->consumers = number_of(group, "consumers", 0);
        status->pending = number_of(group, "pending", 0);
        status->waiting = number_of(group, "lag", -1);
        err = 0;
    }
    freeReplyObject(groups);
    return err;
}

static int read_length(redisContext *redis, struct queue_status *status)
{
    redisReply *reply = redisCommand(redis, "XLEN %s", EVENT_STREAM);
    int err = reply ? 0 : ERR_UNAVAILABLE;
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        status->length = reply->integer;
    freeReplyObject(reply);
    return err;
}

/* Entries come in the order of their ids: the first is the oldest. */
static int read_oldest(redisContext *redis, struct queue_status *status)
{
    redisReply *reply = redisCommand(redis, "XPENDING %s %s - + 1", EVENT_STREAM, EVENT_GROUP);
    int err = reply ? 0 : ERR_UNAVAILABLE;
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 && reply->element[0]->elements == 4)
        status->oldest_ms = reply->element[0]->element[2]->integer;
    freeReplyObject(reply);
    return err;
}

int queue_status_read(const struct config *config, struct queue_status *ret)
{
    struct queue_status status = {0};
    redisContext *redis;
    int err = redis_open(config, &redis);

    if (err)
        return err;
    err = read_length(redis, &status);
    if (!err)
        err = read_group(redis, &status);
    if (!err)
        err = read_oldest(redis, &status);
    if (err == ERR_UNAVAILABLE)
        admin_fail("Redis: %s", redis->err ? redis->errstr : "no answer");
    redisFree(redis);
    if (!err || err == ERR_NOT_FOUND)
        *ret = status;
    return err;
}
