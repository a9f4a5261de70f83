/* The stream from outside the group: what stands in it, whatever became of it. */
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/event.h"
#include "worker/stream_call.h"

int stream_scan(struct stream *stream, const char *from_id, const char *to_id, size_t count, struct arena *arena,
                struct stream_entries *ret)
{
    char count_text[24];
    redisReply *reply;
    STREAM_COMMAND(command, STREAM_WORDS_MAX);
    snprintf(count_text, sizeof count_text, "%zu", count);
    STREAM_ADD(&command, "XRANGE", EVENT_STREAM, from_id, to_id, "COUNT", count_text);
    int err = stream_call(stream, &command, 0, &reply);
    if (err)
        return err;
    *ret = (struct stream_entries){0};
    if (stream_is_array(reply, 0))
        stream_copy_entries(reply, arena, ret);
    freeReplyObject(reply);
    return 0;
}

int stream_length(struct stream *stream, int64_t *ret_length)
{
    redisReply *reply;
    STREAM_COMMAND(command, STREAM_WORDS_MAX);
    STREAM_ADD(&command, "XLEN", EVENT_STREAM);
    int err = stream_exchange(stream, &command, 0, &reply);
    if (err)
        return err;
    *ret_length = reply->integer;
    freeReplyObject(reply);
    return 0;
}

int stream_is_pending(struct stream *stream, struct str id, bool *ret)
{
    redisReply *reply;
    STREAM_COMMAND(command, STREAM_WORDS_MAX);
    STREAM_ADD(&command, "XPENDING", EVENT_STREAM, EVENT_GROUP);
    stream_add(&command, id);
    stream_add(&command, id);
    STREAM_ADD(&command, "1");
    int err = stream_call(stream, &command, 0, &reply);
    if (err)
        return err;
    *ret = stream_is_array(reply, 1);
    freeReplyObject(reply);
    return 0;
}

int stream_send_again(struct stream *stream, const struct stream_entry *entry)
{
    enum { WORDS = 3 + 2 * EVENT_ENTRY_FIELDS_MAX };
    redisReply *reply;
    STREAM_COMMAND(command, WORDS);
    if (entry->n_fields > 2 * EVENT_ENTRY_FIELDS_MAX)
        return ERR_TOO_LARGE;
    STREAM_ADD(&command, "XADD", EVENT_STREAM, "*");
    for (size_t i = 0; i < entry->n_fields; i++)
        stream_add(&command, entry->fields[i]);
    int err = stream_exchange(stream, &command, 0, &reply);
    if (!err)
        freeReplyObject(reply);
    return err;
}
