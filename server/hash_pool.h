/* hash_pool: password hashing off the loop, on threads of its own so that nothing else is delayed by it.
 *
 * At most max(1, processors - 1) hashes at once, each of 19 MiB and tens of milliseconds; so many more may wait as
 * [security] hash_queue_max says. The threads run at a lower priority (nice): when all processors are busy, the loop,
 * the journal and the stores come first, and logins take what is left. No deadline of its own: what was accepted is
 * done after at most (hash_queue_max + 1) hashes. */
#ifndef DP_SERVER_HASH_POOL_H
#define DP_SERVER_HASH_POOL_H

#include <stdbool.h>
#include <uv.h>

#include "common/config.h"
#include "common/str.h"

struct hash_pool;

/* Both: called on the loop, exactly once, never before the start function returned. ERR_BUSY: too many wait;
 * ERR_CANCELLED: the pool was closed before it was this one's turn; ERR_UNAVAILABLE: memory is short (hash only). */
/* err 0: the password matches; ERR_FORBIDDEN: it does not. */
typedef void (*hash_pool_verify_cb)(void *data, int err);
/* `hash` lives until the callback returns; NULL on failure. */
typedef void (*hash_pool_hash_cb)(void *data, int err, const char *hash);

/* Starts the threads; aborts if it cannot. */
struct hash_pool *hash_pool_new(uv_loop_t *loop, const struct config *config);

/* Password and hash are copied before they return; the copy of the password is wiped after its use. */
void hash_pool_verify(struct hash_pool *pool, const char *hash, struct str password, hash_pool_verify_cb done,
                      void *data);
void hash_pool_hash(struct hash_pool *pool, struct str password, hash_pool_hash_cb done, void *data);

/* Whether one more would be taken now: to turn people away before anything else is done for them. */
bool hash_pool_has_room(struct hash_pool *pool);

/* Cancels what waits, finishes what is under way, then ends the threads. All callbacks come before `closed`. Later
 * calls of it do nothing. */
void hash_pool_close(struct hash_pool *pool, void (*closed)(void *data), void *data);

#endif
