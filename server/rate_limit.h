/* rate_limit: a token bucket for each client address, in a table of fixed size. Knows no clock and no loop.
 *
 * An IPv6 client is its /64, the smallest network that one customer gets (RFC 6177 §2); IPv4 addresses written as IPv6
 * count as IPv4. When the table is full, the client that was quiet for longest is forgotten: it starts again with a
 * full bucket, so a flood of addresses costs the honest nothing. */
#ifndef DP_SERVER_RATE_LIMIT_H
#define DP_SERVER_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum { RATE_LIMIT_CLIENTS_MAX = 65536 };

struct rate_limit;

/* A full bucket holds `burst` requests and gains `rate_per_second`. */
struct rate_limit *rate_limit_new(unsigned rate_per_second, unsigned burst);
void rate_limit_free(struct rate_limit *limit); /* NULL allowed */

/* True if this client may go on now; `address` as inet_ntop() writes it (what is no address shares one bucket),
 * `now_ms` monotonic. */
bool rate_limit_take(struct rate_limit *limit, const char *address, int64_t now_ms);

#endif
