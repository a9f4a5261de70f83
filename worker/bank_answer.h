/* bank_answer: has what a bank answered decided and booked, by the same rules and in the same SQL transaction as what
 * it tells by itself. */
#ifndef DP_WORKER_BANK_ANSWER_H
#define DP_WORKER_BANK_ANSWER_H

#include "worker/batch.h"
#include "worker/db.h"

/* `answer` is the contract's gateway's reading of `body`, and REPORTED. Done again, it does nothing (VERDICT_REPEATED).
 * Errors of db.h, nothing is then written; ERR_CONFLICT after several races with other workers over the payment. */
int bank_answer_apply(struct db *db, const char *operator_email, const struct contract *contract, struct str reference,
                      struct str body, const struct gateway_answer *answer, enum batch_verdict *ret_verdict);

#endif
