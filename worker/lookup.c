#include "worker/lookup.h"

enum { SLOTS_MIN = 64 };

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash(struct str key)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

/* The key's slot, or the free one where it belongs. */
static struct lookup_slot *slot_of(const struct lookup *lookup, struct str key)
{
    size_t at = (size_t)hash(key) & (lookup->n_slots - 1);
    while (lookup->slots[at].key.ptr && !str_eq(lookup->slots[at].key, key))
        at = (at + 1) & (lookup->n_slots - 1);
    return &lookup->slots[at];
}

static void grow(struct lookup *lookup, struct arena *arena)
{
    struct lookup old = *lookup;
    lookup->n_slots = old.n_slots ? 2 * old.n_slots : SLOTS_MIN;
    lookup->slots = ARENA_ARRAY(arena, lookup->n_slots, struct lookup_slot);
    for (size_t i = 0; i < old.n_slots; i++) {
        if (old.slots[i].key.ptr)
            *slot_of(lookup, old.slots[i].key) = old.slots[i];
    }
}

bool lookup_add(struct lookup *lookup, struct str key, size_t place, struct arena *arena)
{
    if (2 * lookup->n_keys >= lookup->n_slots)
        grow(lookup, arena);
    struct lookup_slot *slot = slot_of(lookup, key);
    if (slot->key.ptr)
        return false;
    *slot = (struct lookup_slot){{key.ptr ? key.ptr : "", key.len}, place};
    lookup->n_keys++;
    return true;
}

bool lookup_find(const struct lookup *lookup, struct str key, size_t *ret_place)
{
    if (lookup->n_slots == 0)
        return false;
    const struct lookup_slot *slot = slot_of(lookup, key);
    if (!slot->key.ptr)
        return false;
    *ret_place = slot->place;
    return true;
}
