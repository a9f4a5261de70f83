/* address_count: how many connections or requests each client address holds at this moment. Wire floor.
 *
 * A hash table keyed with random bytes, so that nobody can aim at one bucket. It holds an entry only for addresses that
 * hold something, so its size is bounded by the connections. */
#ifndef DP_SERVER_ADDRESS_COUNT_H
#define DP_SERVER_ADDRESS_COUNT_H

#include "server/client_address.h"

struct address_count;

struct address_count *address_count_new(void);
void address_count_free(struct address_count *counts); /* NULL is fine */

unsigned address_count_get(const struct address_count *counts, const struct client_address *key);
void address_count_take(struct address_count *counts, const struct client_address *key);
/* One that was taken before. */
void address_count_release(struct address_count *counts, const struct client_address *key);

#endif
