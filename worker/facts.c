#include "worker/facts.h"

#include "common/err.h"

/* The values that a list statement asks for. */
struct wanted {
    struct db_value *values;
    size_t count;
};

static struct wanted wanted_new(struct batch *batch, size_t max)
{
    return (struct wanted){ARENA_ARRAY(&batch->arena, max, struct db_value), 0};
}

static int mark_repeated(struct batch *batch, struct db *db)
{
    struct wanted ids = wanted_new(batch, batch->n_entries);
    struct db_result rows = {0};
    for (size_t i = 0; i < batch->n_entries; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        if (!entry->parse_err)
            ids.values[ids.count++] = DB_BYTES(str_slice((const char *)entry->event.id, EVENT_ID_LEN));
    }
    int err = db_run_list(db, STATEMENT_INBOX_FIND, NULL, 0, ids.values, ids.count, &batch->arena, &rows);
    for (size_t row = 0; !err && row < rows.n_rows; row++) {
        struct str id = db_text(&rows, row, 0);
        bool of_bank = db_int(&rows, row, 1) != 0;
        for (size_t i = 0; i < batch->n_entries; i++) {
            struct batch_entry *entry = &batch->entries[i];
            if (!entry->parse_err && batch_entry_is_of_bank(entry) == of_bank && id.len == EVENT_ID_LEN &&
                memcmp(entry->event.id, id.ptr, EVENT_ID_LEN) == 0)
                entry->repeated = true;
        }
    }
    return err;
}

static int read_payment(const struct db_result *rows, size_t row, struct batch_payment *ret)
{
    enum {
        ID,
        REFERENCE,
        SCHOOL,
        CONTRACT,
        STATE,
        AMOUNT,
        CURRENCY,
        BANK_REF,
        REFUND_OPEN,
        EMAIL,
        SENT,
        BURSAR,
        DOUBTED,
        USER
    };
    *ret = (struct batch_payment){
        .id = db_int(rows, row, ID),
        .school_id = db_int(rows, row, SCHOOL),
        .reference = db_text(rows, row, REFERENCE),
        .email = db_text(rows, row, EMAIL),
        .bursar_email = db_text(rows, row, BURSAR),
        .sent = db_text(rows, row, SENT),
        .doubted = db_int(rows, row, DOUBTED) != 0,
        .user_id = db_int(rows, row, USER),
        .facts =
            {
                .amount_cents = db_int(rows, row, AMOUNT),
                .currency = db_text(rows, row, CURRENCY),
                .contract_id = db_int(rows, row, CONTRACT),
                .bank_ref = db_text(rows, row, BANK_REF),
                .refund_open = db_int(rows, row, REFUND_OPEN) != 0,
            },
    };
    return payment_state_from_name(db_text(rows, row, STATE), &ret->facts.state);
}

static int load_payments(struct batch *batch, struct db *db)
{
    struct wanted references = wanted_new(batch, batch->n_entries);
    struct db_result rows = {0};
    for (size_t i = 0; i < batch->n_entries; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        if (batch_entry_is_sealed_call(entry) || batch_entry_is_of_payer(entry))
            references.values[references.count++] = DB_BYTES(entry->reference);
    }
    int err =
        db_run_list(db, STATEMENT_PAYMENTS_FIND, NULL, 0, references.values, references.count, &batch->arena, &rows);
    for (size_t row = 0; !err && row < rows.n_rows; row++) {
        struct batch_payment payment;
        err = read_payment(&rows, row, &payment);
        if (!err && !batch_find_payment(batch, payment.reference)) /* it may stand in two chunks of the list */
            *BATCH_ADD(batch, &batch->payments) = payment;
    }
    return err;
}

static struct batch_claim *find_claim(const struct batch *batch, int64_t id)
{
    for (size_t i = 0; i < batch->claims.count; i++) {
        if (batch->claims.items[i].id == id)
            return &batch->claims.items[i];
    }
    return NULL;
}

