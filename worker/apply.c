#include "worker/apply.h"

#include <assert.h>
#include <sys/param.h>

#include "common/clock.h"
#include "common/crash_point.h"
#include "common/err.h"
#include "worker/bank_query.h"
#include "worker/receipts.h"

enum { APPLY_ARENA_MAX = 256 * 1024 * 1024, COLUMNS_MAX = 16 };

static const char *const book_names[] = {
    [BOOK_BANK] = "BANK", [BOOK_ACCOUNT] = "ACCOUNT", [BOOK_CLAIM] = "CLAIM", [BOOK_SUSPENSE] = "SUSPENSE"};

struct apply {
    const struct batch *batch;
    struct db *db;
    const char *operator_email;
    struct arena arena;
};

/* Rows being gathered for one bulk statement. */
struct rows {
    struct db_value *values;
    size_t n_rows, n_cols;
};

static struct rows rows_new(struct apply *apply, size_t rows_max, size_t n_cols)
{
    assert(n_cols <= COLUMNS_MAX);
    return (struct rows){ARENA_ARRAY(&apply->arena, rows_max * n_cols, struct db_value), 0, n_cols};
}

#define ROWS_ADD(rows, ...)                                                                        \
    do {                                                                                           \
        const struct db_value row_values[] = {__VA_ARGS__};                                        \
        assert(sizeof row_values / sizeof row_values[0] == (rows)->n_cols);                        \
        memcpy(&(rows)->values[(rows)->n_rows++ * (rows)->n_cols], row_values, sizeof row_values); \
    } while (0)

/* In portions that fit a bulk; each row is to match exactly one when `exact`. */
static int write_rows(struct apply *apply, enum statement statement, const struct rows *rows, bool exact)
{
    int err = 0;
    for (size_t at = 0; !err && at < rows->n_rows; at += DB_BULK_MAX) {
        size_t n = rows->n_rows - at < DB_BULK_MAX ? rows->n_rows - at : DB_BULK_MAX;
        err = db_run_bulk(apply->db, statement, &rows->values[at * rows->n_cols], n, rows->n_cols,
                          exact ? (int64_t)n : -1);
    }
    return err;
}

static struct db_value event_id_of(const struct batch_entry *entry)
{
    return DB_BYTES(str_slice((const char *)entry->event.id, EVENT_ID_LEN));
}

static struct db_value text(const char *s)
{
    return DB_TEXT(str_from(s));
}

static bool is_new(const struct batch_entry *entry)
{
    return entry->verdict != VERDICT_NONE && entry->verdict != VERDICT_REPEATED;
}

/* First, so that another worker with the same event stops here. */
static int write_inbox(struct apply *apply)
{
    const struct batch *batch = apply->batch;
    int64_t now_us = clock_now_us();
    struct rows rows = rows_new(apply, batch->n_entries, 7);
    for (size_t i = 0; i < batch->n_entries; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        if (!is_new(entry))
            continue;
        ROWS_ADD(&rows, event_id_of(entry), text(event_kind_name(entry->event.kind)),
                 DB_ID(entry->payment ? entry->payment->school_id : 0), DB_ID(entry->payment ? entry->payment->id : 0),
                 text(batch_verdict_name(entry->verdict)),
                 DB_BYTES(batch_entry_is_of_bank(entry) ? entry->event.raw : STR("")),
                 DB_INT(MIN(entry->event.at_us, now_us)));
    }
    int err = write_rows(apply, STATEMENT_INBOX_ADD, &rows, true);
    if (rows.n_rows)
        CRASH_POINT("worker/inbox_written");
    return err;
}

static struct db_value bank_ref_value(struct str bank_ref)
{
    return bank_ref.len ? DB_TEXT(bank_ref) : DB_NULL;
}

static int write_changes(struct apply *apply)
{
    const struct batch_plan *plan = &apply->batch->plan;
    struct rows rows = rows_new(apply, plan->changes.count, 13);
    for (size_t i = 0; i < plan->changes.count; i++) {
        const struct plan_change *change = &plan->changes.items[i];
        ROWS_ADD(&rows, text(payment_state_name(change->after.state)), bank_ref_value(change->after.bank_ref),
                 DB_INT(change->accepted), DB_INT(change->after.refund_open), DB_INT(change->review),
                 DB_INT(change->payment->id), DB_TEXT(change->payment->reference), DB_INT(change->contract_id),
                 DB_INT(change->amount_cents), DB_TEXT(change->currency),
                 text(payment_state_name(change->before.state)), bank_ref_value(change->before.bank_ref),
                 DB_INT(change->before.refund_open));
    }
    int err = write_rows(apply, STATEMENT_PAYMENT_CHANGE, &rows, true);
    if (rows.n_rows)
        CRASH_POINT("worker/change_written");
    return err;
}

