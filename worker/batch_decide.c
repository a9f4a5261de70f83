/* Decides the events of a batch one after the other: judge, decide, book. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/digest.h"
#include "common/encode.h"
#include "common/money.h"
#include "worker/batch.h"
#include "worker/ledger.h"

enum { BANK_CODE_MAX = 8, DETAIL_TEXT_MAX = 60, EVENT_REF_BYTES = 16 };

/* One call of a bank on its way through the rules. */
struct step {
    struct batch *batch;
    struct batch_entry *entry;
    struct batch_payment *payment; /* NULL: unknown reference */
    struct gateway_judgement judgement;
    struct payment_decision decision;
    struct str bank_code, bank_ref; /* printable, cut to their columns */
    const char *note;               /* of the history, where no review is */
};

/* Whatever a caller may have written becomes printable ASCII: no column refuses it, no mail is upset by it. */
static struct str printable(struct arena *arena, struct str s, size_t len_max)
{
    size_t len = s.len < len_max ? s.len : len_max;
    char *copy = arena_text(arena, str_slice(s.ptr, len));
    for (size_t i = 0; i < len; i++) {
        if (copy[i] < 0x20 || copy[i] > 0x7e)
            copy[i] = '?';
    }
    return str_slice(copy, len);
}

/* The key that money is booked under. A call whose own reference is missing or unfit gets one from its event id. */
static struct str booking_ref(struct arena *arena, const struct batch_entry *entry, struct str bank_ref)
{
    struct str clean = printable(arena, bank_ref, BATCH_BANK_REF_MAX);
    if (bank_ref.len > 0 && str_eq(clean, bank_ref))
        return clean;
    char hex[2 * EVENT_REF_BYTES + 1];
    encode_hex(entry->event.id, EVENT_REF_BYTES, hex);
    return arena_printf(arena, "event:%s", hex);
}

static void add_review(struct step *step, enum review_reason reason, const char *detail, int64_t amount_cents)
{
    const struct batch_payment *payment = step->payment;
    const struct contract *contract = step->entry->contract;
    *BATCH_ADD(step->batch, &step->batch->plan.reviews) = (struct plan_review){
        .entry = step->entry,
        .school_id = payment    ? payment->school_id
                     : contract ? contract->school_id
                                : 0,
        .contract_id = contract ? contract->bank.id : 0,
        .transaction_id = payment ? payment->id : 0,
        .reason = reason,
        .detail = detail,
        .amount_cents = amount_cents,
    };
}

static bool is_answer(const struct step *step)
{
    return step->entry->event.kind == EVENT_BANK_ANSWER;
}

/* "Message de la banque : opération 36628282, code 1, référence …, montant 158,50 € (demandé : 100,00 €). …" */
static const char *describe(const struct step *step, const char *remark)
{
    struct arena *arena = &step->batch->arena;
    const struct payment_report *report = &step->judgement.report;
    char announced[MONEY_TEXT_SIZE], asked[MONEY_TEXT_SIZE];
    money_format(report->amount_cents, announced);
    struct str base = arena_printf(arena, "%s\u00a0: opération %.*s, code %.*s, référence %.*s, montant %s",
                                   is_answer(step) ? "Réponse de la banque" : "Message de la banque",
                                   STR_ARG(step->bank_ref), STR_ARG(step->bank_code),
                                   STR_ARG(printable(arena, step->entry->reference, DETAIL_TEXT_MAX)), announced);
    if (step->payment && report->amount_cents != step->payment->facts.amount_cents) {
        money_format(step->payment->facts.amount_cents, asked);
        base = arena_printf(arena, "%.*s (montant du paiement\u00a0: %s)", STR_ARG(base), asked);
    }
    return arena_printf(arena, "%.*s.%s%s", STR_ARG(base), remark ? " " : "", remark ? remark : "").ptr;
}

/* Reviews of a call that nobody vouches for go to the operator only: no school is named. */
static void refuse(struct step *step, enum batch_verdict verdict, const char *what)
{
    struct arena *arena = &step->batch->arena;
    struct str detail = arena_printf(arena, "%s (marchand %.*s, référence %.*s).", what,
                                     STR_ARG(printable(arena, step->entry->merchant_id, DETAIL_TEXT_MAX)),
                                     STR_ARG(printable(arena, step->entry->reference, DETAIL_TEXT_MAX)));
    *BATCH_ADD(step->batch, &step->batch->plan.reviews) = (struct plan_review){
        .entry = step->entry,
        .contract_id = step->entry->contract ? step->entry->contract->bank.id : 0,
        .reason = REVIEW_UNVERIFIABLE,
        .detail = detail.ptr,
    };
    step->entry->verdict = verdict;
}

