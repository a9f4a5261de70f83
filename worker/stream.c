#include "worker/stream.h"

#include <stdio.h>

#include "common/err.h"
#include "common/event.h"
#include "worker/stream_call.h"

static size_t size_of(const redisReply *fields, size_t n_fields)
{
    size_t size = n_fields * sizeof(struct str);
    for (size_t i = 0; i < n_fields; i++)
        size += stream_text(fields->element[i]).len;
    return size;
}

/* Whoever writes to Redis must not fill the memory of whoever reads it. */
static struct stream_entry copy_too_long(struct str id, size_t size, struct arena *arena)
{
    struct str *fields = ARENA_ARRAY(arena, 2, struct str);
    fields[0] = STR("bytes");
    fields[1] = arena_printf(arena, "%zu", size);
    return (struct stream_entry){id, fields, 2, 1};
}

static struct stream_entry copy_entry(const redisReply *reply, struct arena *arena)
{
    const redisReply *fields = reply->element[1];
    size_t n_fields = fields->type == REDIS_REPLY_ARRAY ? fields->elements : 0;
    size_t size = size_of(fields, n_fields);
    struct str id = arena_str(arena, stream_text(reply->element[0]));
    if (size > STREAM_ENTRY_MAX)
        return copy_too_long(id, size, arena);
    struct str *copies = ARENA_ARRAY(arena, n_fields, struct str);
    for (size_t i = 0; i < n_fields; i++)
        copies[i] = arena_str(arena, stream_text(fields->element[i]));
    return (struct stream_entry){id, copies, n_fields, 1};
}

/* An entry whose fields are nil was deleted while pending. */
void stream_copy_entries(const redisReply *list, struct arena *arena, struct stream_entries *ret)
{
    struct stream_entry *items = ARENA_ARRAY(arena, list->elements, struct stream_entry);
    struct str *deleted = ARENA_ARRAY(arena, list->elements, struct str);
    *ret = (struct stream_entries){.items = items, .deleted = deleted};
    for (size_t i = 0; i < list->elements; i++) {
        const redisReply *entry = list->element[i];
        if (!stream_is_array(entry, 2))
            continue;
        if (entry->element[1]->type == REDIS_REPLY_ARRAY)
            items[ret->count++] = copy_entry(entry, arena);
        else
            deleted[ret->n_deleted++] = arena_str(arena, stream_text(entry->element[0]));
    }
}

static int read_group(struct stream *stream, struct str after_id, size_t count, unsigned block_ms, struct arena *arena,
                      struct stream_entries *ret)
{
    char count_text[24], block_text[24];
    redisReply *reply;
    STREAM_COMMAND(command, STREAM_WORDS_MAX);
    snprintf(count_text, sizeof count_text, "%zu", count);
    snprintf(block_text, sizeof block_text, "%u", block_ms);
    STREAM_ADD(&command, "XREADGROUP", "GROUP", EVENT_GROUP, stream_own_name(stream), "COUNT", count_text);
    if (block_ms)
        STREAM_ADD(&command, "BLOCK", block_text);
    STREAM_ADD(&command, "STREAMS", EVENT_STREAM);
    stream_add(&command, after_id);
    int err = stream_call(stream, &command, block_ms, &reply);
    if (err)
        return err;
    *ret = (struct stream_entries){0};
    if (stream_is_array(reply, 1) && stream_is_array(reply->element[0], 2) &&
        stream_is_array(reply->element[0]->element[1], 0))
        stream_copy_entries(reply->element[0]->element[1], arena, ret);
    freeReplyObject(reply);
    return 0;
}

int stream_read_new(struct stream *stream, size_t count, unsigned block_ms, struct arena *arena,
                    struct stream_entries *ret)
{
    return read_group(stream, STR(">"), count, block_ms, arena, ret);
}

/* Both lists stand in the order of ids; pending entries that were deleted from the stream are in one only. */
static void copy_deliveries(const redisReply *rows, struct stream_entry *items, size_t count)
{
    size_t i = 0, at = 0;
    while (i < rows->elements && at < count) {
        const redisReply *row = rows->element[i];
        if (!stream_is_array(row, 4)) {
            i++;
            continue;
        }
        struct stream_id pending = stream_id_parse(stream_text(row->element[0]));
        struct stream_id item = stream_id_parse(items[at].id);
        if (stream_id_compare(pending, item) == 0)
            items[at].deliveries = row->element[3]->integer;
        i += stream_id_compare(pending, item) <= 0;
        at += stream_id_compare(pending, item) >= 0;
    }
}

