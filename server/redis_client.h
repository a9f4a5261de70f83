/* redis_client: one connection to one Redis, with deadlines and reconnection, on hiredis and our own adapter. Stores
 * floor.
 *
 * hiredis 0.14 has no asynchronous time-outs and no bound on what is in flight; both are here. */
#ifndef DP_SERVER_REDIS_CLIENT_H
#define DP_SERVER_REDIS_CLIENT_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/config.h"
#include "common/str.h"

/* REDIS_COMMAND_MAX: bytes of one command. */
enum { REDIS_IN_FLIGHT_MAX = 4096, REDIS_ARGS_MAX = 48, REDIS_COMMAND_MAX = 1 << 20 };

/* err 0: `reply` is not NULL, not an error reply, and lives until the callback returns. ERR_INTERNAL: Redis answered an
 * error; `reply` holds it. Otherwise reply is NULL: ERR_BUSY (too much in flight), ERR_UNAVAILABLE (no connection, or
 * lost: outcome unknown; or a server that is loading or has become a replica: nothing done), ERR_TIMEOUT (outcome
 * unknown), ERR_TOO_LARGE, ERR_CANCELLED. Exactly once, never before redis_client_command() returned. */
typedef void (*redis_cb)(void *data, int err, const redisReply *reply);

struct redis_client;

/* Starts connecting at once and for ever (backoff 50 ms … 1 s). A connection is ready when PING was answered. All but
 * the loop and `name` is copied. `password` may be NULL. `name` is for logs and metrics. */
struct redis_client *redis_client_new(uv_loop_t *loop, const char *name, const struct config_endpoint *at,
                                      const char *password, unsigned timeout_ms);
/* Arguments are copied before it returns. timeout_ms 0: the client's default. While there is no connection commands
 * fail at once with ERR_UNAVAILABLE (pages answer 503, the event queue has its journal). Answers come in order, so a
 * command that passes its deadline takes the connection with it: it ends with ERR_TIMEOUT, those behind it with
 * ERR_UNAVAILABLE. */
void redis_client_command(struct redis_client *client, unsigned timeout_ms, redis_cb done, void *data, unsigned argc,
                          const struct str *argv);
/* Ends later with `err` and without a reply, as a refused command does: for modules on top whose own check failed. */
void redis_client_refuse(struct redis_client *client, int err, redis_cb done, void *data);
bool redis_client_is_ready(const struct redis_client *client);
/* Called each time a connection is ready (also now, if it is): for checks at start. One listener. */
void redis_client_on_ready(struct redis_client *client, void (*ready)(void *data), void *data);
/* Commands in flight end with ERR_CANCELLED; `closed` is called once every handle is closed and the client is freed. */
void redis_client_close(struct redis_client *client, void (*closed)(void *data), void *data);

#endif