static int load_claims(struct batch *batch, struct db *db, const struct db_result *lines)
{
    enum { LINE_CLAIM = 2 };
    enum { ID, AMOUNT, SETTLED };
    struct wanted ids = wanted_new(batch, lines->n_rows);
    struct db_result rows = {0};
    for (size_t row = 0; row < lines->n_rows; row++) {
        if (!db_is_null(lines, row, LINE_CLAIM))
            ids.values[ids.count++] = DB_INT(db_int(lines, row, LINE_CLAIM));
    }
    int err = db_run_list(db, STATEMENT_CLAIMS_FIND, NULL, 0, ids.values, ids.count, &batch->arena, &rows);
    for (size_t row = 0; !err && row < rows.n_rows; row++) {
        if (!find_claim(batch, db_int(&rows, row, ID))) /* the same claim may stand in two chunks of the list */
            *BATCH_ADD(batch, &batch->claims) =
                (struct batch_claim){db_int(&rows, row, ID), db_int(&rows, row, AMOUNT), db_int(&rows, row, SETTLED)};
    }
    return err;
}

/* Rows come ordered by payment, so each payment's lines are one run. */
static void hand_out_lines(struct batch *batch, const struct db_result *rows)
{
    enum { PAYMENT, ACCOUNT, CLAIM, AMOUNT };
    struct batch_line *lines = ARENA_ARRAY(&batch->arena, rows->n_rows, struct batch_line);
    for (size_t row = 0; row < rows->n_rows; row++) {
        struct batch_payment *payment = batch_find_payment_by_id(batch, db_int(rows, row, PAYMENT));
        lines[row] = (struct batch_line){db_int(rows, row, ACCOUNT), find_claim(batch, db_int(rows, row, CLAIM)),
                                         db_int(rows, row, AMOUNT)};
        if (!payment)
            continue;
        if (payment->n_lines++ == 0)
            payment->lines = &lines[row];
    }
}

static int load_lines(struct batch *batch, struct db *db, const struct wanted *ids)
{
    struct db_result rows = {0};
    int err = db_run_list(db, STATEMENT_LINES_FIND, NULL, 0, ids->values, ids->count, &batch->arena, &rows);
    if (!err)
        err = load_claims(batch, db, &rows);
    if (!err)
        hand_out_lines(batch, &rows);
    return err;
}

static enum batch_book book_from_name(struct str name)
{
    return str_eq(name, STR("ACCOUNT")) ? BOOK_ACCOUNT : str_eq(name, STR("CLAIM")) ? BOOK_CLAIM : BOOK_SUSPENSE;
}

/* Adds a leg to the place it moved. */
static void hold(struct batch *batch, struct batch_payment *payment, const struct batch_holding *leg)
{
    for (size_t i = 0; i < payment->n_holdings; i++) {
        struct batch_holding *known = &payment->holdings[i];
        if (known->book == leg->book && known->account_id == leg->account_id && known->claim_id == leg->claim_id) {
            known->amount_cents += leg->amount_cents;
            return;
        }
    }
    batch_add_holding(batch, payment, *leg);
}

static int load_holdings(struct batch *batch, struct db *db, const struct wanted *ids)
{
    enum { PAYMENT, BOOK, ACCOUNT, CLAIM, AMOUNT };
    struct db_result rows = {0};
    int err = db_run_list(db, STATEMENT_LEGS_FIND, NULL, 0, ids->values, ids->count, &batch->arena, &rows);
    for (size_t row = 0; !err && row < rows.n_rows; row++) {
        struct batch_payment *payment = batch_find_payment_by_id(batch, db_int(&rows, row, PAYMENT));
        struct batch_holding leg = {book_from_name(db_text(&rows, row, BOOK)), db_int(&rows, row, ACCOUNT),
                                    db_int(&rows, row, CLAIM), db_int(&rows, row, AMOUNT)};
        if (payment)
            hold(batch, payment, &leg);
    }
    return err;
}