/* XPENDING knows what XREADGROUP and XAUTOCLAIM do not tell: how often each entry was delivered. It counts everything
 * of this consumer between two ids, also what is deleted or was not asked for: hence the generous limit. */
static int read_deliveries(struct stream *stream, struct arena *arena, struct stream_entries *entries)
{
    char count_text[24];
    redisReply *reply;
    STREAM_COMMAND(command, STREAM_WORDS_MAX);
    if (entries->count == 0)
        return 0;
    struct stream_entry *items = ARENA_ARRAY(arena, entries->count, struct stream_entry);
    memcpy(items, entries->items, entries->count * sizeof *items);
    entries->items = items;
    snprintf(count_text, sizeof count_text, "%d", STREAM_READ_MAX);
    STREAM_ADD(&command, "XPENDING", EVENT_STREAM, EVENT_GROUP);
    stream_add(&command, items[0].id);
    stream_add(&command, items[entries->count - 1].id);
    STREAM_ADD(&command, count_text, stream_own_name(stream));
    int err = stream_call(stream, &command, 0, &reply);
    if (err)
        return err;
    if (stream_is_array(reply, 0))
        copy_deliveries(reply, items, entries->count);
    freeReplyObject(reply);
    return 0;
}

int stream_read_own(struct stream *stream, struct str after_id, size_t count, struct arena *arena,
                    struct stream_entries *ret)
{
    int err = read_group(stream, after_id, count, 0, arena, ret);
    return err ? err : read_deliveries(stream, arena, ret);
}

/* Reply: next cursor, entries, ids of deleted ones (Redis 7.0). */
static void copy_claimed(const redisReply *reply, char cursor[STREAM_ID_SIZE], struct arena *arena,
                         struct stream_entries *ret)
{
    *ret = (struct stream_entries){0};
    snprintf(cursor, STREAM_ID_SIZE, "0-0");
    if (!stream_is_array(reply, 2) || !stream_is_array(reply->element[1], 0))
        return;
    snprintf(cursor, STREAM_ID_SIZE, "%.*s", STR_ARG(stream_text(reply->element[0])));
    stream_copy_entries(reply->element[1], arena, ret);
    if (stream_is_array(reply, 3) && stream_is_array(reply->element[2], 1)) {
        const redisReply *gone = reply->element[2];
        struct str *deleted = ARENA_ARRAY(arena, gone->elements, struct str);
        for (size_t i = 0; i < gone->elements; i++)
            deleted[i] = arena_str(arena, stream_text(gone->element[i]));
        ret->deleted = deleted;
        ret->n_deleted = gone->elements;
    }
}

int stream_claim_idle(struct stream *stream, unsigned idle_ms, size_t count, char cursor[STREAM_ID_SIZE],
                      struct arena *arena, struct stream_entries *ret)
{
    char idle_text[24], count_text[24];
    redisReply *reply;
    STREAM_COMMAND(command, STREAM_WORDS_MAX);
    snprintf(idle_text, sizeof idle_text, "%u", idle_ms);
    snprintf(count_text, sizeof count_text, "%zu", count);
    STREAM_ADD(&command, "XAUTOCLAIM", EVENT_STREAM, EVENT_GROUP, stream_own_name(stream), idle_text, cursor, "COUNT",
               count_text);
    int err = stream_call(stream, &command, 0, &reply);
    if (err)
        return err;
    copy_claimed(reply, cursor, arena, ret);
    freeReplyObject(reply);
    return read_deliveries(stream, arena, ret);
}

int stream_ack(struct stream *stream, const struct str *ids, size_t n_ids)
{
    redisReply *reply;
    const char *words[STREAM_READ_MAX + 3];
    size_t lens[STREAM_READ_MAX + 3];
    struct stream_command command = {words, lens, 0, STREAM_READ_MAX + 3};
    if (n_ids == 0)
        return 0;
    STREAM_ADD(&command, "XACK", EVENT_STREAM, EVENT_GROUP);
    for (size_t i = 0; i < n_ids; i++)
        stream_add(&command, ids[i]);
    int err = stream_exchange(stream, &command, 0, &reply);
    if (!err)
        freeReplyObject(reply);
    return err == ERR_NOT_FOUND ? 0 : err; /* no group any more: nothing is pending there */
}
