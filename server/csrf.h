/* csrf: the hidden token of every POST form: an HMAC of the browser's cookie under a key of the installation, so
 * nothing has to be stored and every dp-server accepts what another one made. */
#ifndef DP_SERVER_CSRF_H
#define DP_SERVER_CSRF_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/digest.h"
#include "common/vault.h"

struct csrf {
    struct digest_hmac *hmac; /* owned */
};

void csrf_init(struct csrf *csrf, const struct vault *vault);
void csrf_done(struct csrf *csrf);
/* The token for a cookie's value, in `arena`. */
struct str csrf_token(const struct csrf *csrf, struct arena *arena, struct str cookie);
/* In constant time. An empty cookie or token never matches. */
bool csrf_matches(const struct csrf *csrf, struct arena *arena, struct str cookie, struct str token);

#endif
