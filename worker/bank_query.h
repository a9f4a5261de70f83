/* bank_query: the thread that asks banks about payments that they never called about. With connections of its own, so
 * that a slow bank delays nothing but other questions; any number of workers, of which one asks at a time: a question
 * is claimed with a lease, and what is written afterwards names the claim.
 *
 * What a bank answers is decided and booked as a call is (batch.h). The janitor lets a payment expire only when nothing
 * more is to be asked, and hands it to a human when the bank has not said that it knows nothing of it. */
#ifndef DP_WORKER_BANK_QUERY_H
#define DP_WORKER_BANK_QUERY_H

#include "common/config.h"
#include "common/vault.h"
#include "worker/bank_client.h"
#include "worker/contracts.h"
#include "worker/db.h"
#include "worker/metrics.h"

enum {
    BANK_QUERY_FIRST_S = 180,       /* after the payment was sent */
    BANK_QUERY_NEW_MAX = 500,       /* payments that get their first question in one turn */
    BANK_QUERY_CLAIMS_MAX = 100,    /* of one payment: more means that asking ends workers */
    BANK_QUERY_LEASE_MARGIN_S = 60, /* on top of the question's own deadline: to write its answer */
    BANK_QUERY_CONTRACTS_MS = 60000 /* how old the contracts may be */
};

struct bank_query_settings {
    const struct config *config; /* borrowed, as all of these */
    const struct vault *vault;
    struct drain *drain;
    struct metrics *metrics;
};

/* Works until the drain begins. */
void bank_query_run(const struct bank_query_settings *settings);

/* For the thread and for tests: what it works with. */
struct bank_query {
    const struct bank_query_settings *settings; /* borrowed */
    struct db *db;                              /* owned, as these */
    struct contracts *contracts;
    struct bank_client *client;
    int64_t contracts_loaded_ms; /* monotonic; 0: never */
};

void bank_query_init(struct bank_query *query, const struct bank_query_settings *settings);
void bank_query_done(struct bank_query *query);
/* Looks for payments whose first question is due. Errors of db.h. */
int bank_query_find_new(struct bank_query *query);
/* Claims the question that is longest due, asks it, has the answer booked and sets the next one. *ret_asked: there was
 * one. Errors of db.h: then the claim ends by itself and it is asked again; ERR_CANCELLED: the drain has begun. */
int bank_query_take_turn(struct bank_query *query, bool *ret_asked);

/* When to ask again after a question asked at `asked_us` (microseconds, the database's clock); 0: never. Questions are
 * due 3 and 10 minutes, half an hour, 2, 6 and 24 hours after the payment was sent, and when its validity is over: what
 * the bank then says for certain is the last word. */
int64_t bank_query_next_us(int64_t asked_us, int64_t sent_us, int64_t expires_us, enum gateway_answer_kind kind);

#endif