/* What says more than "bad shape" about a call that cannot have the shape of a payment it does not fit. */
static bool explains_shape(enum review_reason reason)
{
    return reason == REVIEW_UNKNOWN_REFERENCE || reason == REVIEW_CURRENCY_MISMATCH ||
           reason == REVIEW_CONTRACT_MISMATCH || reason == REVIEW_NEVER_SENT;
}

static void leave_to_human(struct step *step, enum review_reason reason)
{
    step->decision = (struct payment_decision){
        .to = step->payment ? step->payment->facts.state : PAYMENT_CREATED,
        .refund_open = -1,
        .review = reason,
    };
}

static const struct batch_bank_ref *find_bank_ref(const struct step *step, bool is_payment)
{
    return batch_find_bank_ref(step->batch, step->entry->contract->bank.id, step->bank_ref, is_payment);
}

/* The same bank reference never books money twice. What only an orphan carries does not keep a genuine acceptance
 * from being credited (a forged, re-split call may have made the orphan), but a human then looks at both. */
static void judge_bank_ref(struct step *step)
{
    const struct batch_bank_ref *paid = find_bank_ref(step, true);
    const struct batch_bank_ref *orphan = find_bank_ref(step, false);
    if (!step->decision.credit && !step->decision.suspense)
        return;
    if (paid && (!step->payment || paid->transaction_id != step->payment->id))
        leave_to_human(step, REVIEW_BANK_REF_REUSED);
    else if (step->decision.suspense && (paid || orphan))
        step->decision.suspense = false;
    else if (step->decision.credit && orphan)
        step->decision.review = REVIEW_BANK_REF_REUSED;
}

/* An answer names no amount, so it neither outweighs what made a human look nor explains money that was set aside. */
static void judge_answer(struct step *step)
{
    if (step->decision.credit && (step->payment->doubted || find_bank_ref(step, false)))
        leave_to_human(step, REVIEW_BAD_ANSWER);
}

/* Given up or expired before it was sent, a payment is for the bank what it was: one that it cannot know. */
static struct payment_decision decide(const struct batch_payment *payment, const struct payment_report *report)
{
    struct payment_facts facts = payment ? payment->facts : (struct payment_facts){0};
    bool ended_unsent = payment && payment->sent.len == 0 && payment_state_rank(facts.state) == 2;
    if (ended_unsent)
        facts.state = PAYMENT_CREATED;
    struct payment_decision decision = payment_decide(payment ? &facts : NULL, report);
    if (ended_unsent)
        decision.to = payment->facts.state;
    return decision;
}

/* A good seal over anything but exactly what was sent never changes a payment: it may be another call's seal, split
 * in another way (design.md, "Who may be credited by a sealed call"). */
static void judge(struct step *step)
{
    struct arena *arena = &step->batch->arena;
    step->judgement = *batch_judge(step->entry, step->payment, arena);
    step->bank_code = printable(arena, step->judgement.bank_code, BANK_CODE_MAX);
    step->bank_ref = booking_ref(arena, step->entry, step->judgement.report.bank_ref);
    step->decision = decide(step->payment, &step->judgement.report);
    if (!step->judgement.shape_ok && !explains_shape(step->decision.review))
        leave_to_human(step, is_answer(step) ? REVIEW_BAD_ANSWER : REVIEW_BAD_SHAPE);
    if (step->judgement.report.amount_cents <= 0)
        step->decision.suspense = false;
    if (is_answer(step))
        judge_answer(step);
    judge_bank_ref(step);
}

static void add_mail(struct step *step, const char *kind, struct str recipient)
{
    *BATCH_ADD(step->batch, &step->batch->plan.mails) =
        (struct plan_mail){kind, step->payment->school_id, step->payment->id, recipient};
}

static void remember_bank_ref(struct step *step, bool is_payment)
{
    *BATCH_ADD(step->batch, &step->batch->bank_refs) = (struct batch_bank_ref){
        step->entry->contract->bank.id, step->bank_ref, is_payment, step->payment ? step->payment->id : 0};
}

/* Gives the claims that a payment did not settle back to whoever wants to pay them. */
static void release_claims(struct step *step)
{
    for (size_t i = 0; i < step->payment->n_lines; i++) {
        if (step->payment->lines[i].claim)
            *BATCH_ADD(step->batch, &step->batch->plan.claim_moves) =
                (struct plan_claim_move){step->payment->lines[i].claim->id, 0, step->payment->reference, true};
    }
}

