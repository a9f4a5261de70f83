/* redis_server: one Redis 7.0 in memory with one stream and its groups: the commands that the product sends, by their
 * words (https://redis.io/commands). With a replica or a lazy disk it can come back without its last writes. */
#ifndef DP_SIMULATOR_REDIS_SERVER_H
#define DP_SIMULATOR_REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"
#include "simulator/redis_id.h"

enum { REDIS_WORDS_MAX = 5000 };

void redis_server_reset(void);
/* The reply is in the memory of whoever runs (freeReplyObject()). */
redisReply *redis_server_run(const struct str *words, size_t n_words);
/* True if the command would give entries, now. */
bool redis_server_has_news(void);
/* What fiber_wait() waits for while a read blocks. */
extern const char redis_server_news;

/* ---- faults ---- */
void redis_server_empty(void);
void redis_server_destroy_group(void);
/* Loses what the replica, or the disk, has not got. */
void redis_server_fail_over(void);

/* ---- for the checker ---- */
struct redis_counts {
    unsigned pending, undelivered;
    bool has_group;
};
struct redis_counts redis_server_counts(void);
/* An entry of the stream; consumer empty: not pending. */
struct redis_standing {
    char id[REDIS_ID_SIZE];
    const struct str *fields;
    size_t n_fields;
    struct str consumer;
    int64_t idle_us;
};
/* False: there are no more than i. */
bool redis_server_stands(unsigned i, struct redis_standing *ret);

#endif
