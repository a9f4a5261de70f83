/* open_claims: what the accounts of a person owe, as SQL_OPEN_CLAIMS lists it, and whether it can be paid by card now.
 */
#ifndef DP_SERVER_OPEN_CLAIMS_H
#define DP_SERVER_OPEN_CLAIMS_H

#include "server/db_pool.h"

/* A claim as it stands for one person. */
struct open_claim {
    int64_t id, account_id;
    struct str number, label;
    struct str due_date;     /* "2026-06-30", empty when there is none */
    int64_t remaining_cents; /* 0: settled lately, by another payer at least in part */
    bool direct_debit;
    int64_t held_since_us;     /* a payment of it is at the bank since … */
    int64_t held_until_us;     /* … and it is kept for that payment until then; 0: it is free */
    struct str own_hold;       /* that payment's reference when it is the person's own; else empty */
    struct str own_settlement; /* the last own payment booked on it; only of the lines of a payment */
    int64_t others_cents;      /* what other payers settled of it */
    int64_t others_at_us;      /* the last time */
    struct str account_name;   /* "Julia Durand" */
};

/* The open ones by due date, then those settled lately. */
struct open_claims {
    const struct open_claim *items; /* in the arena */
    unsigned n_items;
    unsigned n_open; /* the first ones: something remains */
};

struct open_claims open_claims_read(struct arena *arena, const struct db_result *result);
/* The number on the notice; empty when the label says it already, as some programs write it. */
struct str open_claim_number(const struct open_claim *claim);
/* NULL when it is not among them. */
const struct open_claim *open_claims_find(const struct open_claims *claims, int64_t id);

/* Why a claim cannot be paid by card now. */
enum claim_bar {
    BAR_NONE,
    BAR_SETTLED,
    BAR_DIRECT_DEBIT,
    BAR_HELD,     /* another payment of it is at the bank */
    BAR_TOO_MUCH, /* less remains than is to be paid */
};

enum claim_bar open_claims_bar(const struct open_claim *claim, int64_t wanted_cents);

#endif
