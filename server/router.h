/* router: from method and path to a handler. Wire floor. */
#ifndef DP_SERVER_ROUTER_H
#define DP_SERVER_ROUTER_H

#include "server/request.h"

typedef void (*route_cb)(struct request *request);

enum route_flags {
    ROUTE_BANK = 1 << 0,    /* a bank's call: reserve of connections, no rate limit, body as raw bytes */
    ROUTE_LANDING = 1 << 1, /* a page that needs a login, and on which whoever asked for it may land after it */
};

struct route {
    const char *path; /* "/paiement/{reference}/payer"; one {name} is one non-empty segment */
    route_cb get;     /* also HEAD; NULL: 405 */
    route_cb post;    /* NULL: 405 */
    unsigned flags;
};

struct router {
    const struct route *routes; /* ends with path NULL; borrowed */
    void *app;
    /* Answers that the application draws: 400, 404, 405 (Allow is set already in `allow`), 408, 413, 429, 503 … */
    void (*error)(struct request *request, unsigned status, const char *allow);
    /* May refuse a request before its handler runs (rate limit): 0, or the status to answer. NULL: none. */
    unsigned (*admit)(struct request *request, const struct route *route);
};

/* Runs the handler or answers 404/405. Segments are percent-decoded; a bad one is 404. */
void router_dispatch(const struct router *router, struct request *request);
/* Answers `status` with the application's error page; for handlers that end so. */
void router_error(struct request *request, unsigned status);
/* The route for a path without running it (NULL: none): lets the connection know a bank's call by its head. */
const struct route *router_find(const struct router *router, struct str path);

#endif
