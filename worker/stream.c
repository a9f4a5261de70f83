#include "worker/stream.h"

#include <hiredis/hiredis.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/event.h"
#include "common/log.h"

enum { ERROR_SIZE = 256, MS_PER_S = 1000, US_PER_MS = 1000, WORDS_MAX = 16 };

struct stream {
    const struct config *config; /* borrowed */
    redisContext *redis;         /* owned; NULL while not connected */
    char consumer[STREAM_CONSUMER_SIZE];
    char error[ERROR_SIZE];
};

struct stream *stream_new(const struct config *config, const char *consumer)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        log_fatal("out_of_memory");
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

static int fail(struct stream *stream, int err, const char *text)
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
        return fail(stream, ERR_UNAVAILABLE, "cannot read the password file of Redis");
    redisReply *reply = redisCommand(stream->redis, "AUTH %s", password);
    sodium_memzero(password, strlen(password));
    free(password);
    bool ok = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return ok ? 0 : fail(stream, ERR_UNAVAILABLE, "Redis refused the password");
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
        return fail(stream, ERR_UNAVAILABLE, stream->redis->errstr);
    return authenticate(stream);
}

/* A command's words: texts that the caller keeps until it is sent. */
struct command {
    const char **words;
    size_t *lens;
    size_t count, max;
};

static void add(struct command *command, struct str word)
{
    if (command->count == command->max)
        log_fatal("redis_command_too_long");
    command->words[command->count] = word.ptr ? word.ptr : "";
    command->lens[command->count++] = word.len;
}

