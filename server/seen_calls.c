#include "server/seen_calls.h"

#include <stdlib.h>

#include "common/heap.h"
#include "common/id_hash.h"

enum { BUCKET_BITS = 16 };
_Static_assert(1 << BUCKET_BITS == SEEN_CALLS_MAX, "one call a bucket when it is full");

/* Index 0 is no call: it is the end of every chain. */
struct seen_call {
    uint8_t id[EVENT_ID_LEN];
    int64_t at_ms;
    uint32_t next_in_bucket;
};

struct seen_calls {
    uint32_t last; /* index of the newest; the places are filled round and round */
    struct id_hash hash;
    uint32_t buckets[1 << BUCKET_BITS];
    struct seen_call calls[SEEN_CALLS_MAX + 1];
    bool filled; /* once round */
};

struct seen_calls *seen_calls_new(void)
{
    /* About three megabytes, of which only what is used becomes resident. */
    struct seen_calls *seen = HEAP_NEW(struct seen_calls);
    seen->hash = id_hash_new(BUCKET_BITS);
    return seen;
}

void seen_calls_free(struct seen_calls *seen)
{
    free(seen);
}

bool seen_calls_has(const struct seen_calls *seen, const uint8_t id[EVENT_ID_LEN], int64_t now_ms)
{
    uint32_t index = seen->buckets[id_hash_bucket(&seen->hash, id)];

    /* Newer calls stand first: the first that has the id decides. */
    while (index && memcmp(seen->calls[index].id, id, EVENT_ID_LEN) != 0)
        index = seen->calls[index].next_in_bucket;
    return index && now_ms - seen->calls[index].at_ms < SEEN_CALLS_AGE_MS;
}

static void forget(struct seen_calls *seen, uint32_t index)
{
    uint32_t *link = &seen->buckets[id_hash_bucket(&seen->hash, seen->calls[index].id)];

    while (*link != index)
        link = &seen->calls[*link].next_in_bucket;
    *link = seen->calls[index].next_in_bucket;
}

void seen_calls_insert(struct seen_calls *seen, const uint8_t id[EVENT_ID_LEN], int64_t now_ms)
{
    struct seen_call *call;
    uint32_t *bucket;

    if (seen_calls_has(seen, id, now_ms))
        return;
    if (seen->last == SEEN_CALLS_MAX) {
        seen->last = 0;
        seen->filled = true;
    }
    seen->last++;
    if (seen->filled)
        forget(seen, seen->last);
    call = &seen->calls[seen->last];
    bucket = &seen->buckets[id_hash_bucket(&seen->hash, id)];
    memcpy(call->id, id, EVENT_ID_LEN);
    call->at_ms = now_ms;
    call->next_in_bucket = *bucket;
    *bucket = seen->last;
}
