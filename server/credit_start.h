/* credit_start: the form "Créditer un compte" as it is first shown: empty, filled with the claims that were ticked on
 * the home page, or as the payment that is modified was stored. */
#ifndef DP_SERVER_CREDIT_START_H
#define DP_SERVER_CREDIT_START_H

#include "server/credit_form.h"

/* What became of the claims that were asked for. */
struct credit_start {
    unsigned n_gone; /* not among those that can be paid here (any more) */
    unsigned n_over; /* more than the lines of one payment */
    bool none_ticked;
};

/* ERR_INVALID: creance is there several times and is not always a number. The query's fields:
 *   creance, any number of times  those claims, one a line
 *   tout                          all that can be paid now
 *   cochees                       the form of the home page was sent: some creance is expected
 *   compte                        a payment in advance to that account */
int credit_start_fill(struct credit_form *form, struct arena *arena, const struct form *query,
                      const struct credit_rules *rules, struct credit_start *ret);
/* From SQL_STORED_PAYMENT's rows, of which there is at least one. */
void credit_start_modify(struct credit_form *form, struct arena *arena, const struct db_result *stored);

#endif
