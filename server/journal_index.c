#include "server/journal_index.h"

#include <stdlib.h>

#include "common/heap.h"
#include "common/id_hash.h"

/* For JOURNAL_INDEXED_MAX records, and a segment's beyond them: chains of a few, and no pause to make the table larger.
 */
enum { BUCKET_BITS = 13 };

/* A ring in the order of the keys. New records belong at its end; adopted ones come in runs that belong somewhere in
 * the middle, each next to the one before: the finger stays where the last of them was put. */
struct order {
    struct journal_place ring;
    struct journal_place *finger;
};

struct journal_index {
    struct journal_entry **buckets; /* owned, as are the entries */
    struct order ages;
    struct order turns;
    uint64_t count, bytes;
    struct id_hash hash;
};

static void order_init(struct order *order)
{
    order->ring.prev = order->ring.next = &order->ring;
    order->finger = &order->ring;
}

static void order_insert(struct order *order, struct journal_place *place)
{
    struct journal_place *ring = &order->ring;
    struct journal_place *at = ring->prev;
    bool last = at == ring || at->key <= place->key;

    if (!last) {
        at = order->finger;
        while (at != ring && at->key > place->key)
            at = at->prev;
        while (at->next != ring && at->next->key <= place->key)
            at = at->next;
        order->finger = place;
    }
    place->prev = at;
    place->next = at->next;
    place->next->prev = place;
    at->next = place;
}

static void order_remove(struct order *order, struct journal_place *place)
{
    if (order->finger == place)
        order->finger = place->prev;
    place->prev->next = place->next;
    place->next->prev = place->prev;
}

static struct journal_entry *entry_of_age(struct journal_place *place)
{
    return (struct journal_entry *)((char *)place - offsetof(struct journal_entry, age));
}

static struct journal_entry *entry_of_turn(struct journal_place *place)
{
    return (struct journal_entry *)((char *)place - offsetof(struct journal_entry, turn));
}

struct journal_index *journal_index_new(void)
{
    struct journal_index *index = HEAP_NEW(struct journal_index);

    index->buckets = HEAP_ARRAY(1 << BUCKET_BITS, struct journal_entry *);
    order_init(&index->ages);
    order_init(&index->turns);
    index->hash = id_hash_new(BUCKET_BITS);
    return index;
}

void journal_index_free(struct journal_index *index)
{
    if (!index)
        return;
    for (struct journal_place *at = index->ages.ring.next, *next; at != &index->ages.ring; at = next) {
        next = at->next;
        free(entry_of_age(at));
    }
    free(index->buckets);
    free(index);
}

/* The link that leads to the entry with this id, or to where it would be. */
static struct journal_entry **find_link(struct journal_index *index, const uint8_t id[EVENT_ID_LEN])
{
    struct journal_entry **link = &index->buckets[id_hash_bucket(&index->hash, id)];

    while (*link && memcmp((*link)->location.id, id, EVENT_ID_LEN) != 0)
        link = &(*link)->next_in_bucket;
    return link;
}

struct journal_entry *journal_index_find(struct journal_index *index, const uint8_t id[EVENT_ID_LEN])
{
    return *find_link(index, id);
}

bool journal_index_add(struct journal_index *index, struct journal_segment *segment,
                       const struct journal_location *location, int64_t turn_ms)
{
    struct journal_entry **link = find_link(index, location->id);
    struct journal_entry *entry;

    if (*link)
        return false;
    entry = HEAP_NEW(struct journal_entry);
    entry->segment = segment;
    entry->location = *location;
    entry->age.key = location->at_us;
    entry->turn.key = turn_ms;
    *link = entry;
    order_insert(&index->ages, &entry->age);
    order_insert(&index->turns, &entry->turn);
    segment->live++;
    index->count++;
    index->bytes += location->length;
    return true;
}

struct journal_segment *journal_index_remove(struct journal_index *index, struct journal_entry *entry)
{
    struct journal_segment *segment = entry->segment;

    *find_link(index, entry->location.id) = entry->next_in_bucket;
    order_remove(&index->ages, &entry->age);
    order_remove(&index->turns, &entry->turn);
    segment->live--;
    index->count--;
    index->bytes -= entry->location.length;
    free(entry);
    return segment;
}

void journal_index_touch(struct journal_index *index, struct journal_entry *entry, int64_t now_ms)
{
    order_remove(&index->turns, &entry->turn);
    entry->turn.key = now_ms;
    order_insert(&index->turns, &entry->turn);
}

struct journal_entry *journal_index_next(const struct journal_index *index, const struct journal_entry *entry)
{
    struct journal_place *next = entry ? entry->turn.next : index->turns.ring.next;

    return next == &index->turns.ring ? NULL : entry_of_turn(next);
}

int64_t journal_index_oldest_at_us(const struct journal_index *index)
{
    struct journal_place *oldest = index->ages.ring.next;

    return oldest == &index->ages.ring ? 0 : entry_of_age(oldest)->location.at_us;
}

uint64_t journal_index_count(const struct journal_index *index)
{
    return index->count;
}

uint64_t journal_index_bytes(const struct journal_index *index)
{
    return index->bytes;
}