static int write_claims(struct apply *apply)
{
    const struct batch_plan *plan = &apply->batch->plan;
    struct rows moves = rows_new(apply, plan->claim_moves.count, 6);
    struct rows releases = rows_new(apply, plan->claim_moves.count, 2);
    for (size_t i = 0; i < plan->claim_moves.count; i++) {
        const struct plan_claim_move *move = &plan->claim_moves.items[i];
        struct db_value amount = DB_INT(move->amount_cents), reference = DB_TEXT(move->reference);
        if (move->release_only)
            ROWS_ADD(&releases, DB_INT(move->claim_id), reference);
        else
            ROWS_ADD(&moves, amount, reference, reference, DB_INT(move->claim_id), amount, amount);
    }
    int err = write_rows(apply, STATEMENT_CLAIM_MOVE, &moves, true);
    if (moves.n_rows)
        CRASH_POINT("worker/claims_moved");
    if (!err)
        err = write_rows(apply, STATEMENT_CLAIM_RELEASE, &releases, false);
    if (releases.n_rows)
        CRASH_POINT("worker/claims_released");
    return err;
}

static int write_accounts(struct apply *apply)
{
    const struct batch_plan *plan = &apply->batch->plan;
    struct rows rows = rows_new(apply, plan->account_moves.count, 2);
    for (size_t i = 0; i < plan->account_moves.count; i++)
        ROWS_ADD(&rows, DB_INT(plan->account_moves.items[i].amount_cents),
                 DB_INT(plan->account_moves.items[i].account_id));
    int err = write_rows(apply, STATEMENT_ACCOUNT_MOVE, &rows, true);
    if (rows.n_rows)
        CRASH_POINT("worker/accounts_moved");
    return err;
}

static int write_ledger(struct apply *apply)
{
    const struct batch_plan *plan = &apply->batch->plan;
    struct rows rows = rows_new(apply, plan->legs.count, 11);
    int64_t sum_cents = 0;
    for (size_t i = 0; i < plan->legs.count; i++) {
        const struct plan_leg *leg = &plan->legs.items[i];
        sum_cents += leg->amount_cents;
        ROWS_ADD(&rows, DB_ID(leg->school_id), DB_INT(leg->contract_id), DB_ID(leg->transaction_id), text(leg->kind),
                 DB_INT(leg->leg), text(book_names[leg->book]), DB_ID(leg->account_id), DB_ID(leg->claim_id),
                 DB_INT(leg->amount_cents), DB_TEXT(leg->bank_ref), event_id_of(leg->entry));
    }
    assert(sum_cents == 0);
    int err = write_rows(apply, STATEMENT_LEDGER_ADD, &rows, true);
    if (rows.n_rows)
        CRASH_POINT("worker/ledger_written");
    return err;
}

static int write_history(struct apply *apply)
{
    const struct batch_plan *plan = &apply->batch->plan;
    struct rows rows = rows_new(apply, plan->history.count, 7);
    for (size_t i = 0; i < plan->history.count; i++) {
        const struct plan_history *line = &plan->history.items[i];
        ROWS_ADD(&rows, DB_INT(line->transaction_id), event_id_of(line->entry), text(payment_state_name(line->from)),
                 text(payment_state_name(line->to)), DB_TEXT(line->bank_code), DB_TEXT(line->bank_ref),
                 text(line->note));
    }
    int err = write_rows(apply, STATEMENT_HISTORY_ADD, &rows, true);
    if (rows.n_rows)
        CRASH_POINT("worker/history_written");
    return err;
}

static int write_review_mails(struct apply *apply)
{
    const struct batch_plan *plan = &apply->batch->plan;
    struct db_value *ids = ARENA_ARRAY(&apply->arena, plan->reviews.count, struct db_value);
    struct db_value operator_email = text(apply->operator_email ? apply->operator_email : "");
    struct db_value params[] = {operator_email, operator_email};
    size_t n_ids = 0;
    for (size_t i = 0; i < plan->reviews.count; i++) {
        const struct batch_entry *entry = plan->reviews.items[i].entry;
        if (i == 0 || plan->reviews.items[i - 1].entry != entry) /* the reviews of one event stand together */
            ids[n_ids++] = event_id_of(entry);
    }
    return db_run_list(apply->db, STATEMENT_REVIEW_MAILS_ADD, params, 2, ids, n_ids, &apply->arena, NULL);
}

static int write_reviews(struct apply *apply)
{
    const struct batch_plan *plan = &apply->batch->plan;
    struct rows rows = rows_new(apply, plan->reviews.count, 7);
    for (size_t i = 0; i < plan->reviews.count; i++) {
        const struct plan_review *review = &plan->reviews.items[i];
        ROWS_ADD(&rows, DB_ID(review->school_id), DB_ID(review->contract_id), DB_ID(review->transaction_id),
                 event_id_of(review->entry), text(review_reason_name(review->reason)), text(review->detail),
                 review->amount_cents ? DB_INT(review->amount_cents) : DB_NULL);
    }
    int err = write_rows(apply, STATEMENT_REVIEW_ADD, &rows, true);
    if (rows.n_rows)
        CRASH_POINT("worker/reviews_written");
    return err ? err : write_review_mails(apply);
}

