/* open_claims: what the accounts of a person still owe, as SQL_OPEN_CLAIMS lists it. */
#ifndef DP_SERVER_OPEN_CLAIMS_H
#define DP_SERVER_OPEN_CLAIMS_H

#include "server/db_pool.h"

struct open_claim {
    int64_t id, account_id;
    struct str number, label;
    struct str due_date; /* "2026-06-30", empty when there is none */
    int64_t remaining_cents;
    bool direct_debit;
    bool reserved;           /* a payment of it is at the bank */
    struct str account_name; /* "Julia Durand" */
};

struct open_claims {
    const struct open_claim *items; /* in the arena */
    unsigned n_items;
};

struct open_claims open_claims_read(struct arena *arena, const struct db_result *result);
/* The number on the notice; empty when the label says it already, as some programs write it. */
struct str open_claim_number(const struct open_claim *claim);
/* NULL when it is not among them. */
const struct open_claim *open_claims_find(const struct open_claims *claims, int64_t id);

#endif
