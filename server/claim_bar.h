/* claim_bar: what pages say of a claim that cannot be paid by card now. */
#ifndef DP_SERVER_CLAIM_BAR_H
#define DP_SERVER_CLAIM_BAR_H

#include "server/open_claims.h"
#include "templates/templates.h"

/* NULL when `wanted_cents` of it can be paid. `name` is kept: what the claim is called where several are shown. */
const struct claim_bar_view *claim_bar_view_make(struct arena *arena, const struct open_claim *claim,
                                                 int64_t wanted_cents, struct str name);

#endif
