/* shared_rate: the token buckets of rate_limit once more, in Redis, for all dp-servers together. Stores floor.
 *
 * GCRA (ITU-T I.371 §A, "virtual scheduling"): the key "dp:rate:<client>" holds the moment, on Redis's own clock, at
 * which the bucket will be full again, and lives no longer. It is worth nothing after a crash, so writing it goes
 * neither to the append-only file nor to replicas: a page does not wait for a disk because of it. */
#ifndef DP_SERVER_SHARED_RATE_H
#define DP_SERVER_SHARED_RATE_H

#include <stdbool.h>

#include "common/arena.h"
#include "server/redis_client.h"

/* True: the client may go on, also when Redis could not be asked (the process's own limit stands before this one; a
 * script that Redis refuses is logged). Exactly once, never before the function returned. */
typedef void (*shared_rate_cb)(void *data, bool is_allowed);

/* Takes one from the client's bucket, which holds `burst` and gains `per_second`. `client` is any text that names it,
 * copied before the function returns. The command goes out with those that follow it in this turn of the loop, and its
 * answer comes before theirs. */
void shared_rate_take(struct redis_client *redis, struct arena *arena, struct str client, unsigned per_second,
                      unsigned burst, shared_rate_cb done, void *data);

#endif
