#include "server/address_count.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "common/heap.h"
#include "common/rand.h"

enum { BUCKETS = 1024 };

struct entry {
    struct entry *next;
    struct client_address key;
    unsigned count;
};

struct address_count {
    struct entry *buckets[BUCKETS]; /* owned chains */
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
};

struct address_count *address_count_new(void)
{
    struct address_count *counts = HEAP_NEW(struct address_count);
    rand_bytes(counts->hash_key, sizeof counts->hash_key);
    return counts;
}

void address_count_free(struct address_count *counts)
{
    for (unsigned i = 0; counts && i < BUCKETS; i++) {
        while (counts->buckets[i]) {
            struct entry *next = counts->buckets[i]->next;
            free(counts->buckets[i]);
            counts->buckets[i] = next;
        }
    }
    free(counts);
}

static unsigned bucket_of(const struct address_count *counts, const struct client_address *key)
{
    uint8_t hash[crypto_shorthash_BYTES];
    crypto_shorthash(hash, key->bytes, sizeof key->bytes, counts->hash_key);
    return (hash[0] | (unsigned)hash[1] << 8) % BUCKETS;
}

/* The link that points at the key's entry, or at the end of its chain. */
static struct entry **find(struct address_count *counts, const struct client_address *key)
{
    struct entry **link = &counts->buckets[bucket_of(counts, key)];
    while (*link && memcmp((*link)->key.bytes, key->bytes, sizeof key->bytes) != 0)
        link = &(*link)->next;
    return link;
}

unsigned address_count_get(const struct address_count *counts, const struct client_address *key)
{
    const struct entry *entry = counts->buckets[bucket_of(counts, key)];
    while (entry && memcmp(entry->key.bytes, key->bytes, sizeof key->bytes) != 0)
        entry = entry->next;
    return entry ? entry->count : 0;
}

void address_count_take(struct address_count *counts, const struct client_address *key)
{
    struct entry **link = find(counts, key);
    if (!*link) {
        *link = HEAP_NEW(struct entry);
        (*link)->key = *key;
    }
    (*link)->count++;
}

void address_count_release(struct address_count *counts, const struct client_address *key)
{
    struct entry **link = find(counts, key);
    struct entry *entry = *link;

    assert(entry && entry->count > 0);
    if (--entry->count > 0)
        return;
    *link = entry->next;
    free(entry);
}
