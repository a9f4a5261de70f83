/* admission: who may have a connection or a request now. Wire floor.
 *
 * The last `bank_reserve` connections of `connections_max` serve banks only. So do up to as many connections of an
 * address that already has its share, so that a bank that calls from one address at term start is still heard; their
 * heads tell (ROUTE_BANK), and any other head is answered 503. Trusted proxies carry many clients: their connections
 * are not counted by address, their requests are, by the forwarded address. */
#ifndef DP_SERVER_ADMISSION_H
#define DP_SERVER_ADMISSION_H

#include "common/config.h"
#include "server/address_count.h"
#include "server/client_address.h"

enum admission_verdict { ADMISSION_REFUSED, ADMISSION_OPEN, ADMISSION_BANK_ONLY };

struct admission {
    unsigned connections_max, per_address_max, bank_reserve;
    struct client_address_trust trust;
    struct address_count *counts; /* owned */
    unsigned n_connections;       /* admitted and not left */
    unsigned n_over_address;      /* of these, beyond their address's share */
};

/* What one connection holds. */
struct admission_ticket {
    enum admission_verdict verdict;
    struct client_address key;
    bool by_address, over_address;
};

/* ERR_INVALID: [listen] trusted_proxies. */
int admission_init(struct admission *admission, const struct config *config);
void admission_done(struct admission *admission);

struct admission_ticket admission_enter(struct admission *admission, const struct client_address *peer);
/* Gives back what the ticket holds; a second time is harmless. */
void admission_leave(struct admission *admission, struct admission_ticket *ticket);

/* A request that came through a trusted proxy; false: its client has its share of requests under way already. */
bool admission_enter_request(struct admission *admission, const struct client_address *client);
void admission_leave_request(struct admission *admission, const struct client_address *client);

#endif
