/* payment_proofs: what is known of a payment and since when, from SQL_PAYMENT_PROOFS, in the words of its page. */
#ifndef DP_SERVER_PAYMENT_PROOFS_H
#define DP_SERVER_PAYMENT_PROOFS_H

#include "server/payment_row.h"

struct payment_proofs {
    const struct proof_view *items; /* in the arena */
    unsigned n_items;
    bool is_discarded;               /* its payer ended it, not the bank */
    unsigned n_reports, n_arrived;   /* reports that were sent; those that stand before the bursar */
    unsigned n_reports_today;        /* of the sent ones, within a day */
    int64_t reported_us, arrived_us; /* the last of each; 0: none */
};

/* `rows` of SQL_PAYMENT_PROOFS; `now_us` is what "within a day" counts from. */
void payment_proofs_read(struct arena *arena, const struct payment_row *row, const struct db_result *rows,
                         int64_t now_us, struct payment_proofs *ret);

#endif
