#include "admin/import_index.h"

void import_index_init(struct import_index *index, struct arena *arena, size_t keys_max)
{
    index->size = 16;
    while (index->size < 2 * keys_max)
        index->size *= 2;
    index->slots = ARENA_ARRAY(arena, index->size, struct import_slot);
}

/* FNV-1a over the lower-case bytes: the files are the operator's own, nobody attacks this table. */
static size_t hash(struct str key)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < key.len; i++) {
        unsigned char c = (unsigned char)key.ptr[i];
        h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * UINT64_C(1099511628211);
    }
    return (size_t)(h ^ h >> 32);
}

static struct import_slot *probe(const struct import_index *index, struct str key)
{
    size_t at = hash(key) & (index->size - 1);
    while (index->slots[at].value && !str_eq_nocase(index->slots[at].key, key))
        at = (at + 1) & (index->size - 1);
    return &index->slots[at];
}

void **import_index_at(struct import_index *index, struct str key)
{
    struct import_slot *slot = probe(index, key);
    if (!slot->value)
        slot->key = key;
    return &slot->value;
}

void *import_index_find(const struct import_index *index, struct str key)
{
    return probe(index, key)->value;
}
