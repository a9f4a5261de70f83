/* import_index: things of the files by their key. Keys compare without case, as the database does. */
#ifndef DP_ADMIN_IMPORT_INDEX_H
#define DP_ADMIN_IMPORT_INDEX_H

#include "common/arena.h"
#include "common/str.h"

struct import_slot {
    struct str key;
    void *value;
};

struct import_index {
    struct import_slot *slots; /* in the arena; open addressing */
    size_t size;               /* a power of two, at least twice the keys */
};

/* Room for `keys_max` keys. */
void import_index_init(struct import_index *index, struct arena *arena, size_t keys_max);
/* The value's place for the key: NULL inside when the key is new, and then the caller sets it. The key is borrowed. */
void **import_index_at(struct import_index *index, struct str key);
/* NULL when there is none. */
void *import_index_find(const struct import_index *index, struct str key);

#endif
