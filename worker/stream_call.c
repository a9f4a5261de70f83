#include "worker/stream_call.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/crash_point.h"
#include "common/err.h"
#include "common/event.h"
#include "common/heap.h"
#include "common/log.h"

enum { ERROR_SIZE = 256, MS_PER_S = 1000, US_PER_MS = 1000 };

struct stream {
    const struct config *config; /* borrowed */
    redisContext *redis;         /* owned; NULL while not connected */
    char consumer[STREAM_CONSUMER_SIZE];
    char error[ERROR_SIZE];
};

struct stream *stream_new(const struct config *config, const char *consumer)
{
    struct stream *stream = HEAP_NEW(struct stream);
    stream->config = config;
    snprintf(stream->consumer, sizeof stream->consumer, "%s", consumer);
    return stream;
}

static void disconnect(struct stream *stream)
{
    if (stream->redis)
        redisFree(stream->redis);
    stream->redis = NULL;
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    disconnect(stream);
    free(stream);
}

bool stream_connected(const struct stream *stream)
{
    return stream->redis != NULL;
}

const char *stream_error(const struct stream *stream)
{
    return stream->error;
}

int stream_fail(struct stream *stream, int err, const char *text)
{
    snprintf(stream->error, sizeof stream->error, "%s", text);
    if (err == ERR_UNAVAILABLE)
        disconnect(stream);
    return err;
}

static struct timeval timeval_of(unsigned ms)
{
    return (struct timeval){.tv_sec = ms / MS_PER_S, .tv_usec = (ms % MS_PER_S) * US_PER_MS};
}

static int authenticate(struct stream *stream)
{
    char *password;
    if (!stream->config->redis.password_file)
        return 0;
    if (config_read_secret(stream->config->redis.password_file, &password))
        return stream_fail(stream, ERR_UNAVAILABLE, "cannot read the password file of Redis");
    redisReply *reply = redisCommand(stream->redis, "AUTH %s", password);
    sodium_memzero(password, strlen(password));
    free(password);
    bool ok = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return ok ? 0 : stream_fail(stream, ERR_UNAVAILABLE, "Redis refused the password");
}

static int ensure_connection(struct stream *stream)
{
    const struct config_endpoint *at = &stream->config->redis.events;
    struct timeval limit = timeval_of(stream->config->redis.timeout_ms);
    if (stream->redis)
        return 0;
    stream->redis = at->socket ? redisConnectUnixWithTimeout(at->socket, limit)
                               : redisConnectWithTimeout(at->host, (int)at->port, limit);
    if (!stream->redis)
        log_fatal("out_of_memory");
    if (stream->redis->err)
        return stream_fail(stream, ERR_UNAVAILABLE, stream->redis->errstr);
    return authenticate(stream);
}

void stream_add(struct stream_command *command, struct str word)
{
    if (command->count == command->max)
        log_fatal("redis_command_too_long");
    command->words[command->count] = word.ptr ? word.ptr : "";
    command->lens[command->count++] = word.len;
}

void stream_add_texts(struct stream_command *command, const char *const *texts, size_t n_texts)
{
    for (size_t i = 0; i < n_texts; i++)
        stream_add(command, str_from(texts[i]));
}

/* A server that loads its data, lost its master or fills its disk is as good as away. */
static int class_of(struct str error)
{
    static const struct {
        const char *prefix;
        int err;
    } classes[] = {
        {"NOGROUP", ERR_NOT_FOUND},      {"ERR no such key", ERR_NOT_FOUND}, {"LOADING", ERR_UNAVAILABLE},
        {"MASTERDOWN", ERR_UNAVAILABLE}, {"READONLY", ERR_UNAVAILABLE},      {"MISCONF", ERR_UNAVAILABLE},
        {"OOM", ERR_UNAVAILABLE},        {"NOAUTH", ERR_UNAVAILABLE},        {"BUSY ", ERR_UNAVAILABLE},
        {"NOREPLICAS", ERR_UNAVAILABLE},
    };
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (str_starts_with(error, str_from(classes[i].prefix)))
            return classes[i].err;
    }
    return ERR_INTERNAL;
}

int stream_exchange(struct stream *stream, const struct stream_command *command, unsigned block_ms, redisReply **ret)
{
    int err = ensure_connection(stream);
    if (err)
        return err;
    redisSetTimeout(stream->redis, timeval_of(stream->config->redis.timeout_ms + block_ms));
    redisReply *reply = redisCommandArgv(stream->redis, (int)command->count, command->words, command->lens);
    if (!reply)
        return stream_fail(stream, ERR_UNAVAILABLE, stream->redis->errstr);
    if (reply->type == REDIS_REPLY_ERROR) {
        err = stream_fail(stream, class_of(str_from(reply->str)), reply->str);
        freeReplyObject(reply);
        return err;
    }
    *ret = reply;
    return 0;
}

static int create_group(struct stream *stream)
{
    redisReply *reply = NULL;
    STREAM_COMMAND(command, STREAM_WORDS_MAX);
    STREAM_ADD(&command, "XGROUP", "CREATE", EVENT_STREAM, EVENT_GROUP, "0", "MKSTREAM");
    int err = stream_exchange(stream, &command, 0, &reply);
    CRASH_POINT("worker/group_created");
    if (!err)
        freeReplyObject(reply);
    else if (err == ERR_INTERNAL && str_starts_with(str_from(stream->error), STR("BUSYGROUP")))
        err = 0; /* another worker was quicker */
    if (!err)
        log_warn("stream_group_created", LOG_STR("group", EVENT_GROUP));
    return err;
}

/* Sends; makes the group when it is missing, then once more. */
int stream_call(struct stream *stream, const struct stream_command *command, unsigned block_ms, redisReply **ret)
{
    int err = stream_exchange(stream, command, block_ms, ret);
    if (err == ERR_NOT_FOUND) {
        err = create_group(stream);
        if (!err)
            err = stream_exchange(stream, command, block_ms, ret);
    }
    return err == ERR_NOT_FOUND ? ERR_UNAVAILABLE : err;
}

bool stream_is_array(const redisReply *reply, size_t n_min)
{
    return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements >= n_min;
}

struct str stream_text(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)
        return STR_NULL;
    return str_slice(reply->str, reply->len);
}

struct stream_id stream_id_parse(struct str text)
{
    char copy[STREAM_ID_SIZE];
    struct stream_id id = {0, 0};
    snprintf(copy, sizeof copy, "%.*s", STR_ARG(text));
    char *end = copy;
    id.ms = strtoull(copy, &end, 10);
    if (*end == '-')
        id.sequence = strtoull(end + 1, NULL, 10);
    return id;
}

int stream_id_compare(struct stream_id a, struct stream_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return a.sequence == b.sequence ? 0 : a.sequence < b.sequence ? -1 : 1;
}

const char *stream_own_name(const struct stream *stream)
{
    return stream->consumer;
}
