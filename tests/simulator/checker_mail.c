/* I4 and I5: who was credited is told once, the bursar too, and nobody else. */
#include "simulator/checker.h"
#include "simulator/fake_mail.h"
#include "simulator/school.h"
#include "simulator/sim.h"
#include "simulator/sql.h"

enum { ID, KIND, PAYMENT, STATUS };

static struct sql_result mails;

static int64_t number(const struct sql_result *rows, size_t row, size_t column)
{
    return rows->cells[row * rows->n_cols + column].number;
}

static bool is(const struct sql_result *rows, size_t row, size_t column, const char *name)
{
    return str_eq_text(rows->cells[row * rows->n_cols + column].text, name);
}

static unsigned count_mails(int64_t payment, const char *kind)
{
    unsigned n = 0;
    for (size_t row = 0; row < mails.n_rows; row++)
        n += number(&mails, row, PAYMENT) == payment && is(&mails, row, KIND, kind);
    return n;
}

static void check_payment(int64_t payment, bool paid, bool reversed)
{
    unsigned to_parent = count_mails(payment, "PARENT_CONFIRMATION");
    unsigned to_bursar = count_mails(payment, "BURSAR_CONFIRMATION");
    if (to_parent != paid || to_bursar != paid)
        sim_violation(paid ? "I4" : "I5", "payment %lld, paid %d: %u confirmations to the parent, %u to the bursar",
                      (long long)payment, paid, to_parent, to_bursar);
    if (count_mails(payment, "BURSAR_REVERSAL") != reversed)
        sim_violation("I4", "payment %lld, reversed %d: the bursar is told %u times", (long long)payment, reversed,
                      count_mails(payment, "BURSAR_REVERSAL"));
}

static void check_row(size_t row)
{
    int64_t id = number(&mails, row, ID);
    const struct fake_mail *mail = fake_mail_find(id);
    if (is(&mails, row, STATUS, "SENT") && !mail)
        sim_violation("I4", "mail %lld is called sent, and no server has it", (long long)id);
    if (is(&mails, row, STATUS, "DEAD") && !fake_mail_was_refused(id))
        sim_violation("I4", "mail %lld was given up, and nobody had refused it", (long long)id);
    if (!is(&mails, row, STATUS, "SENT") && !is(&mails, row, STATUS, "DEAD"))
        sim_violation("I4", "mail %lld still waits", (long long)id);
}

static bool has_row(int64_t outbox_id)
{
    for (size_t row = 0; row < mails.n_rows; row++) {
        if (number(&mails, row, ID) == outbox_id)
            return true;
    }
    return false;
}

void checker_check_mail(void)
{
    struct sql_result payments =
        sql_ask("SELECT id, state IN ('AUTHORISED', 'CAPTURED', 'SETTLED', 'REVERSED', 'REFUNDED'), state = 'REVERSED' "
                "FROM transactions");
    mails = sql_ask("SELECT id, kind, transaction_id, status FROM mail_outbox");
    for (size_t i = 0; i < payments.n_rows; i++)
        check_payment(number(&payments, i, 0), number(&payments, i, 1) != 0, number(&payments, i, 2) != 0);
    for (size_t row = 0; row < mails.n_rows; row++)
        check_row(row);
    for (unsigned i = 0; fake_mail_at(i); i++) {
        if (!has_row(fake_mail_at(i)->outbox_id))
            sim_violation("I5", "a mail was sent whose reason was never committed");
    }
}