static void book_credit(struct step *step)
{
    struct batch_payment *payment = step->payment;
    struct ledger_remarks remarks = ledger_book_payment(step->batch, step->entry, payment, step->bank_ref);
    remember_bank_ref(step, true);
    payment->facts.bank_ref = step->bank_ref;
    *BATCH_ADD(step->batch, &step->batch->plan.credits) = (struct plan_credit){payment->id, payment->school_id};
    add_mail(step, "PARENT_CONFIRMATION", payment->email);
    add_mail(step, "BURSAR_CONFIRMATION", payment->bursar_email);
    if (remarks.lines_mismatch) {
        release_claims(step);
        add_review(step, REVIEW_LINES_MISMATCH, describe(step, NULL), payment->facts.amount_cents);
    }
    if (remarks.excess_cents > 0)
        add_review(step, REVIEW_CLAIM_OVERPAID, describe(step, NULL), remarks.excess_cents);
}

static void book(struct step *step)
{
    const struct payment_decision *decision = &step->decision;
    struct ledger_remarks remarks = {0};
    assert(step->payment || !(decision->credit || decision->reverse || decision->refund));
    if (decision->credit)
        book_credit(step);
    if (decision->reverse) {
        ledger_book_reversal(step->batch, step->entry, step->payment, step->bank_ref);
        add_mail(step, "BURSAR_REVERSAL", step->payment->bursar_email);
    }
    if (decision->refund)
        remarks = ledger_book_refund(step->batch, step->entry, step->payment, step->bank_ref,
                                     step->judgement.report.amount_cents);
    if (remarks.unheld_cents > 0)
        add_review(step, REVIEW_REVERSAL_UNMATCHED, describe(step, NULL), remarks.unheld_cents);
    if (decision->suspense) {
        ledger_book_orphan(step->batch, step->entry, step->payment, step->bank_ref,
                           step->judgement.report.amount_cents);
        remember_bank_ref(step, false);
    }
    if (decision->review != REVIEW_NONE)
        add_review(step, decision->review, describe(step, step->judgement.shape_fault),
                   step->judgement.report.amount_cents);
}

static enum batch_verdict verdict_of(const struct step *step, bool changed)
{
    const struct payment_decision *decision = &step->decision;
    if (decision->credit)
        return VERDICT_CREDITED;
    if (decision->reverse)
        return VERDICT_REVERSED;
    if (decision->refund)
        return VERDICT_REFUNDED;
    if (decision->suspense)
        return VERDICT_SUSPENSE;
    if (decision->review != REVIEW_NONE)
        return VERDICT_REVIEW;
    return changed ? VERDICT_CHANGED : VERDICT_UNCHANGED;
}

static void add_change(struct step *step, const struct payment_facts *before, bool review)
{
    const struct payment_report *report = &step->judgement.report;
    bool credit = step->decision.credit;
    *BATCH_ADD(step->batch, &step->batch->plan.changes) = (struct plan_change){
        .payment = step->payment,
        .before = *before,
        .after = step->payment->facts,
        .contract_id = credit ? report->contract_id : before->contract_id,
        .amount_cents = credit ? report->amount_cents : before->amount_cents,
        .currency = credit ? report->currency : before->currency,
        .accepted = credit,
        .review = review,
    };
}

/* Moves the payment's facts, writes the row change and the history. */
static void record(struct step *step, const struct payment_facts *before, size_t n_reviews_before)
{
    struct batch_payment *payment = step->payment;
    struct batch_plan *plan = &step->batch->plan;
    bool review = plan->reviews.count > n_reviews_before;
    payment->facts.state = step->decision.to;
    if (step->decision.refund_open >= 0)
        payment->facts.refund_open = step->decision.refund_open == 1;
    bool changed = payment->facts.state != before->state || payment->facts.refund_open != before->refund_open;
    if (changed || review)
        add_change(step, before, review);
    if (payment->facts.state == PAYMENT_CANCELLED || payment->facts.state == PAYMENT_DECLINED)
        release_claims(step);
    *BATCH_ADD(step->batch, &plan->history) = (struct plan_history){
        .entry = step->entry,
        .transaction_id = payment->id,
        .from = before->state,
        .to = payment->facts.state,
        .bank_code = step->bank_code,
        .bank_ref = step->bank_ref,
        .note = review ? review_reason_name(plan->reviews.items[plan->reviews.count - 1].reason) : step->note,
    };
    step->entry->verdict = verdict_of(step, changed);
}

static void decide_call(struct batch *batch, struct batch_entry *entry)
{
    struct step step = {.batch = batch, .entry = entry, .note = ""};
    size_t n_reviews_before = batch->plan.reviews.count;
    if (!entry->contract) {
        refuse(&step, VERDICT_UNVERIFIABLE, "Aucun contrat connu pour ce message de banque");
        return;
    }
    if (entry->seal != GATEWAY_SEAL_GOOD) {
        refuse(&step, VERDICT_BAD_SEAL, "Le sceau de ce message de banque est faux");
        return;
    }
    entry->payment = step.payment = batch_find_payment(batch, entry->reference);
    struct payment_facts before = step.payment ? step.payment->facts : (struct payment_facts){0};
    judge(&step);
    book(&step);
    if (step.payment)
        record(&step, &before, n_reviews_before);
    else
        entry->verdict = verdict_of(&step, false);
}

