/* bank: what the bank does and says, and what it was answered: the ground truth that the checker measures by. */
#ifndef DP_SIMULATOR_BANK_H
#define DP_SIMULATOR_BANK_H

#include <stdbool.h>

#include "common/event.h"
#include "simulator/school.h"

enum { BANK_CALLS_MAX = 48, BANK_FORGERIES_MAX = 16 };

/* One thing that the bank says; it may be sent many times. */
struct bank_call {
    const struct school_payment *payment; /* NULL: a reference that is not ours */
    const char *code;
    struct str bank_ref;
    int64_t amount_cents;
    struct str raw;
    uint8_t id[EVENT_ID_LEN];
    uint8_t unverified_id[EVENT_ID_LEN]; /* when dp-server could not check it */
    bool seal_is_good;
    bool is_recut;     /* another call's seal over the same bytes, cut in another way: never the bank's own */
    bool is_poison;    /* a worker that looks for its reference dies */
    bool acknowledged; /* the bank has read "spcheckok" */
    unsigned n_copies; /* still to be sent whatever is answered */
    unsigned n_tries;
};

/* Draws what is to be said until then. */
void bank_begin(int64_t until_us);
/* Somebody else writes to the stream: bad seals, genuine ids over other bytes and other kinds, junk. */
void bank_forge(void);
/* Tries no more. */
bool bank_is_done(void);

const struct bank_call *bank_call_at(unsigned i); /* NULL: there are no more */
const struct bank_call *bank_find_call(const uint8_t id[EVENT_ID_LEN]);
/* Looking for that reference crashes. */
bool bank_is_poison(struct str reference);
bool bank_is_forged(const uint8_t id[EVENT_ID_LEN]);
/* 1, 4, 10, 30: money has come. */
bool bank_is_money(const struct bank_call *call);
/* Exactly what was asked for is paid. */
bool bank_is_acceptance(const struct bank_call *call);

#endif
