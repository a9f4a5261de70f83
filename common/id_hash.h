/* id_hash: the bucket of an event's id in a table in memory.
 *
 * Multiply-shift (Dietzfelbinger et al., 1997) with a secret odd multiplier: two ids share a bucket about as rarely as
 * by chance, whoever chose them. Ids are digests or random: their first eight bytes tell them apart. */
#ifndef DP_COMMON_ID_HASH_H
#define DP_COMMON_ID_HASH_H

#include <string.h>

#include "common/event.h"
#include "common/rand.h"

struct id_hash {
    uint64_t multiplier;
    unsigned shift;
};

/* For a table of 2^bits buckets. */
static inline struct id_hash id_hash_new(unsigned bits)
{
    struct id_hash hash = {.shift = 64 - bits};
    rand_bytes(&hash.multiplier, sizeof hash.multiplier);
    hash.multiplier |= 1;
    return hash;
}

static inline uint32_t id_hash_bucket(const struct id_hash *hash, const uint8_t id[EVENT_ID_LEN])
{
    uint64_t head;
    memcpy(&head, id, sizeof head);
    return (uint32_t)(head * hash->multiplier >> hash->shift);
}

#endif
