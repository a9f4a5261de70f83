/* journal_index: which records are live, and where; never what is in them. Belongs to the loop.
 *
 * A hash table by id, and every entry in two lists: by age and by the moment it was last handed on. Add (for new
 * records), find, remove and touch are O(1). One entry an id: a second copy of a record is not live. */
#ifndef DP_SERVER_JOURNAL_INDEX_H
#define DP_SERVER_JOURNAL_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "server/journal_segment.h"

/* A place in a list that is kept in the order of its keys. */
struct journal_place {
    struct journal_place *prev, *next;
    int64_t key;
};

struct journal_entry {
    struct journal_entry *next_in_bucket;
    struct journal_place age;        /* key: location.at_us */
    struct journal_place turn;       /* key: monotonic ms; when it was written or last handed on */
    struct journal_segment *segment; /* borrowed: a segment outlives its entries */
    struct journal_location location;
};

struct journal_index;

struct journal_index *journal_index_new(void);
void journal_index_free(struct journal_index *index); /* and its entries; NULL allowed */

/* NULL if no such record is live. */
struct journal_entry *journal_index_find(struct journal_index *index, const uint8_t id[EVENT_ID_LEN]);
/* Counts it in segment->live. False, and nothing done, if the id is live already. */
bool journal_index_add(struct journal_index *index, struct journal_segment *segment,
                       const struct journal_location *location, int64_t turn_ms);
/* Frees the entry and counts it off its segment, which it returns. */
struct journal_segment *journal_index_remove(struct journal_index *index, struct journal_entry *entry);
/* Its turn comes last. */
void journal_index_touch(struct journal_index *index, struct journal_entry *entry, int64_t now_ms);

/* The entry whose turn comes after that of `entry` (NULL: whose turn is first); NULL at the end. */
struct journal_entry *journal_index_next(const struct journal_index *index, const struct journal_entry *entry);

/* The `at` of the oldest record; 0 when there is none. */
int64_t journal_index_oldest_at_us(const struct journal_index *index);
uint64_t journal_index_count(const struct journal_index *index);
uint64_t journal_index_bytes(const struct journal_index *index);

#endif
