#include "worker/ledger.h"

#include <assert.h>

struct booking {
    struct batch *batch;
    const struct batch_entry *entry;
    struct batch_payment *payment; /* NULL: an orphan without an owner */
    const char *kind;
    struct str bank_ref;
    unsigned next_leg;
};

static void add_leg(struct booking *booking, enum batch_book book, int64_t account_id, int64_t claim_id,
                    int64_t amount_cents)
{
    const struct contract *contract = booking->entry->contract;
    *BATCH_ADD(booking->batch, &booking->batch->plan.legs) = (struct plan_leg){
        .entry = booking->entry,
        .school_id = booking->payment ? booking->payment->school_id : contract->school_id,
        .contract_id = contract->bank.id,
        .transaction_id = booking->payment ? booking->payment->id : 0,
        .kind = booking->kind,
        .leg = booking->next_leg++,
        .book = book,
        .account_id = account_id,
        .claim_id = claim_id,
        .amount_cents = amount_cents,
        .bank_ref = booking->bank_ref,
    };
}

static void credit(struct booking *booking, enum batch_book book, int64_t account_id, int64_t claim_id,
                   int64_t amount_cents)
{
    if (amount_cents == 0)
        return;
    add_leg(booking, book, account_id, claim_id, -amount_cents);
    /* For a reversal later in the same batch. */
    batch_add_holding(booking->batch, booking->payment,
                      (struct batch_holding){book, account_id, claim_id, -amount_cents});
    if (book != BOOK_SUSPENSE)
        *BATCH_ADD(booking->batch, &booking->batch->plan.account_moves) =
            (struct plan_account_move){account_id, amount_cents};
}

static void move_claim(struct booking *booking, struct batch_claim *claim, int64_t amount_cents)
{
    claim->settled_cents += amount_cents;
    *BATCH_ADD(booking->batch, &booking->batch->plan.claim_moves) =
        (struct plan_claim_move){claim->id, amount_cents, booking->payment->reference, false};
}

/* What the claim can still take is settled, the rest waits in suspense. */
static void credit_claim(struct booking *booking, const struct batch_line *line, struct ledger_remarks *remarks)
{
    int64_t owed_cents = line->claim->amount_cents - line->claim->settled_cents;
    int64_t taken_cents = line->amount_cents < owed_cents ? line->amount_cents : owed_cents;
    move_claim(booking, line->claim, taken_cents);
    credit(booking, BOOK_CLAIM, line->account_id, line->claim->id, taken_cents);
    credit(booking, BOOK_SUSPENSE, line->account_id, line->claim->id, line->amount_cents - taken_cents);
    remarks->excess_cents += line->amount_cents - taken_cents;
}

static int64_t sum_lines(const struct batch_payment *payment)
{
    int64_t sum_cents = 0;
    for (size_t i = 0; i < payment->n_lines; i++)
        sum_cents += payment->lines[i].amount_cents;
    return sum_cents;
}

struct ledger_remarks ledger_book_payment(struct batch *batch, const struct batch_entry *entry,
                                          struct batch_payment *payment, struct str bank_ref)
{
    struct booking booking = {batch, entry, payment, "PAYMENT", bank_ref, 0};
    struct ledger_remarks remarks = {0};
    add_leg(&booking, BOOK_BANK, 0, 0, payment->facts.amount_cents);
    if (sum_lines(payment) != payment->facts.amount_cents) {
        credit(&booking, BOOK_SUSPENSE, 0, 0, payment->facts.amount_cents);
        remarks.lines_mismatch = true;
        return remarks;
    }
    for (size_t i = 0; i < payment->n_lines; i++) {
        const struct batch_line *line = &payment->lines[i];
        if (line->claim)
            credit_claim(&booking, line, &remarks);
        else
            credit(&booking, BOOK_ACCOUNT, line->account_id, 0, line->amount_cents);
    }
    return remarks;
}

static struct batch_claim *find_claim(const struct batch *batch, int64_t id)
{
    for (size_t i = 0; i < batch->claims.count; i++) {
        if (batch->claims.items[i].id == id)
            return &batch->claims.items[i];
    }
    return NULL;
}

static void take_back(struct booking *booking, struct batch_holding *holding, int64_t amount_cents)
{
    add_leg(booking, holding->book, holding->account_id, holding->claim_id, amount_cents);
    holding->amount_cents += amount_cents;
    if (holding->book == BOOK_SUSPENSE)
        return;
    *BATCH_ADD(booking->batch, &booking->batch->plan.account_moves) =
        (struct plan_account_move){holding->account_id, -amount_cents};
    if (holding->book == BOOK_CLAIM) {
        struct batch_claim *claim = find_claim(booking->batch, holding->claim_id);
        assert(claim);
        move_claim(booking, claim, -amount_cents);
    }
}

/* Takes up to `left_cents` out of the holdings of one sort, the last one first; returns what could not be taken. */
static int64_t take_from(struct booking *booking, bool suspense, int64_t left_cents)
{
    struct batch_payment *payment = booking->payment;
    for (size_t i = payment->n_holdings; i-- > 0 && left_cents > 0;) {
        struct batch_holding *holding = &payment->holdings[i];
        int64_t held_cents = -holding->amount_cents;
        if ((holding->book == BOOK_SUSPENSE) != suspense || held_cents <= 0)
            continue;
        int64_t taken_cents = held_cents < left_cents ? held_cents : left_cents;
        take_back(booking, holding, taken_cents);
        left_cents -= taken_cents;
    }
    return left_cents;
}

static struct ledger_remarks book_back(struct booking *booking, int64_t amount_cents)
{
    struct ledger_remarks remarks = {0};
    if (amount_cents <= 0)
        return remarks;
    add_leg(booking, BOOK_BANK, 0, 0, -amount_cents);
    int64_t left_cents = take_from(booking, true, amount_cents);
    left_cents = take_from(booking, false, left_cents);
    if (left_cents > 0)
        add_leg(booking, BOOK_SUSPENSE, 0, 0, left_cents);
    remarks.unheld_cents = left_cents;
    return remarks;
}

struct ledger_remarks ledger_book_reversal(struct batch *batch, const struct batch_entry *entry,
                                           struct batch_payment *payment, struct str bank_ref)
{
    struct booking booking = {batch, entry, payment, "REVERSAL", bank_ref, 0};
    int64_t held_cents = 0;
    for (size_t i = 0; i < payment->n_holdings; i++)
        held_cents -= payment->holdings[i].amount_cents;
    return book_back(&booking, held_cents);
}

struct ledger_remarks ledger_book_refund(struct batch *batch, const struct batch_entry *entry,
                                         struct batch_payment *payment, struct str bank_ref, int64_t amount_cents)
{
    struct booking booking = {batch, entry, payment, "REFUND", bank_ref, 0};
    return book_back(&booking, amount_cents);
}

void ledger_book_orphan(struct batch *batch, const struct batch_entry *entry, const struct batch_payment *payment,
                        struct str bank_ref, int64_t amount_cents)
{
    struct booking booking = {batch, entry, NULL, "ORPHAN", bank_ref, 0};
    struct batch_payment owner;
    if (payment) { /* named in the legs, but an orphan is not part of what the payment holds */
        owner = *payment;
        booking.payment = &owner;
    }
    add_leg(&booking, BOOK_BANK, 0, 0, amount_cents);
    add_leg(&booking, BOOK_SUSPENSE, 0, 0, -amount_cents);
}
