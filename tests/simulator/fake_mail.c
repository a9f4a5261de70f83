/* worker/smtp.h and worker/mail_content.h without a network, templates and fonts. A letter is its head: the Message-ID
 * as mail_compose.c makes it, and the number of its row. */
#include "simulator/fake_mail.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/heap.h"
#include "simulator/nemesis.h"
#include "simulator/sim.h"
#include "worker/mail_compose.h"
#include "worker/mail_content.h"
#include "worker/receipt_pdf.h"
#include "worker/smtp.h"

enum { STEP_US_MAX = 50000, SLOW_US_MAX = 4000000, REFUSED_MAX = 64 };

/* The last copy of a mail, to know whether there was a reason for the next one. */
struct copy {
    const struct process *by;
    unsigned n_faults; /* of the sender and of the database, then */
    bool told;         /* the sender was told that it was accepted */
};

struct smtp_client {
    char unused;
};

static struct fake_mail mails[FAKE_MAILS_MAX];
static struct copy last_copies[FAKE_MAILS_MAX];
static int64_t refused[REFUSED_MAX];
static unsigned n_mails, n_refused;

char *__wrap_mail_compose(const struct mail_letter *letter, struct arena *arena);

void fake_mail_reset(void)
{
    n_mails = n_refused = 0;
}

const struct fake_mail *fake_mail_at(unsigned i)
{
    return i < n_mails ? &mails[i] : NULL;
}

const struct fake_mail *fake_mail_find(int64_t outbox_id)
{
    for (unsigned i = 0; i < n_mails; i++) {
        if (mails[i].outbox_id == outbox_id)
            return &mails[i];
    }
    return NULL;
}

bool fake_mail_was_refused(int64_t outbox_id)
{
    for (unsigned i = 0; i < n_refused; i++) {
        if (refused[i] == outbox_id)
            return true;
    }
    return false;
}

/* ---- letters ---- */

int mail_content_load(const struct outbox_mail *mail, const struct config *config, struct db *db,
                      const struct mail_extras *extras, struct arena *arena, struct mail_content *ret)
{
    struct db_value id = DB_INT(mail->review_id ? mail->review_id : mail->transaction_id);
    struct db_result row;
    (void)config;
    (void)extras;
    int err = db_run(db, mail->review_id ? STATEMENT_MAIL_REVIEW : STATEMENT_MAIL_PAYMENT, &id, 1, arena, &row);
    if (err || row.n_rows == 0)
        return err ? err : ERR_NOT_FOUND;
    *ret = (struct mail_content){STR("subject"), STR("text"), STR("html"), STR("")};
    return 0;
}

char *__wrap_mail_compose(const struct mail_letter *letter, struct arena *arena)
{
    struct str id = mail_message_id(arena, letter->outbox_id, letter->kind, letter->message_id_domain);
    return arena_text(arena, arena_printf(arena, "%lld %.*s", (long long)letter->outbox_id, STR_ARG(id)));
}

/* ---- receipts: the file is what decides its content, so that two makers differ if the content does ---- */

int pdf_fonts_new(struct pdf_fonts **ret_fonts)
{
    *ret_fonts = NULL;
    return 0;
}

void pdf_fonts_free(struct pdf_fonts *fonts)
{
    (void)fonts;
}

int receipt_pdf_write(const struct receipt *receipt, struct pdf_fonts *fonts, struct arena *arena, struct buf *out)
{
    (void)fonts;
    (void)arena;
    buf_printf(out, "%.*s %.*s", STR_ARG(receipt->number), STR_ARG(receipt->reference));
    return 0;
}

/* ---- the server ---- */

int smtp_client_new(const struct smtp_settings *settings, struct smtp_client **ret)
{
    (void)settings;
    *ret = HEAP_NEW(struct smtp_client);
    return 0;
}

void smtp_client_free(struct smtp_client *client)
{
    free(client);
}

static unsigned faults_now(const struct process *process)
{
    return process->n_faults + nemesis_epoch(STORE_DATABASE);
}

