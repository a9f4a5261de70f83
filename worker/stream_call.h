/* stream_call: one command to Redis and its reply; what stream.c and stream_tend.c stand on. */
#ifndef DP_WORKER_STREAM_CALL_H
#define DP_WORKER_STREAM_CALL_H

#include <hiredis/hiredis.h>

#include "worker/stream.h"

enum { STREAM_WORDS_MAX = 16 };

/* A command's words: texts that the caller keeps until it is sent. More words than announced abort. */
struct stream_command {
    const char **words;
    size_t *lens;
    size_t count, max;
};

/* Declares an empty command called `name` with room for `size` words. */
#define STREAM_COMMAND(name, size)  \
    const char *name##_words[size]; \
    size_t name##_lens[size];       \
    struct stream_command name = {name##_words, name##_lens, 0, (size)}

void stream_add(struct stream_command *command, struct str word);
void stream_add_texts(struct stream_command *command, const char *const *texts, size_t n_texts);
#define STREAM_ADD(command, ...)                                    \
    stream_add_texts((command), (const char *const[]){__VA_ARGS__}, \
                     sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* Sends a command and waits for its reply, block_ms longer than usual; connects first when needed. The reply is the
 * caller's to free. ERR_NOT_FOUND: there is no such stream or group; others as in stream.h. */
int stream_exchange(struct stream *stream, const struct stream_command *command, unsigned block_ms, redisReply **ret);
/* The same, but makes the group when it is missing and then asks once more. */
int stream_call(struct stream *stream, const struct stream_command *command, unsigned block_ms, redisReply **ret);
/* Remembers why, forgets the connection when it is of no more use, and returns `err`. */
int stream_fail(struct stream *stream, int err, const char *text);

/* An entry's id as two numbers: texts of ids do not sort. What is no number is 0. */
struct stream_id {
    uint64_t ms, sequence;
};
struct stream_id stream_id_parse(struct str text);
int stream_id_compare(struct stream_id a, struct stream_id b); /* < 0, 0, > 0 */

bool stream_is_array(const redisReply *reply, size_t n_min);
/* STR_NULL unless it is a text. Borrowed from the reply. */
struct str stream_text(const redisReply *reply);
/* The entries of a reply's list, in the arena; those whose fields are nil are deleted ones. */
void stream_copy_entries(const redisReply *list, struct arena *arena, struct stream_entries *ret);
const char *stream_own_name(const struct stream *stream);

#endif