static struct wanted payment_ids(struct batch *batch, int rank_min)
{
    struct wanted ids = wanted_new(batch, batch->payments.count);
    for (size_t i = 0; i < batch->payments.count; i++) {
        if (payment_state_rank(batch->payments.items[i].facts.state) >= rank_min)
            ids.values[ids.count++] = DB_INT(batch->payments.items[i].id);
    }
    return ids;
}

static int load_bank_refs_of(struct batch *batch, struct db *db, const struct contract *contract)
{
    enum { BANK_REF, KIND, PAYMENT };
    struct wanted refs = wanted_new(batch, batch->n_entries);
    struct db_value contract_id = DB_INT(contract->bank.id);
    struct db_result rows = {0};
    for (size_t i = 0; i < batch->n_entries; i++) {
        struct batch_entry *entry = &batch->entries[i];
        if (!batch_entry_is_sealed_call(entry) || entry->contract != contract)
            continue;
        const struct batch_payment *payment = batch_find_payment(batch, entry->reference);
        struct str bank_ref = batch_judge(entry, payment, &batch->arena)->report.bank_ref;
        if (bank_ref.len > 0 && bank_ref.len <= BATCH_BANK_REF_MAX)
            refs.values[refs.count++] = DB_BYTES(bank_ref);
    }
    int err = db_run_list(db, STATEMENT_BANK_REFS_FIND, &contract_id, 1, refs.values, refs.count, &batch->arena, &rows);
    for (size_t row = 0; !err && row < rows.n_rows; row++)
        *BATCH_ADD(batch, &batch->bank_refs) =
            (struct batch_bank_ref){contract->bank.id, db_text(&rows, row, BANK_REF),
                                    str_eq(db_text(&rows, row, KIND), STR("PAYMENT")), db_int(&rows, row, PAYMENT)};
    return err;
}

/* Contracts are few: one look-up each keeps to the index (contract, bank reference). */
static int load_bank_refs(struct batch *batch, struct db *db)
{
    int err = 0;
    for (size_t i = 0; !err && i < batch->n_entries; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        bool seen = !batch_entry_is_sealed_call(entry);
        for (size_t j = 0; !seen && j < i; j++)
            seen = batch_entry_is_sealed_call(&batch->entries[j]) && batch->entries[j].contract == entry->contract;
        if (!seen)
            err = load_bank_refs_of(batch, db, entry->contract);
    }
    return err;
}

static bool has_report(const struct batch *batch)
{
    for (size_t i = 0; i < batch->n_entries; i++) {
        if (batch_entry_is_of_payer(&batch->entries[i]) && batch->entries[i].event.kind == EVENT_PROBLEM_REPORTED)
            return true;
    }
    return false;
}

static int load_reports(struct batch *batch, struct db *db, const struct wanted *ids)
{
    struct db_result rows = {0};
    if (!has_report(batch))
        return 0;
    int err = db_run_list(db, STATEMENT_REPORTS_FIND, NULL, 0, ids->values, ids->count, &batch->arena, &rows);
    for (size_t row = 0; !err && row < rows.n_rows; row++) {
        struct batch_payment *payment = batch_find_payment_by_id(batch, db_int(&rows, row, 0));
        if (payment)
            payment->n_reports++;
    }
    return err;
}

int facts_load(struct batch *batch, struct db *db)
{
    int err = mark_repeated(batch, db);
    if (!err)
        err = load_payments(batch, db);
    if (err)
        return err;
    struct wanted all = payment_ids(batch, 0);
    struct wanted paid = payment_ids(batch, payment_state_rank(PAYMENT_AUTHORISED));
    err = load_lines(batch, db, &all);
    if (!err)
        err = load_holdings(batch, db, &paid);
    if (!err)
        err = load_bank_refs(batch, db);
    if (!err)
        err = load_reports(batch, db, &all);
    return err;
}