#define COMMAND(name, size)         \
    const char *name##_words[size]; \
    size_t name##_lens[size];       \
    struct command name = {name##_words, name##_lens, 0, (size)}

static void add_texts(struct command *command, const char *const *texts, size_t n_texts)
{
    for (size_t i = 0; i < n_texts; i++)
        add(command, str_from(texts[i]));
}

#define ADD(command, ...)                                    \
    add_texts((command), (const char *const[]){__VA_ARGS__}, \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static int exchange(struct stream *stream, const struct command *command, unsigned block_ms, redisReply **ret)
{
    int err = ensure_connection(stream);
    if (err)
        return err;
    redisSetTimeout(stream->redis, timeval_of(stream->config->redis.timeout_ms + block_ms));
    redisReply *reply = redisCommandArgv(stream->redis, (int)command->count, command->words, command->lens);
    if (!reply)
        return fail(stream, ERR_UNAVAILABLE, stream->redis->errstr);
    if (reply->type == REDIS_REPLY_ERROR) {
        err = str_starts_with(str_from(reply->str), STR("NOGROUP")) ? ERR_NOT_FOUND : ERR_INTERNAL;
        /* A server that loads its data, lost its master or fills its disk: as good as away. */
        static const char *const away[] = {"LOADING", "MASTERDOWN", "READONLY", "MISCONF", "OOM", "NOAUTH", "BUSY"};
        for (size_t i = 0; i < sizeof away / sizeof away[0]; i++) {
            if (str_starts_with(str_from(reply->str), str_from(away[i])))
                err = ERR_UNAVAILABLE;
        }
        fail(stream, err, reply->str);
        freeReplyObject(reply);
        return err;
    }
    *ret = reply;
    return 0;
}

static int create_group(struct stream *stream)
{
    redisReply *reply;
    COMMAND(command, WORDS_MAX);
    ADD(&command, "XGROUP", "CREATE", EVENT_STREAM, EVENT_GROUP, "0", "MKSTREAM");
    int err = exchange(stream, &command, 0, &reply);
    if (!err)
        freeReplyObject(reply);
    else if (err == ERR_INTERNAL && str_starts_with(str_from(stream->error), STR("BUSYGROUP")))
        err = 0; /* another worker was quicker */
    if (!err)
        log_warn("stream_group_created", LOG_STR("group", EVENT_GROUP));
    return err;
}

/* Sends; makes the group when it is missing, then once more. */
static int call(struct stream *stream, const struct command *command, unsigned block_ms, redisReply **ret)
{
    int err = exchange(stream, command, block_ms, ret);
    bool missing = err == ERR_NOT_FOUND || (err == ERR_INTERNAL && strstr(stream->error, "no such key"));
    if (missing) {
        err = create_group(stream);
        if (!err)
            err = exchange(stream, command, block_ms, ret);
    }
    return err == ERR_NOT_FOUND ? ERR_UNAVAILABLE : err;
}

static bool is_array(const redisReply *reply, size_t n_min)
{
    return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements >= n_min;
}

static struct str text_of(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)
        return STR_NULL;
    return str_slice(reply->str, reply->len);
}

static struct stream_entry copy_entry(const redisReply *reply, struct arena *arena)
{
    const redisReply *fields = reply->element[1];
    size_t n_fields = fields->type == REDIS_REPLY_ARRAY ? fields->elements : 0;
    struct str *copies = ARENA_ARRAY(arena, n_fields, struct str);
    for (size_t i = 0; i < n_fields; i++)
        copies[i] = arena_str(arena, text_of(fields->element[i]));
    return (struct stream_entry){arena_str(arena, text_of(reply->element[0])), copies, n_fields, 1};
}

/* An entry whose fields are nil was deleted while pending. */
static void copy_entries(const redisReply *list, struct arena *arena, struct stream_entries *ret)
{
    struct stream_entry *items = ARENA_ARRAY(arena, list->elements, struct stream_entry);
    struct str *deleted = ARENA_ARRAY(arena, list->elements, struct str);
    *ret = (struct stream_entries){.items = items, .deleted = deleted};
    for (size_t i = 0; i < list->elements; i++) {
        const redisReply *entry = list->element[i];
        if (!is_array(entry, 2))
            continue;
        if (entry->element[1]->type == REDIS_REPLY_ARRAY)
            items[ret->count++] = copy_entry(entry, arena);
        else
            deleted[ret->n_deleted++] = arena_str(arena, text_of(entry->element[0]));
    }
}

static int read_group(struct stream *stream, struct str after_id, size_t count, unsigned block_ms, struct arena *arena,
                      struct stream_entries *ret)
{
    char count_text[24], block_text[24];
    redisReply *reply;
    COMMAND(command, WORDS_MAX);
    snprintf(count_text, sizeof count_text, "%zu", count);
    snprintf(block_text, sizeof block_text, "%u", block_ms);
    ADD(&command, "XREADGROUP", "GROUP", EVENT_GROUP, stream->consumer, "COUNT", count_text);
    if (block_ms)
        ADD(&command, "BLOCK", block_text);
    ADD(&command, "STREAMS", EVENT_STREAM);
    add(&command, after_id);
    int err = call(stream, &command, block_ms, &reply);
    if (err)
        return err;
    *ret = (struct stream_entries){0};
    if (is_array(reply, 1) && is_array(reply->element[0], 2) && is_array(reply->element[0]->element[1], 0))
        copy_entries(reply->element[0]->element[1], arena, ret);
    freeReplyObject(reply);
    return 0;
}

int stream_read_new(struct stream *stream, size_t count, unsigned block_ms, struct arena *arena,
                    struct stream_entries *ret)
{
    return read_group(stream, STR(">"), count, block_ms, arena, ret);
}

int stream_read_own(struct stream *stream, struct str after_id, size_t count, struct arena *arena,
                    struct stream_entries *ret)
{
    return read_group(stream, after_id, count, 0, arena, ret);
}

/* XPENDING knows what XAUTOCLAIM does not tell: how often each entry was delivered. */
static int read_deliveries(struct stream *stream, struct stream_entry *items, size_t count)
{
    char count_text[24];
    redisReply *reply;
    COMMAND(command, WORDS_MAX);
    snprintf(count_text, sizeof count_text, "%zu", count);
    ADD(&command, "XPENDING", EVENT_STREAM, EVENT_GROUP);
    add(&command, items[0].id);
    add(&command, items[count - 1].id);
    ADD(&command, count_text, stream->consumer);
    int err = call(stream, &command, 0, &reply);
    if (err)
        return err;
    size_t at = 0; /* both lists stand in the order of ids */
    for (size_t i = 0; is_array(reply, 0) && i < reply->elements; i++) {
        const redisReply *row = reply->element[i];
        if (!is_array(row, 4))
            continue;
        while (at < count && !str_eq(items[at].id, text_of(row->element[0])))
            at++;
        if (at == count)
            break;
        items[at].deliveries = row->element[3]->integer;
    }
    freeReplyObject(reply);
    return 0;
}

/* Reply: next cursor, entries, ids of deleted ones (Redis 7.0). */
static void copy_claimed(const redisReply *reply, char cursor[STREAM_ID_SIZE], struct arena *arena,
                         struct stream_entries *ret)
{
    *ret = (struct stream_entries){0};
    snprintf(cursor, STREAM_ID_SIZE, "0-0");
    if (!is_array(reply, 2) || !is_array(reply->element[1], 0))
        return;
    snprintf(cursor, STREAM_ID_SIZE, "%.*s", STR_ARG(text_of(reply->element[0])));
    copy_entries(reply->element[1], arena, ret);
    if (is_array(reply, 3) && is_array(reply->element[2], 1)) {
        const redisReply *gone = reply->element[2];
        struct str *deleted = ARENA_ARRAY(arena, gone->elements, struct str);
        for (size_t i = 0; i < gone->elements; i++)
            deleted[i] = arena_str(arena, text_of(gone->element[i]));
        ret->deleted = deleted;
        ret->n_deleted = gone->elements;
    }
}

int stream_claim_idle(struct stream *stream, unsigned idle_ms, size_t count, char cursor[STREAM_ID_SIZE],
                      struct arena *arena, struct stream_entries *ret)
{
    char idle_text[24], count_text[24];
    redisReply *reply;
    COMMAND(command, WORDS_MAX);
    snprintf(idle_text, sizeof idle_text, "%u", idle_ms);
    snprintf(count_text, sizeof count_text, "%zu", count);
    ADD(&command, "XAUTOCLAIM", EVENT_STREAM, EVENT_GROUP, stream->consumer, idle_text, cursor, "COUNT", count_text);
    int err = call(stream, &command, 0, &reply);
    if (err)
        return err;
    copy_claimed(reply, cursor, arena, ret);
    freeReplyObject(reply);
    if (ret->count == 0)
        return 0;
    struct stream_entry *items = ARENA_ARRAY(arena, ret->count, struct stream_entry);
    memcpy(items, ret->items, ret->count * sizeof *items);
    ret->items = items;
    return read_deliveries(stream, items, ret->count);
}

int stream_ack(struct stream *stream, const struct str *ids, size_t n_ids)
{
    redisReply *reply;
    const char *words[STREAM_READ_MAX + 3];
    size_t lens[STREAM_READ_MAX + 3];
    struct command command = {words, lens, 0, STREAM_READ_MAX + 3};
    if (n_ids == 0)
        return 0;
    ADD(&command, "XACK", EVENT_STREAM, EVENT_GROUP);
    for (size_t i = 0; i < n_ids; i++)
        add(&command, ids[i]);
    int err = exchange(stream, &command, 0, &reply);
    if (!err)
        freeReplyObject(reply);
    return err == ERR_NOT_FOUND ? 0 : err; /* no group any more: nothing is pending there */
}

/* The value after `name` in a reply of alternating names and values; NULL when absent. */
static const redisReply *member(const redisReply *map, const char *name)
{
    for (size_t i = 0; map->type == REDIS_REPLY_ARRAY && i + 1 < map->elements; i += 2) {
        if (str_eq_text(text_of(map->element[i]), name))
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
    COMMAND(command, WORDS_MAX);
    ADD(&command, "XINFO", "GROUPS", EVENT_STREAM);
    return call(stream, &command, 0, ret);
}

int stream_lag(struct stream *stream, int64_t *ret_pending, int64_t *ret_undelivered)
{
    redisReply *reply;
    int err = read_groups(stream, &reply);
    if (err)
        return err;
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *name = member(reply->element[i], "name");
        if (!name || !str_eq_text(text_of(name), EVENT_GROUP))
            continue;
        *ret_pending = number_member(reply->element[i], "pending");
        *ret_undelivered = number_member(reply->element[i], "lag");
    }
    freeReplyObject(reply);
    return 0;
}

struct stream_id {
    uint64_t ms, sequence;
};

static struct stream_id parse_id(struct str text)
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

static void keep_lower(struct stream_id *bound, struct stream_id id)
{
    if (id.ms < bound->ms || (id.ms == bound->ms && id.sequence < bound->sequence))
        *bound = id;
}

/* Lowers the bound to the first entry that the group has delivered and nobody has acknowledged. */
static int bound_by_pending(struct stream *stream, struct str group, struct stream_id *bound)
{
    redisReply *reply;
    COMMAND(command, WORDS_MAX);
    ADD(&command, "XPENDING", EVENT_STREAM);
    add(&command, group);
    int err = exchange(stream, &command, 0, &reply);
    if (err)
        return err;
    if (is_array(reply, 2) && reply->element[0]->integer > 0)
        keep_lower(bound, parse_id(text_of(reply->element[1])));
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
            err = fail(stream, ERR_INTERNAL, "XINFO GROUPS without a group's name or last id");
            break;
        }
        ours = ours || str_eq_text(text_of(name), EVENT_GROUP);
        keep_lower(bound, parse_id(text_of(last)));
        err = bound_by_pending(stream, text_of(name), bound);
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
    COMMAND(command, WORDS_MAX);
    int err = bound_by_groups(stream, &bound);
    if (err)
        return err;
    snprintf(bound_text, sizeof bound_text, "%llu-%llu", (unsigned long long)bound.ms,
             (unsigned long long)bound.sequence);
    ADD(&command, "XTRIM", EVENT_STREAM, "MINID", bound_text);
    err = exchange(stream, &command, 0, &reply);
    if (err)
        return err;
    *ret_removed = reply->integer;
    freeReplyObject(reply);
    return 0;
}

int stream_consumers(struct stream *stream, struct arena *arena, const struct stream_consumer **ret, size_t *ret_count)
{
    redisReply *reply;
    COMMAND(command, WORDS_MAX);
    ADD(&command, "XINFO", "CONSUMERS", EVENT_STREAM, EVENT_GROUP);
    int err = call(stream, &command, 0, &reply);
    if (err)
        return err;
    struct stream_consumer *consumers = ARENA_ARRAY(arena, reply->elements, struct stream_consumer);
    size_t count = 0;
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *name = member(reply->element[i], "name");
        if (name)
            consumers[count++] =
                (struct stream_consumer){arena_str(arena, text_of(name)), number_member(reply->element[i], "pending"),
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
    COMMAND(command, WORDS_MAX);
    ADD(&command, "XGROUP", "DELCONSUMER", EVENT_STREAM, EVENT_GROUP);
    add(&command, name);
    int err = exchange(stream, &command, 0, &reply);
    if (err)
        return err;
    *ret_lost = reply->integer;
    freeReplyObject(reply);
    return 0;
}
