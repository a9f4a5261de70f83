/* queue_status: how the stream of events stands, asked of Redis. */
#ifndef DP_ADMIN_QUEUE_STATUS_H
#define DP_ADMIN_QUEUE_STATUS_H

#include <stdint.h>

#include "common/config.h"

struct queue_status {
    int64_t length;    /* entries in the stream, applied ones included until they are trimmed */
    int64_t waiting;   /* not handed to any worker yet; -1: not known */
    int64_t pending;   /* handed out, not confirmed */
    int64_t oldest_ms; /* how long the oldest pending one has been idle; 0 without */
    int64_t consumers;
};

/* ERR_UNAVAILABLE (said on stderr), ERR_NOT_FOUND when there is no stream or group yet (all zero then). */
int queue_status_read(const struct config *config, struct queue_status *ret);

#endif
