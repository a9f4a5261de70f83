#include "server/payment_proofs.h"

#include "common/clock.h"
#include "common/french.h"
#include "common/log.h"

enum { FIXED_ITEMS = 6, ITEMS_A_CHANGE = 2, HOURS_A_DAY = 24 };

/* The list while it is made. */
struct proving {
    struct arena *arena;
    const struct payment_row *row;
    struct proof_view *items;
    unsigned n_items;
    int64_t returned_us;
    bool was_discarded;
};

/* Gives the new item, for a hint. */
static struct proof_view *add(struct proving *proving, struct str what, struct str note, int64_t at_us,
                              struct str missing)
{
    struct proof_view *item = &proving->items[proving->n_items++];
    *item = (struct proof_view){.what = what, .note = note, .missing = missing};
    if (at_us) {
        item->at = french_datetime(proving->arena, at_us);
        item->at_iso = french_time_iso(proving->arena, at_us);
    }
    return item;
}

static void add_beginning(struct proving *proving)
{
    const struct payment_row *row = proving->row;
    add(proving, STR("Demande faite"), STR_NULL, row->created_us, STR_NULL);
    add(proving, STR("Envoi à la banque"), STR_NULL, row->sent_us,
        payment_state_is_open(row->state) ? STR("pas encore") : STR("jamais"));
    if (!row->sent_us)
        return;
    struct proof_view *returned = add(proving, STR("Retour de votre navigateur"), STR_NULL, proving->returned_us,
                                      payment_state_is_open(row->state) ? STR("pas encore") : STR("pas vu"));
    returned->hint = STR("un simple signe, qui ne prouve rien");
}

/* The bank's first word of acceptance is one proof, its confirmation that the money is in another, even if one message
 * brings both. */
static void add_acceptance(struct proving *proving, enum payment_state from, enum payment_state to, int64_t at_us)
{
    int accepted = payment_state_rank(PAYMENT_AUTHORISED);
    if (payment_state_rank(from) < accepted)
        add(proving, STR("Message de la banque"), STR("paiement accepté"), at_us, STR_NULL);
    else if (to == PAYMENT_CAPTURED)
        add(proving, STR("Message de la banque"), STR("paiement remis à l'encaissement"), at_us, STR_NULL);
    if (to == PAYMENT_SETTLED)
        add(proving, STR("Encaissement confirmé par la banque"), STR_NULL, at_us, STR_NULL);
}

static void add_change(struct proving *proving, enum payment_state from, enum payment_state to, bool of_bank,
                       int64_t at_us)
{
    if (to == PAYMENT_CANCELLED && !of_bank) {
        proving->was_discarded = true;
        add(proving, STR("Abandon à votre demande"), STR_NULL, at_us, STR_NULL);
    } else if (to == PAYMENT_CANCELLED) {
        add(proving, STR("Message de la banque"), STR("paiement abandonné avant la fin"), at_us, STR_NULL);
    } else if (to == PAYMENT_DECLINED) {
        add(proving, STR("Message de la banque"), STR("paiement refusé"), at_us, STR_NULL);
    } else if (to == PAYMENT_EXPIRED) {
        add(proving, STR("Délai dépassé"), STR("sans accord de la banque"), at_us, STR_NULL);
    } else if (to == PAYMENT_REVERSED) {
        add(proving, STR("Message de la banque"), STR("paiement repris (rejet)"), at_us, STR_NULL);
    } else if (to == PAYMENT_REFUNDED) {
        add(proving, STR("Message de la banque"), STR("remboursement fait"), at_us, STR_NULL);
    } else if (payment_state_is_paid(to)) {
        add_acceptance(proving, from, to, at_us);
    }
}

static void read_change(struct proving *proving, const struct db_value *row)
{
    enum payment_state from, to;
    if (payment_state_from_name(row[PROOF_FROM].text, &from) != 0 ||
        payment_state_from_name(row[PROOF_TO].text, &to) != 0)
        log_fatal("unknown_payment_state", LOG_SLICE("state", row[PROOF_TO].text));
    add_change(proving, from, to, row[PROOF_BANK_CODE].text.len > 0, row[PROOF_AT].number);
}

static void read_report(struct payment_proofs *proofs, bool arrived, int64_t at_us, int64_t now_us)
{
    if (arrived) {
        proofs->n_arrived++;
        proofs->arrived_us = at_us;
        return;
    }
    proofs->n_reports++;
    proofs->reported_us = at_us;
    proofs->n_reports_today += now_us - at_us < HOURS_A_DAY * 60 * CLOCK_MINUTE_US;
}

static void read_sign(struct proving *proving, const struct db_value *row, int64_t now_us, struct payment_proofs *ret)
{
    if (str_eq(row[PROOF_KIND].text, STR("RETURN")))
        proving->returned_us = row[PROOF_AT].number;
    else if (str_eq(row[PROOF_KIND].text, STR("REPORT")))
        read_report(ret, false, row[PROOF_AT].number, now_us);
    else if (str_eq(row[PROOF_KIND].text, STR("REVIEW")))
        read_report(ret, true, row[PROOF_AT].number, now_us);
}

/* What is still to come, or came to nothing. */
static void add_end(struct proving *proving)
{
    const struct payment_row *row = proving->row;
    if (row->state == PAYMENT_PENDING)
        add(proving, STR("Message de la banque"), STR_NULL, 0, STR("pas encore"));
    if (row->discard_asked_us && !proving->was_discarded && !payment_state_is_open(row->state))
        add(proving, STR("Abandon demandé par vous"), STR("sans effet"), row->discard_asked_us, STR_NULL)->hint =
            STR("ce paiement n'était plus en attente");
    if (row->state == PAYMENT_AUTHORISED || row->state == PAYMENT_CAPTURED)
        add(proving, STR("Encaissement confirmé par la banque"), STR_NULL, 0, STR("pas encore"))->hint =
            STR("en général quelques jours après son accord");
}

void payment_proofs_read(struct arena *arena, const struct payment_row *row, const struct db_result *rows,
                         int64_t now_us, struct payment_proofs *ret)
{
    struct proving proving = {.arena = arena, .row = row};
    struct payment_proofs proofs = {0};

    proving.items = ARENA_ARRAY(arena, FIXED_ITEMS + ITEMS_A_CHANGE * (size_t)rows->n_rows, struct proof_view);
    for (unsigned i = 0; i < rows->n_rows; i++)
        read_sign(&proving, db_row(rows, i), now_us, &proofs);
    add_beginning(&proving);
    for (unsigned i = 0; i < rows->n_rows; i++) {
        if (str_eq(db_row(rows, i)[PROOF_KIND].text, STR("CHANGE")))
            read_change(&proving, db_row(rows, i));
    }
    add_end(&proving);
    proofs.items = proving.items;
    proofs.n_items = proving.n_items;
    proofs.is_discarded = row->state == PAYMENT_CANCELLED && proving.was_discarded;
    *ret = proofs;
}
