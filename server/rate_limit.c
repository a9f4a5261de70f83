#include "server/rate_limit.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/heap.h"

/* A request costs so many parts; each millisecond gives `rate_per_second` of them. */
enum { REQUEST_PARTS = 1000, BUCKETS = RATE_LIMIT_CLIENTS_MAX, KEY_LEN = 16, PREFIX_LEN = 8 };

/* Index 0 is no client: it is the end of every chain and both ends of the list. */
struct client {
    uint8_t key[KEY_LEN];
    int64_t parts;
    int64_t seen_ms;
    uint32_t next_in_bucket;
    uint32_t older, newer;
};

struct rate_limit {
    int64_t rate, full; /* parts a millisecond; parts of a full bucket */
    uint32_t count;
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
    uint32_t buckets[BUCKETS];
    struct client clients[RATE_LIMIT_CLIENTS_MAX + 1];
};

struct rate_limit *rate_limit_new(unsigned rate_per_second, unsigned burst)
{
    /* About four megabytes, of which only what is used becomes resident. */
    struct rate_limit *limit = HEAP_NEW(struct rate_limit);
    limit->rate = rate_per_second;
    limit->full = (int64_t)burst * REQUEST_PARTS;
    crypto_shorthash_keygen(limit->hash_key);
    return limit;
}

void rate_limit_free(struct rate_limit *limit)
{
    free(limit);
}

/* IPv4 as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2); IPv6 without its lower half; zeros for what is neither. */
static void make_key(const char *address, uint8_t key[KEY_LEN])
{
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    memset(key, 0, KEY_LEN);
    if (inet_pton(AF_INET, address, key + sizeof mapped) == 1)
        memcpy(key, mapped, sizeof mapped);
    else if (inet_pton(AF_INET6, address, key) != 1)
        memset(key, 0, KEY_LEN);
    else if (memcmp(key, mapped, sizeof mapped) != 0)
        memset(key + PREFIX_LEN, 0, KEY_LEN - PREFIX_LEN);
}

/* The link that leads to the client with this key, or to where it would be. */
static uint32_t *find_link(struct rate_limit *limit, const uint8_t key[KEY_LEN])
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint32_t bucket;
    uint32_t *link;

    crypto_shorthash(hash, key, KEY_LEN, limit->hash_key);
    memcpy(&bucket, hash, sizeof bucket);
    link = &limit->buckets[bucket % BUCKETS];
    while (*link && memcmp(limit->clients[*link].key, key, KEY_LEN) != 0)
        link = &limit->clients[*link].next_in_bucket;
    return link;
}

static void list_remove(struct client *clients, uint32_t index)
{
    clients[clients[index].older].newer = clients[index].newer;
    clients[clients[index].newer].older = clients[index].older;
}

static void list_add_newest(struct client *clients, uint32_t index)
{
    clients[index].newer = 0;
    clients[index].older = clients[0].older;
    clients[clients[0].older].newer = index;
    clients[0].older = index;
}

/* A place for one more client: a fresh one, or that of the client quiet for longest. */
static uint32_t take_place(struct rate_limit *limit)
{
    uint32_t index;

    if (limit->count < RATE_LIMIT_CLIENTS_MAX)
        return ++limit->count;
    index = limit->clients[0].newer;
    *find_link(limit, limit->clients[index].key) = limit->clients[index].next_in_bucket;
    list_remove(limit->clients, index);
    return index;
}

static struct client *find_client(struct rate_limit *limit, const uint8_t key[KEY_LEN], int64_t now_ms)
{
    uint32_t index = *find_link(limit, key);
    uint32_t *link;

    if (index) {
        list_remove(limit->clients, index);
    } else {
        index = take_place(limit);
        /* Only now: the place taken may have stood in the same bucket. */
        link = find_link(limit, key);
        *link = index;
        limit->clients[index] = (struct client){.parts = limit->full, .seen_ms = now_ms};
        memcpy(limit->clients[index].key, key, KEY_LEN);
    }
    list_add_newest(limit->clients, index);
    return &limit->clients[index];
}

static void refill(const struct rate_limit *limit, struct client *client, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - client->seen_ms;

    if (elapsed_ms <= 0)
        return;
    client->seen_ms = now_ms;
    /* Compared by division: after a long pause the product would not fit. */
    if (limit->rate > 0 && elapsed_ms > (limit->full - client->parts) / limit->rate)
        client->parts = limit->full;
    else
        client->parts += elapsed_ms * limit->rate;
}

bool rate_limit_take(struct rate_limit *limit, const char *address, int64_t now_ms)
{
    uint8_t key[KEY_LEN];
    struct client *client;

    make_key(address, key);
    client = find_client(limit, key, now_ms);
    refill(limit, client, now_ms);
    if (client->parts < REQUEST_PARTS)
        return false;
    client->parts -= REQUEST_PARTS;
    return true;
}
