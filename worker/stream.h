/* stream: one blocking Redis connection for the event stream "dp:events" and its consumer group "workers" (hiredis).
 *
 * Used by one thread. Every call connects when needed and has a deadline ([redis] timeout_ms, on top of the time that a
 * read blocks). ERR_UNAVAILABLE: Redis cannot be reached or broke the connection, the command's outcome is unknown;
 * ERR_INTERNAL: Redis answered with an error. A missing group is created from the stream's beginning ("0") and the
 * command repeated: a Redis that came back empty, or a destroyed group, must not lose what is still in the stream.
 * Commands: Redis 7.0, https://redis.io/commands/xreadgroup and its neighbours. */
#ifndef DP_WORKER_STREAM_H
#define DP_WORKER_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/config.h"
#include "common/str.h"

enum { STREAM_CONSUMER_SIZE = 128, STREAM_READ_MAX = 4096, STREAM_ID_SIZE = 48 };

/* An entry copied into the caller's arena. */
/* Bytes of an entry, many times what any event has: of a longer one only its size is read, as its only field. */
enum { STREAM_ENTRY_MAX = 128 * 1024 };

struct stream_entry {
    struct str id;
    const struct str *fields; /* name, value, name, value … */
    size_t n_fields;          /* names and values */
    int64_t deliveries;       /* this one included: 1 for a new entry */
};

struct stream_entries {
    const struct stream_entry *items;
    size_t count;
    const struct str *deleted; /* ids that were pending but whose entries somebody deleted */
    size_t n_deleted;
};

struct stream_consumer {
    struct str name;
    int64_t pending;
    int64_t idle_ms;
};

struct stream;

/* Does not connect yet. `config` is borrowed; `consumer` is copied. */
struct stream *stream_new(const struct config *config, const char *consumer);
void stream_free(struct stream *stream); /* NULL allowed */
/* True from a good reply until the connection breaks. */
bool stream_connected(const struct stream *stream);
const char *stream_error(const struct stream *stream);

/* Never delivered entries, at most `count`; waits up to block_ms for the first. No entry is no error. */
int stream_read_new(struct stream *stream, size_t count, unsigned block_ms, struct arena *arena,
                    struct stream_entries *ret);
/* This consumer's own pending entries after `after_id` ("0" for all). Reading them is a delivery: a program that dies
 * of one and comes back under the same name finds it counted. */
int stream_read_own(struct stream *stream, struct str after_id, size_t count, struct arena *arena,
                    struct stream_entries *ret);
/* Takes over what no consumer has acknowledged for idle_ms. `cursor` is "0-0" at first and moved on; "0-0" again: all
 * was seen. Each item has its number of deliveries, this one included. */
int stream_claim_idle(struct stream *stream, unsigned idle_ms, size_t count, char cursor[STREAM_ID_SIZE],
                      struct arena *arena, struct stream_entries *ret);
int stream_ack(struct stream *stream, const struct str *ids, size_t n_ids);

/* Entries of the stream from one id to another ("-", "+", "(id": after it), at most `count`, whoever has finished them.
 */
int stream_scan(struct stream *stream, const char *from_id, const char *to_id, size_t count, struct arena *arena,
                struct stream_entries *ret);
int stream_length(struct stream *stream, int64_t *ret_length);
/* Whether a worker has the entry and has not acknowledged it. */
int stream_is_pending(struct stream *stream, struct str id, bool *ret);
/* The last id that the group was given; "0-0" before the first. */
int stream_delivered(struct stream *stream, char ret_id[STREAM_ID_SIZE]);
/* Adds a copy of the entry at the stream's end. ERR_TOO_LARGE: more fields than an event has. */
int stream_send_again(struct stream *stream, const struct stream_entry *entry);

/* Pending entries of the group, and entries never delivered (-1 when Redis cannot tell). */
int stream_lag(struct stream *stream, int64_t *ret_pending, int64_t *ret_undelivered);
/* Removes entries that every group has finished and that are older than `before_ms` (Unix time). Never by length:
 * trimming destroys pending entries silently (reliability.md finding 8). */
int stream_trim(struct stream *stream, int64_t before_ms, int64_t *ret_removed);
int stream_consumers(struct stream *stream, struct arena *arena, const struct stream_consumer **ret, size_t *ret_count);
/* *ret_lost: entries that were pending after all (the journal sends them again). */
int stream_delete_consumer(struct stream *stream, struct str name, int64_t *ret_lost);

#endif
