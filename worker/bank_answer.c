#include "worker/bank_answer.h"

#include "common/err.h"
#include "common/log.h"
#include "worker/apply.h"
#include "worker/facts.h"

/* Another worker that books a call about the same payment makes a conflict; it has committed by the next attempt. */
enum { CONFLICTS_MAX = 4 };

static int attempt(struct db *db, const char *operator_email, struct batch *batch, enum batch_verdict *ret_verdict)
{
    int err = facts_load(batch, db);
    if (err)
        return err;
    batch_decide(batch);
    err = apply_batch(batch, db, operator_email);
    if (err)
        return err;
    *ret_verdict = batch->entries[0].verdict;
    log_info("event_applied", LOG_HEX("event_id", batch->entries[0].event.id, EVENT_ID_LEN),
             LOG_STR("kind", event_kind_name(EVENT_BANK_ANSWER)), LOG_STR("verdict", batch_verdict_name(*ret_verdict)));
    return 0;
}

int bank_answer_apply(struct db *db, const char *operator_email, const struct contract *contract, struct str reference,
                      struct str body, const struct gateway_answer *answer, enum batch_verdict *ret_verdict)
{
    int err = ERR_CONFLICT;
    for (int i = 0; err == ERR_CONFLICT && i < CONFLICTS_MAX; i++) {
        struct batch batch;
        batch_init_answer(&batch, contract, reference, body, answer);
        err = attempt(db, operator_email, &batch, ret_verdict);
        batch_done(&batch);
    }
    return err;
}
