/* wanted: the page that somebody asked for before logging in, to land on afterwards. Pure; page_cookies.c keeps it in
 * the browser, so what comes back is somebody's guess until it has been checked again.
 *
 * Only the pages that routes.c marks with ROUTE_LANDING can be landed on, so no file, no form's target and no address
 * that is itself a secret is ever kept. */
#ifndef DP_SERVER_WANTED_H
#define DP_SERVER_WANTED_H

#include "server/router.h"

enum { WANTED_MAX = 400 }; /* bytes of an address that is kept */

struct wanted {
    struct str address; /* "/historique?annee=2026"; STR_NULL: none */
    bool was_form;      /* a form was sent there and what it held is lost */
};

/* Whether `address` is one of our own pages that need a login, written as we write it: so no other host, no second
 * meaning for a browser, no control character, however encoded. */
bool wanted_is_page(const struct router *router, struct str address);
/* What a request that is sent to the login page was after: its own page, with the query; else the nearest page above
 * (that of a payment for its receipt). In the request's arena. */
struct wanted wanted_of_request(const struct router *router, struct request *request);
/* To a cookie's value and back; what is no page of ours gives no address. */
struct str wanted_to_cookie(struct arena *arena, const struct wanted *wanted);
struct wanted wanted_from_cookie(const struct router *router, struct str value);

#endif
