#include "server/seen_calls.h"

#include <sodium.h>
#include <stdlib.h>

#include "common/heap.h"

enum { BUCKETS = SEEN_CALLS_MAX };

/* Index 0 is no call: it is the end of every chain. */
struct seen_call {
    uint8_t id[EVENT_ID_LEN];
    int64_t at_ms;
    uint32_t next_in_bucket;
};

struct seen_calls {
    uint32_t last; /* index of the newest; the places are filled round and round */
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
    uint32_t buckets[BUCKETS];
    struct seen_call calls[SEEN_CALLS_MAX + 1];
    bool filled; /* once round */
};

struct seen_calls *seen_calls_new(void)
{
    /* About three megabytes, of which only what is used becomes resident. */
    struct seen_calls *seen = HEAP_NEW(struct seen_calls);
    crypto_shorthash_keygen(seen->hash_key);
    return seen;
}

void seen_calls_free(struct seen_calls *seen)
{
    free(seen);
}

static uint32_t bucket_of(const struct seen_calls *seen, const uint8_t id[EVENT_ID_LEN])
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint32_t bucket;

    crypto_shorthash(hash, id, EVENT_ID_LEN, seen->hash_key);
    memcpy(&bucket, hash, sizeof bucket);
    return bucket % BUCKETS;
}

bool seen_calls_has(const struct seen_calls *seen, const uint8_t id[EVENT_ID_LEN], int64_t now_ms)
{
    uint32_t index = seen->buckets[bucket_of(seen, id)];

    /* Newer calls stand first: the first that has the id decides. */
    while (index && memcmp(seen->calls[index].id, id, EVENT_ID_LEN) != 0)
        index = seen->calls[index].next_in_bucket;
    return index && now_ms - seen->calls[index].at_ms < SEEN_CALLS_AGE_MS;
}

static void forget(struct seen_calls *seen, uint32_t index)
{
    uint32_t *link = &seen->buckets[bucket_of(seen, seen->calls[index].id)];

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
    bucket = &seen->buckets[bucket_of(seen, id)];
    memcpy(call->id, id, EVENT_ID_LEN);
    call->at_ms = now_ms;
    call->next_in_bucket = *bucket;
    *bucket = seen->last;
}
