/* ledger: the double-entry legs of one event, added to a batch's plan together with what they move on claims and
 * accounts. The legs of one (contract, bank reference, kind) add up to 0: a debit of the bank is > 0. */
#ifndef DP_WORKER_LEDGER_H
#define DP_WORKER_LEDGER_H

#include "worker/batch.h"

/* What a human has to know about a booking. */
struct ledger_remarks {
    int64_t excess_cents; /* more than claims still owed: in suspense */
    bool lines_mismatch;  /* the lines do not add up: all of it in suspense */
    int64_t unheld_cents; /* refunded without having been held here: taken from suspense */
};

/* PAYMENT: the bank's debit, and for each line what its claim still owes or its account. */
struct ledger_remarks ledger_book_payment(struct batch *batch, const struct batch_entry *entry,
                                          struct batch_payment *payment, struct str bank_ref);
/* REVERSAL: everything the payment still holds goes back. */
struct ledger_remarks ledger_book_reversal(struct batch *batch, const struct batch_entry *entry,
                                           struct batch_payment *payment, struct str bank_ref);
/* REFUND of a part or all: first from suspense, then from the last line to the first. */
struct ledger_remarks ledger_book_refund(struct batch *batch, const struct batch_entry *entry,
                                         struct batch_payment *payment, struct str bank_ref, int64_t amount_cents);
/* ORPHAN: money whose owner a human must find; `payment` NULL when even that is unknown. */
void ledger_book_orphan(struct batch *batch, const struct batch_entry *entry, const struct batch_payment *payment,
                        struct str bank_ref, int64_t amount_cents);

#endif
