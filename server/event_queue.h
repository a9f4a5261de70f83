/* event_queue: pushes events into the Redis stream "dp:events" over a connection of its own (WAIT blocks it). Stores
 * floor. */
#ifndef DP_SERVER_EVENT_QUEUE_H
#define DP_SERVER_EVENT_QUEUE_H

#include <stdbool.h>
#include <uv.h>

#include "common/config.h"
#include "common/event.h"

struct event_queue;
typedef void (*event_queue_cb)(void *data, int err);

struct event_queue *event_queue_new(uv_loop_t *loop, const struct config *config);
/* err 0: Redis confirmed the XADD (and, with [redis] wait_replicas, WAIT said so many replicas have it). ERR_TIMEOUT
 * and ERR_UNAVAILABLE: it may or may not have been applied; pushing again is harmless, the inbox removes repeats. The
 * event is copied before it returns. timeout_ms 0: [redis] timeout_ms. Exactly once, never before it returned. */
void event_queue_push(struct event_queue *queue, const struct event *event, unsigned timeout_ms, event_queue_cb done,
                      void *data);
/* Connected; and with [redis] durability = refuse, not to a Redis known to forget (pushes are then refused with
 * ERR_UNAVAILABLE, and the journal keeps the events). */
bool event_queue_is_ready(const struct event_queue *queue);
/* True when the connected Redis was found to have appendonly yes, appendfsync always, maxmemory-policy noeviction. They
 * are asked by CONFIG GET at each connection; where an ACL forbids that, a warning is logged and this stays false. */
bool event_queue_is_durable(const struct event_queue *queue);
/* Pushes under way end with ERR_CANCELLED; `closed` is called once everything is closed and the queue is freed. */
void event_queue_close(struct event_queue *queue, void (*closed)(void *data), void *data);

#endif
