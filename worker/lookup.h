/* lookup: the place in a list at which something stands, by its key. A hash table in an arena, for the lists of a
 * batch: walking them once an event costs more than deciding it. The worst keys make it as slow as that walk, not
 * slower. */
#ifndef DP_WORKER_LOOKUP_H
#define DP_WORKER_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/str.h"

struct lookup_slot {
    struct str key; /* borrowed; ptr NULL: free */
    size_t place;
};

/* Zeroed: empty. */
struct lookup {
    struct lookup_slot *slots;
    size_t n_slots, n_keys; /* n_slots: 0 or a power of two */
};

/* The bytes of a number, which stays where it is as long as the table. */
#define LOOKUP_NUMBER(pointer) str_slice((const char *)(pointer), sizeof *(pointer))

/* False: the key stands there already, with the place that was given first. The key is not copied. */
bool lookup_add(struct lookup *lookup, struct str key, size_t place, struct arena *arena);
bool lookup_find(const struct lookup *lookup, struct str key, size_t *ret_place);

#endif
