/* redis_client: one connection to one Redis, with deadlines and reconnection, on hiredis and our own adapter. Stores
 * floor.
 *
 * hiredis 0.14 has no asynchronous time-outs and no bound on what is in flight; both are here. */
#ifndef DP_SERVER_REDIS_CLIENT_H
#define DP_SERVER_REDIS_CLIENT_H

#include <hiredis/hiredis.h>
#include <stdint.h>
#include <uv.h>

#include "common/config.h"
#include "common/str.h"

enum { REDIS_IN_FLIGHT_MAX = 4096, REDIS_ARGS_MAX = 48 };

/* err 0: `reply` is not NULL, not an error reply, and lives until the callback returns. ERR_INTERNAL: Redis answered an
 * error; `reply` holds it. Otherwise reply is NULL: ERR_BUSY, ERR_UNAVAILABLE, ERR_TIMEOUT (outcome unknown),
 * ERR_CANCELLED. Exactly once, never before redis_client_command() returned. */
typedef void (*redis_cb)(void *data, int err, const redisReply *reply);

struct redis_client;

/* Starts connecting at once and for ever (backoff 50 ms … 1 s). `password` may be NULL. `name` is for logs and metrics.
 */
struct redis_client *redis_client_new(uv_loop_t *loop, const char *name, const struct config_endpoint *at,
                                      const char *password, unsigned timeout_ms);
/* Arguments are copied before it returns. timeout_ms 0: the client's default. While there is no connection commands
 * fail at once with ERR_UNAVAILABLE (pages answer 503, the event queue has its journal). */
void redis_client_command(struct redis_client *client, unsigned timeout_ms, redis_cb done, void *data, unsigned argc,
                          const struct str *argv);
bool redis_client_is_ready(const struct redis_client *client);
/* Called each time a connection is ready (also now, if it is): for checks at start. One listener. */
void redis_client_on_ready(struct redis_client *client, void (*ready)(void *data), void *data);
void redis_client_close(struct redis_client *client, void (*closed)(void *data), void *data);

#endif
