/* I1, I2, I3, I6 and I11: who was credited, once, and where all the money is. */
#include "simulator/bank.h"
#include "simulator/checker.h"
#include "simulator/sim.h"
#include "simulator/sql.h"

enum paid_column { ID, STATE, AMOUNT, BANK_REF };
enum leg_column { PAYMENT, KIND, LEG, BOOK, ACCOUNT, CLAIM, CENTS, REF, EVENT };

static struct sql_result payments, legs;

static int64_t number(const struct sql_result *rows, size_t row, size_t column)
{
    return rows->cells[row * rows->n_cols + column].number;
}

static struct str text(const struct sql_result *rows, size_t row, size_t column)
{
    return rows->cells[row * rows->n_cols + column].text;
}

static bool is(const struct sql_result *rows, size_t row, size_t column, const char *name)
{
    return str_eq_text(text(rows, row, column), name);
}

static bool is_paid(size_t row)
{
    return is(&payments, row, STATE, "AUTHORISED") || is(&payments, row, STATE, "CAPTURED") ||
           is(&payments, row, STATE, "SETTLED") || is(&payments, row, STATE, "REVERSED") ||
           is(&payments, row, STATE, "REFUNDED");
}

static const struct school_payment *find_payment(int64_t id)
{
    for (unsigned i = 0; i < school.n_payments; i++) {
        if (school.payments[i].id == id)
            return &school.payments[i];
    }
    return NULL;
}

/* The bank's legs of that kind: how many, and their sum. */
static unsigned count_bank_legs(int64_t payment, const char *kind, int64_t *ret_sum)
{
    unsigned n = 0;
    *ret_sum = 0;
    for (size_t i = 0; i < legs.n_rows; i++) {
        if (number(&legs, i, PAYMENT) != payment || !is(&legs, i, KIND, kind) || !is(&legs, i, BOOK, "BANK"))
            continue;
        n++;
        *ret_sum += number(&legs, i, CENTS);
    }
    return n;
}

/* ---- I1, I2, I6 ---- */

static bool was_accepted(const struct school_payment *payment, struct str bank_ref, bool by_acknowledged)
{
    for (unsigned i = 0; bank_call_at(i); i++) {
        const struct bank_call *call = bank_call_at(i);
        if (call->payment == payment && bank_is_acceptance(call) &&
            (!by_acknowledged || (call->acknowledged && !checker_is_dead_letter(call))) &&
            (!bank_ref.ptr || str_eq(call->bank_ref, bank_ref)))
            return true;
    }
    return false;
}

static bool was_said(const struct school_payment *payment, struct str bank_ref, const char *const *codes)
{
    for (unsigned i = 0; bank_call_at(i); i++) {
        const struct bank_call *call = bank_call_at(i);
        for (size_t j = 0; codes[j]; j++) {
            if (call->payment == payment && str_eq(call->bank_ref, bank_ref) && strcmp(call->code, codes[j]) == 0 &&
                call->seal_is_good && !call->is_recut)
                return true;
        }
    }
    return false;
}

static void check_credit(size_t row, const struct school_payment *payment)
{
    int64_t sum;
    unsigned n = count_bank_legs(payment->id, "PAYMENT", &sum);
    if (is_paid(row) != (n == 1))
        sim_violation("I2", "payment %lld is %.*s and was booked %u times", (long long)payment->id,
                      STR_ARG(text(&payments, row, STATE)), n);
    if (n && sum != payment->amount_cents)
        sim_violation("I2", "payment %lld of %lld cents was booked with %lld", (long long)payment->id,
                      (long long)payment->amount_cents, (long long)sum);
    if (!is_paid(row) && was_accepted(payment, STR_NULL, true))
        sim_violation("I1", "payment %lld was accepted and acknowledged, and is %.*s", (long long)payment->id,
                      STR_ARG(text(&payments, row, STATE)));
    if (is_paid(row) && !was_accepted(payment, text(&payments, row, BANK_REF), false))
        sim_violation("I6", "payment %lld is %.*s under %.*s, which the bank never accepted", (long long)payment->id,
                      STR_ARG(text(&payments, row, STATE)), STR_ARG(text(&payments, row, BANK_REF)));
}