/* The same row twice: with the same Message-ID, and only after something went wrong between acceptance and SENT. */
static void check_repeat(const struct fake_mail *mail, const struct copy *last, const char *message_id)
{
    if (strcmp(mail->message_id, message_id) != 0)
        sim_violation("I4", "mail %lld was sent as <%s> and as <%s>", (long long)mail->outbox_id, mail->message_id,
                      message_id);
    if (last->told && last->by->alive && faults_now(last->by) == last->n_faults)
        sim_violation("I4", "mail %lld was sent again by %s, though %s met no fault after it had sent it",
                      (long long)mail->outbox_id, sim_self->name, last->by->name);
}

static void accept(const char *message, bool told)
{
    char *message_id;
    int64_t outbox_id = strtoll(message, &message_id, 10);
    unsigned i = 0;
    message_id++;
    while (i < n_mails && mails[i].outbox_id != outbox_id) {
        if (strcmp(mails[i].message_id, message_id) == 0)
            sim_violation("I4", "mails %lld and %lld have one Message-ID", (long long)mails[i].outbox_id,
                          (long long)outbox_id);
        i++;
    }
    if (i == FAKE_MAILS_MAX)
        sim_unable("more than %d mails", FAKE_MAILS_MAX);
    if (i == n_mails) {
        mails[n_mails++] = (struct fake_mail){.outbox_id = outbox_id};
        snprintf(mails[i].message_id, sizeof mails[i].message_id, "%s", message_id);
    } else {
        check_repeat(&mails[i], &last_copies[i], message_id);
    }
    mails[i].n_copies++;
    last_copies[i] = (struct copy){sim_self, faults_now(sim_self), told};
    SIM_TRACE("%s: mail %lld accepted, copy %u", sim_self->name, (long long)outbox_id, mails[i].n_copies);
}

static enum smtp_outcome end(char error[SMTP_ERROR_SIZE], enum smtp_outcome outcome, const char *why)
{
    SIM_TRACE("%s: mail: %s", sim_self->name, why);
    snprintf(error, SMTP_ERROR_SIZE, "%s", why);
    return outcome;
}

static enum smtp_outcome refuse(const char *message, char error[SMTP_ERROR_SIZE])
{
    if (!sim_one_in(4) || n_refused == REFUSED_MAX)
        return end(error, SMTP_RETRY, "451 try again later");
    refused[n_refused++] = strtoll(message, NULL, 10);
    return end(error, SMTP_REFUSED, "550 no such mailbox");
}

static enum smtp_outcome hand_over(const char *message, char error[SMTP_ERROR_SIZE])
{
    fiber_sleep(sim_between(1, STEP_US_MAX));
    enum fate fate = nemesis_draw(STORE_SMTP);
    if (fate == FATE_CRASH)
        nemesis_crash();
    if (fate == FATE_PAUSE)
        nemesis_pause();
    if (fate == FATE_SLOW)
        fiber_sleep(sim_between(0, SLOW_US_MAX));
    if (!nemesis_is_up(STORE_SMTP))
        return end(error, SMTP_RETRY, "connection refused");
    if (fate == FATE_REFUSED)
        return refuse(message, error);
    if (fate == FATE_LOST)
        return end(error, SMTP_UNKNOWN, "connection lost after the message, which was not accepted");
    accept(message, fate != FATE_UNKNOWN);
    if (fate == FATE_CRASH_AFTER)
        nemesis_crash();
    return fate == FATE_UNKNOWN ? end(error, SMTP_UNKNOWN, "connection lost after the message") : SMTP_SENT;
}

void smtp_send_all(struct smtp_client *client, const char *from, const struct smtp_work *work)
{
    struct smtp_mail mail;
    (void)client;
    (void)from;
    while (work->next(work->data, &mail)) {
        char error[SMTP_ERROR_SIZE] = "";
        enum smtp_outcome outcome = hand_over(mail.message, error);
        work->done(work->data, outcome, error);
    }
}
