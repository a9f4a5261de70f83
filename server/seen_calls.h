/* seen_calls: the sealed bank calls acknowledged within the last hour, so that the same call repeated is acknowledged
 * without a new record. Knows no clock and no loop. A call that it has forgotten is only kept once more. */
#ifndef DP_SERVER_SEEN_CALLS_H
#define DP_SERVER_SEEN_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/event.h"

enum { SEEN_CALLS_MAX = 65536, SEEN_CALLS_AGE_MS = 3600 * 1000 };

struct seen_calls;

struct seen_calls *seen_calls_new(void);
void seen_calls_free(struct seen_calls *seen); /* NULL allowed */

/* `now_ms` is monotonic in both. */
bool seen_calls_has(const struct seen_calls *seen, const uint8_t id[EVENT_ID_LEN], int64_t now_ms);
/* The hour begins with the first time; SEEN_CALLS_MAX ids are kept, the oldest goes. */
void seen_calls_insert(struct seen_calls *seen, const uint8_t id[EVENT_ID_LEN], int64_t now_ms);

#endif