static void check_way_back(size_t row, const struct school_payment *payment, const char *state, const char *kind,
                           const char *const *codes)
{
    int64_t sum, credited;
    unsigned n = count_bank_legs(payment->id, kind, &sum);
    (void)count_bank_legs(payment->id, "PAYMENT", &credited);
    if (is(&payments, row, STATE, state) != (n == 1))
        sim_violation("I3", "payment %lld is %.*s and has %u bookings %s", (long long)payment->id,
                      STR_ARG(text(&payments, row, STATE)), n, kind);
    if (n && (-sum > credited || sum >= 0))
        sim_violation("I3", "payment %lld of %lld cents: %s of %lld", (long long)payment->id, (long long)credited, kind,
                      (long long)sum);
    if (n && strcmp(kind, "REVERSAL") == 0 && -sum != credited)
        sim_violation("I3", "payment %lld: reversed by %lld of %lld", (long long)payment->id, (long long)sum,
                      (long long)credited);
    if (n && !was_said(payment, text(&payments, row, BANK_REF), codes))
        sim_violation("I6", "payment %lld was taken back, which the bank never said", (long long)payment->id);
}

static void check_payments(void)
{
    static const char *const reversals[] = {"5", "11", "20", NULL}, *const refunds[] = {"17", NULL};
    for (size_t row = 0; row < payments.n_rows; row++) {
        const struct school_payment *payment = find_payment(number(&payments, row, ID));
        if (!payment || number(&payments, row, AMOUNT) != payment->amount_cents)
            sim_violation("I1", "a payment's amount has changed");
        check_credit(row, payment);
        check_way_back(row, payment, "REVERSED", "REVERSAL", reversals);
        check_way_back(row, payment, "REFUNDED", "REFUND", refunds);
    }
}

/* ---- I3: every euro that the bank has taken is credited or in suspense, once ---- */

static bool is_applied(const struct bank_call *call)
{
    struct sql_result inbox = sql_ask("SELECT event_id FROM inbox WHERE of_bank = 1");
    for (size_t i = 0; i < inbox.n_rows; i++) {
        if (bank_find_call((const uint8_t *)text(&inbox, i, 0).ptr) == call)
            return true;
    }
    return false;
}

static void check_taken_money(void)
{
    for (unsigned i = 0; bank_call_at(i); i++) {
        const struct bank_call *call = bank_call_at(i);
        unsigned n = 0;
        int64_t sum = 0;
        if (!bank_is_money(call) || !is_applied(call))
            continue;
        for (size_t row = 0; row < legs.n_rows; row++) {
            bool taken = is(&legs, row, KIND, "PAYMENT") || is(&legs, row, KIND, "ORPHAN");
            if (taken && is(&legs, row, BOOK, "BANK") && str_eq(text(&legs, row, REF), call->bank_ref)) {
                n++;
                sum += number(&legs, row, CENTS);
            }
        }
        if (n != 1 || sum != call->amount_cents)
            sim_violation("I3", "%lld cents under %.*s were booked %u times, %lld cents", (long long)call->amount_cents,
                          STR_ARG(call->bank_ref), n, (long long)sum);
    }
}

/* No leg without a call that said so. */
static void check_phantoms(void)
{
    for (size_t row = 0; row < legs.n_rows; row++) {
        const struct bank_call *call = bank_find_call((const uint8_t *)text(&legs, row, EVENT).ptr);
        if (!call || !call->seal_is_good || call->is_recut || strcmp(call->code, "99") == 0)
            sim_violation("I6", "money moved for a call that moves none (%.*s)", STR_ARG(text(&legs, row, KIND)));
        if (!str_eq(call->bank_ref, text(&legs, row, REF)))
            sim_violation("I6", "money was booked under another bank reference");
    }
}

/* ---- I11: the books balance, and what is counted elsewhere agrees with them ---- */

static void check_balance(void)
{
    for (size_t i = 0; i < legs.n_rows; i++) {
        int64_t sum = 0;
        for (size_t j = 0; j < legs.n_rows; j++) {
            bool same =
                str_eq(text(&legs, i, REF), text(&legs, j, REF)) && str_eq(text(&legs, i, KIND), text(&legs, j, KIND));
            sum += same ? number(&legs, j, CENTS) : 0;
            if (same && i != j && number(&legs, i, LEG) == number(&legs, j, LEG))
                sim_violation("I2", "one leg stands twice (%.*s)", STR_ARG(text(&legs, i, KIND)));
        }
        if (sum != 0)
            sim_violation("I11", "the legs of %.*s do not add up: %lld", STR_ARG(text(&legs, i, REF)), (long long)sum);
    }
}

static int64_t credited_to(enum leg_column column, int64_t id)
{
    int64_t sum = 0;
    for (size_t i = 0; i < legs.n_rows; i++) {
        bool suspended = is(&legs, i, BOOK, "SUSPENSE") || is(&legs, i, BOOK, "BANK");
        if (!suspended && number(&legs, i, column) == id)
            sum -= number(&legs, i, CENTS);
    }
    return sum;
}