static int write_mails(struct apply *apply)
{
    const struct batch_plan *plan = &apply->batch->plan;
    struct rows rows = rows_new(apply, plan->mails.count, 4);
    for (size_t i = 0; i < plan->mails.count; i++) {
        const struct plan_mail *mail = &plan->mails.items[i];
        ROWS_ADD(&rows, text(mail->kind), DB_INT(mail->school_id), DB_INT(mail->transaction_id),
                 DB_TEXT(mail->recipient));
    }
    int err = write_rows(apply, STATEMENT_MAIL_ADD, &rows, true);
    if (rows.n_rows)
        CRASH_POINT("worker/mails_written");
    return err;
}

/* One mail to each active person of that login or address, unless three went out within the hour. The answer on the
 * page is the same for everyone, so nothing tells whether there is such a person. */
/* What its owner must hear of, in case it was somebody else. */
static int write_notices(struct apply *apply)
{
    int err = 0;
    for (size_t i = 0; i < apply->batch->n_entries && !err; i++) {
        const struct batch_entry *entry = &apply->batch->entries[i];
        bool is_email = entry->event.kind == EVENT_EMAIL_CHANGED;
        struct db_value to = is_email ? DB_TEXT(entry->event.email) : DB_NULL;
        struct db_value params[] = {text(is_email ? "EMAIL_CHANGED" : "PASSWORD_CHANGED"), to,
                                    DB_TEXT(entry->event.login), to};
        if (entry->verdict != VERDICT_NOTICE || !str_is_utf8(entry->event.login) || !str_is_utf8(entry->event.email))
            continue;
        err = db_run(apply->db, STATEMENT_NOTICE_MAIL_ADD, params, 4, &apply->arena, NULL);
        CRASH_POINT("worker/notice_written");
    }
    return err;
}

static int write_resets(struct apply *apply)
{
    int err = 0;
    for (size_t i = 0; !err && i < apply->batch->n_entries; i++) {
        const struct batch_entry *entry = &apply->batch->entries[i];
        struct db_value login = DB_TEXT(entry->event.login);
        struct db_value params[] = {login, login, DB_INT(APPLY_RESETS_PER_HOUR_MAX), DB_INT(APPLY_RESET_USERS_MAX)};
        if (entry->verdict != VERDICT_RESET || !str_is_utf8(entry->event.login))
            continue;
        err = db_run(apply->db, STATEMENT_RESET_MAILS_ADD, params, 4, &apply->arena, NULL);
        CRASH_POINT("worker/reset_written");
    }
    return err;
}

/* A payment that was given up is asked about as a refused one is: its payer may have typed a card. */
static int write_questions(struct apply *apply)
{
    const struct batch_plan *plan = &apply->batch->plan;
    struct db_value *ids = ARENA_ARRAY(&apply->arena, plan->questions.count, struct db_value);
    struct db_value first_s = DB_INT(BANK_QUERY_FIRST_S);
    if (plan->questions.count == 0)
        return 0;
    for (size_t i = 0; i < plan->questions.count; i++)
        ids[i] = DB_INT(plan->questions.items[i].transaction_id);
    int err = db_run_list(apply->db, STATEMENT_QUERIES_ADD_GIVEN_UP, &first_s, 1, ids, plan->questions.count,
                          &apply->arena, NULL);
    CRASH_POINT("worker/question_added");
    return err;
}

static int write_receipts(struct apply *apply)
{
    int year = clock_to_local(clock_now_us()).year;
    return receipts_number(apply->db, apply->batch->plan.credits.items, apply->batch->plan.credits.count, year,
                           &apply->arena);
}

/* Accounts and the schools' counters are what payments of different batches share: they come last, so that another
 * worker waits for them for as short a time as can be. */
static int write_all(struct apply *apply)
{
    static int (*const writers[])(struct apply *) = {
        write_inbox, write_changes, write_claims,  write_ledger,    write_history,  write_reviews,
        write_mails, write_resets,  write_notices, write_questions, write_accounts, write_receipts,
    };
    int err = 0;
    for (size_t i = 0; !err && i < sizeof writers / sizeof writers[0]; i++) {
        err = writers[i](apply);
        arena_done(&apply->arena); /* nothing of one table's rows is wanted for the next */
    }
    return err;
}

static bool has_work(const struct batch *batch)
{
    for (size_t i = 0; i < batch->n_entries; i++) {
        if (is_new(&batch->entries[i]))
            return true;
    }
    return false;
}

int apply_batch(const struct batch *batch, struct db *db, const char *operator_email)
{
    struct apply apply = {.batch = batch, .db = db, .operator_email = operator_email};
    if (!has_work(batch))
        return 0;
    arena_init(&apply.arena, APPLY_ARENA_MAX);
    int err = db_begin(db);
    CRASH_POINT("worker/begun");
    if (!err)
        err = write_all(&apply);
    CRASH_POINT("worker/before_commit");
    if (!err)
        err = db_commit(db);
    else
        db_rollback(db);
    CRASH_POINT("worker/committed");
    return err;
}
