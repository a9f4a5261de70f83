/* school: one school with its contract at the bank, a family, accounts and claims, and the payments of the schedule. */
#ifndef DP_SIMULATOR_SCHOOL_H
#define DP_SIMULATOR_SCHOOL_H

#include "common/gateway/gateway.h"

enum { SCHOOL_PAYMENTS_MAX = 6, SCHOOL_LINES_MAX = 3, SCHOOL_ACCOUNTS = 3, SCHOOL_CLAIMS = 3 };

struct school_payment {
    int64_t id;
    struct str reference;
    struct str sent; /* the request, as stored; empty: never sent */
    int64_t amount_cents;
    bool lines_fit; /* they add up to the amount */
};

struct school {
    bool some_expire; /* while the bank speaks */
    int64_t payer_id; /* of all payments */
    unsigned n_payments;
    struct school_payment payments[SCHOOL_PAYMENTS_MAX];
};
extern struct school school;

/* Once: the bank's key. */
void school_init(void);
/* Writes rows by chance into an empty database. */
void school_open(void);
const struct gateway_contract *school_contract(void);

#endif