/* Whoever writes to Redis can name a payment, but must also name its payer; and all that comes of it is what the payer
 * could ask for on the payment's page. */
static struct batch_payment *find_own_payment(struct batch *batch, const struct batch_entry *entry)
{
    struct batch_payment *payment = batch_find_payment(batch, entry->reference);
    int64_t user_id;
    if (!payment || str_to_u63(entry->event.user, &user_id) != 0 || user_id != payment->user_id)
        return NULL;
    return payment;
}

/* The payer's word ends what is open, and nothing else: an acceptance of the bank comes after it all the same. */
static void decide_discard(struct batch *batch, struct batch_entry *entry)
{
    struct batch_payment *payment = entry->payment;
    struct step step = {
        .batch = batch,
        .entry = entry,
        .payment = payment,
        .decision = {.to = PAYMENT_CANCELLED, .refund_open = -1},
        .bank_code = STR(""),
        .bank_ref = STR(""),
        .note = "abandonné par le payeur",
    };
    if (!payment || !payment_state_is_open(payment->facts.state))
        return;
    struct payment_facts before = payment->facts;
    record(&step, &before, batch->plan.reviews.count);
    if (before.state == PAYMENT_PENDING)
        *BATCH_ADD(batch, &batch->plan.questions) = (struct plan_question){payment->id};
}

static bool is_fit_message(struct str message)
{
    return str_is_utf8(message) && str_utf8_length(message) <= EVENT_MESSAGE_CHARS_MAX &&
           !str_has_control(message, "\n\t");
}

/* The payment stays as it is, its `review` too: a parent's worry is no doubt about the money. */
static void decide_report(struct batch *batch, struct batch_entry *entry)
{
    struct batch_payment *payment = entry->payment;
    if (!payment || !is_fit_message(entry->event.message) || payment->n_reports >= BATCH_REPORTS_PER_DAY_MAX)
        return;
    payment->n_reports++;
    *BATCH_ADD(batch, &batch->plan.reviews) = (struct plan_review){
        .entry = entry,
        .school_id = payment->school_id,
        .contract_id = payment->facts.contract_id,
        .transaction_id = payment->id,
        .reason = REVIEW_PARENT_REPORT,
        .detail = arena_text(&batch->arena, entry->event.message),
        .amount_cents = payment->facts.amount_cents,
    };
    entry->verdict = VERDICT_REVIEW;
}

static void decide_of_payer(struct batch *batch, struct batch_entry *entry)
{
    entry->verdict = VERDICT_UNCHANGED;
    entry->payment = find_own_payment(batch, entry);
    if (entry->event.kind == EVENT_PAYMENT_DISCARDED)
        decide_discard(batch, entry);
    else
        decide_report(batch, entry);
}

static int compare_accounts(const void *a, const void *b)
{
    const struct plan_account_move *x = a, *y = b;
    return (x->account_id > y->account_id) - (x->account_id < y->account_id);
}

/* One move an account, in the order of ids: fewer rows, and workers that meet wait instead of deadlocking. */
static void merge_account_moves(struct batch_plan *plan)
{
    struct plan_account_move *moves = plan->account_moves.items;
    size_t n_merged = 0;
    if (plan->account_moves.count == 0)
        return;
    qsort(moves, plan->account_moves.count, sizeof *moves, compare_accounts);
    for (size_t i = 1; i < plan->account_moves.count; i++) {
        if (moves[i].account_id == moves[n_merged].account_id)
            moves[n_merged].amount_cents += moves[i].amount_cents;
        else
            moves[++n_merged] = moves[i];
    }
    plan->account_moves.count = n_merged + 1;
}

void batch_decide(struct batch *batch)
{
    for (size_t i = 0; i < batch->n_entries; i++) {
        struct batch_entry *entry = &batch->entries[i];
        if (entry->parse_err)
            continue;
        if (entry->repeated)
            entry->verdict = VERDICT_REPEATED;
        else if (entry->unready)
            continue;
        else if (batch_entry_is_of_bank(entry))
            decide_call(batch, entry);
        else if (batch_entry_is_of_payer(entry))
            decide_of_payer(batch, entry);
        else if (entry->event.kind == EVENT_PASSWORD_RESET_REQUESTED)
            entry->verdict = VERDICT_RESET;
        else
            entry->verdict = VERDICT_NOTICE;
    }
    merge_account_moves(&batch->plan);
}