/* Whatever ended a payment has given its claims back. */
static void check_reservations(void)
{
    struct sql_result kept =
        sql_ask("SELECT c.id, t.reference, t.state FROM claims c JOIN transactions t ON t.reference "
                "= c.reserved_for");
    for (size_t i = 0; i < kept.n_rows; i++) {
        if (!is(&kept, i, 2, "PENDING"))
            sim_violation("I10", "claim %lld is kept for a payment that has ended", (long long)number(&kept, i, 0));
    }
}

static void check_totals(void)
{
    struct sql_result accounts = sql_ask("SELECT id, paid_cents FROM accounts");
    struct sql_result claims = sql_ask("SELECT id, settled_cents, amount_cents FROM claims");
    for (size_t i = 0; i < accounts.n_rows; i++) {
        if (number(&accounts, i, 1) != credited_to(ACCOUNT, number(&accounts, i, 0)))
            sim_violation("I11", "account %lld says %lld, its legs %lld", (long long)number(&accounts, i, 0),
                          (long long)number(&accounts, i, 1), (long long)credited_to(ACCOUNT, number(&accounts, i, 0)));
    }
    for (size_t i = 0; i < claims.n_rows; i++) {
        int64_t settled = number(&claims, i, 1);
        if (settled != credited_to(CLAIM, number(&claims, i, 0)) || settled < 0 || settled > number(&claims, i, 2))
            sim_violation("I11", "claim %lld of %lld is settled with %lld, its legs say %lld",
                          (long long)number(&claims, i, 0), (long long)number(&claims, i, 2), (long long)settled,
                          (long long)credited_to(CLAIM, number(&claims, i, 0)));
    }
}

/* Receipts: one a credit, without a gap. */
static void check_receipts(void)
{
    struct sql_result receipts = sql_ask("SELECT transaction_id, number FROM receipts");
    size_t n_credits = 0;
    for (size_t row = 0; row < payments.n_rows; row++)
        n_credits += is_paid(row);
    if (receipts.n_rows != n_credits)
        sim_violation("I2", "%zu payments were credited, %zu have a receipt", n_credits, receipts.n_rows);
    for (size_t i = 0; i < receipts.n_rows; i++) {
        int64_t n = number(&receipts, i, 1);
        bool twice = false;
        for (size_t j = 0; j < i; j++)
            twice = twice || number(&receipts, j, 1) == n || number(&receipts, j, 0) == number(&receipts, i, 0);
        if (twice || n < 1 || n > (int64_t)n_credits)
            sim_violation("I2", "receipt %lld of %zu: a gap or a repeat", (long long)n, n_credits);
    }
}

/* Money in suspense waits for a human who must know of it. */
static void check_reviews(void)
{
    struct sql_result reviews = sql_ask("SELECT event_id, id FROM review_items");
    struct sql_result mails = sql_ask("SELECT review_id FROM mail_outbox WHERE kind = 'BURSAR_REVIEW'");
    for (size_t row = 0; row < legs.n_rows; row++) {
        bool told = !is(&legs, row, BOOK, "SUSPENSE") || number(&legs, row, CENTS) > 0;
        for (size_t i = 0; i < reviews.n_rows && !told; i++) {
            for (size_t j = 0; j < mails.n_rows && !told; j++)
                told = str_eq(text(&reviews, i, 0), text(&legs, row, EVENT)) &&
                       number(&mails, j, 0) == number(&reviews, i, 1);
            told = told || (number(&legs, row, PAYMENT) == 0 && str_eq(text(&reviews, i, 0), text(&legs, row, EVENT)));
        }
        if (!told)
            sim_violation("I3", "%lld cents went to suspense and nobody was told",
                          (long long)-number(&legs, row, CENTS));
    }
}

static void trace_reviews(void)
{
    struct sql_result reviews = sql_ask("SELECT transaction_id, reason, detail FROM review_items");
    for (size_t i = 0; sim_tracing && i < reviews.n_rows; i++)
        sim_trace("review of payment %lld: %.*s, %.*s", (long long)number(&reviews, i, 0),
                  STR_ARG(text(&reviews, i, 1)), STR_ARG(text(&reviews, i, 2)));
}

void checker_check_money(void)
{
    trace_reviews();
    payments = sql_ask("SELECT id, state, amount_cents, bank_ref FROM transactions");
    legs =
        sql_ask("SELECT transaction_id, kind, leg, book, account_id, claim_id, amount_cents, bank_ref, event_id FROM "
                "ledger_entries");
    check_phantoms();
    check_payments();
    check_taken_money();
    check_balance();
    check_totals();
    check_reservations();
    check_receipts();
    check_reviews();
}
