/* The group as a whole: how far it is, what it has finished, who is in it. */
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/event.h"
#include "worker/stream_call.h"

/* The value after `name` in a reply of alternating names and values; NULL when absent. */
static const redisReply *member(const redisReply *map, const char *name)
{
    for (size_t i = 0; map->type == REDIS_REPLY_ARRAY && i + 1 < map->elements; i += 2) {
        if (str_eq_text(stream_text(map->element[i]), name))
            return map->element[i + 1];
    }
    return NULL;
}

static int64_t number_member(const redisReply *map, const char *name)
{
    const redisReply *value = member(map, name);
    return value && value->type == REDIS_REPLY_INTEGER ? value->integer : -1;
}

static int read_groups(struct stream *stream, redisReply **ret)
{
    STREAM_COMMAND(command, STREAM_WORDS_MAX);
    STREAM_ADD(&command, "XINFO", "GROUPS", EVENT_STREAM);
    return stream_call(stream, &command, 0, ret);
}

int stream_delivered(struct stream *stream, char ret_id[STREAM_ID_SIZE])
{
    redisReply *reply;
    int err = read_groups(stream, &reply);
    if (err)
        return err;
    snprintf(ret_id, STREAM_ID_SIZE, "0-0");
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *name = member(reply->element[i], "name");
        const redisReply *last = member(reply->element[i], "last-delivered-id");
        if (name && last && str_eq_text(stream_text(name), EVENT_GROUP))
            snprintf(ret_id, STREAM_ID_SIZE, "%.*s", STR_ARG(stream_text(last)));
    }
    freeReplyObject(reply);
    return 0;
}

int stream_lag(struct stream *stream, int64_t *ret_pending, int64_t *ret_undelivered)
{
    redisReply *reply;
    int err = read_groups(stream, &reply);
    if (err)
        return err;
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *name = member(reply->element[i], "name");
        if (!name || !str_eq_text(stream_text(name), EVENT_GROUP))
            continue;
        *ret_pending = number_member(reply->element[i], "pending");
        *ret_undelivered = number_member(reply->element[i], "lag");
    }
    freeReplyObject(reply);
    return 0;
}

static void keep_lower(struct stream_id *bound, struct stream_id id)
{
    if (stream_id_compare(id, *bound) < 0)
        *bound = id;
}

/* Lowers the bound to the first entry that the group has delivered and nobody has acknowledged. */
static int bound_by_pending(struct stream *stream, struct str group, struct stream_id *bound)
{
    redisReply *reply;
    STREAM_COMMAND(command, STREAM_WORDS_MAX);
    STREAM_ADD(&command, "XPENDING", EVENT_STREAM);
    stream_add(&command, group);
    int err = stream_exchange(stream, &command, 0, &reply);
    if (err)
        return err;
    if (stream_is_array(reply, 2) && reply->element[0]->integer > 0)
        keep_lower(bound, stream_id_parse(stream_text(reply->element[1])));
    freeReplyObject(reply);
    return 0;
}

/* Without our own group nothing was ever delivered: the bound is then 0-0. */
static int bound_by_groups(struct stream *stream, struct stream_id *bound)
{
    bool ours = false;
    redisReply *groups;
    int err = read_groups(stream, &groups);
    if (err)
        return err;
    for (size_t i = 0; !err && i < groups->elements; i++) {
        const redisReply *name = member(groups->element[i], "name");
        const redisReply *last = member(groups->element[i], "last-delivered-id");
        if (!name || !last) {
            err = stream_fail(stream, ERR_INTERNAL, "XINFO GROUPS without a group's name or last id");
            break;
        }
        ours = ours || str_eq_text(stream_text(name), EVENT_GROUP);
        keep_lower(bound, stream_id_parse(stream_text(last)));
        err = bound_by_pending(stream, stream_text(name), bound);
    }
    freeReplyObject(groups);
    if (!ours)
        *bound = (struct stream_id){0, 0};
    return err;
}

int stream_trim(struct stream *stream, int64_t before_ms, int64_t *ret_removed)
{
    struct stream_id bound = {(uint64_t)before_ms, 0};
    char bound_text[STREAM_ID_SIZE];
    redisReply *reply;
    STREAM_COMMAND(command, STREAM_WORDS_MAX);
    int err = bound_by_groups(stream, &bound);
    if (err)
        return err;
    snprintf(bound_text, sizeof bound_text, "%llu-%llu", (unsigned long long)bound.ms,
             (unsigned long long)bound.sequence);
    STREAM_ADD(&command, "XTRIM", EVENT_STREAM, "MINID", bound_text);
    err = stream_exchange(stream, &command, 0, &reply);
    if (err)
        return err;
    *ret_removed = reply->integer;
    freeReplyObject(reply);
    return 0;
}

int stream_consumers(struct stream *stream, struct arena *arena, const struct stream_consumer **ret, size_t *ret_count)
{
    redisReply *reply;
    STREAM_COMMAND(command, STREAM_WORDS_MAX);
    STREAM_ADD(&command, "XINFO", "CONSUMERS", EVENT_STREAM, EVENT_GROUP);
    int err = stream_call(stream, &command, 0, &reply);
    if (err)
        return err;
    struct stream_consumer *consumers = ARENA_ARRAY(arena, reply->elements, struct stream_consumer);
    size_t count = 0;
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *name = member(reply->element[i], "name");
        if (name)
            consumers[count++] = (struct stream_consumer){arena_str(arena, stream_text(name)),
                                                          number_member(reply->element[i], "pending"),
                                                          number_member(reply->element[i], "idle")};
    }
    freeReplyObject(reply);
    *ret = consumers;
    *ret_count = count;
    return 0;
}

int stream_delete_consumer(struct stream *stream, struct str name, int64_t *ret_lost)
{
    redisReply *reply;
    STREAM_COMMAND(command, STREAM_WORDS_MAX);
    STREAM_ADD(&command, "XGROUP", "DELCONSUMER", EVENT_STREAM, EVENT_GROUP);
    stream_add(&command, name);
    int err = stream_exchange(stream, &command, 0, &reply);
    if (err)
        return err;
    *ret_lost = reply->integer;
    freeReplyObject(reply);
    return 0;
}
