#include "worker/mailer.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/crash_point.h"
#include "common/digest.h"
#include "common/encode.h"
#include "common/err.h"
#include "common/log.h"
#include "common/rand.h"
#include "worker/mail_compose.h"
#include "worker/outbox.h"
#include "worker/receipt_file.h"
#include "worker/smtp.h"

enum { ARENA_MAX = 16 * 1024 * 1024, TOKEN_BYTES = 32, MARK_ATTEMPTS_MAX = 40, MS_PER_S = 1000, SMTP_STEPS = 5 };

struct mailer {
    const struct mailer_settings *settings; /* borrowed */
    struct db *db;                          /* owned */
    struct smtp_client *smtp;               /* owned */
    struct receipt_maker receipts;
};

static bool is_reset(const struct outbox_mail *mail)
{
    return str_eq(mail->kind, STR("PASSWORD_RESET"));
}

static struct db_value token_hash(struct str token, struct arena *arena)
{
    uint8_t *hash = arena_alloc(arena, DIGEST_SHA256_LEN);
    digest_sha256(token, hash);
    return DB_BYTES(str_slice((const char *)hash, DIGEST_SHA256_LEN));
}

/* A link's secret exists only in the mail that carries it; the database gets the SHA-256 of its text. */
static int make_token(struct mailer *mailer, const struct outbox_mail *mail, struct arena *arena, struct str *ret)
{
    uint8_t bytes[TOKEN_BYTES];
    char *text = arena_alloc(arena, ENCODE_BASE64URL_SIZE(TOKEN_BYTES));
    rand_bytes(bytes, sizeof bytes);
    encode_base64url(bytes, sizeof bytes, text);
    struct db_value params[] = {token_hash(str_from(text), arena), DB_INT(mail->user_id), DB_INT(MAIL_TOKEN_VALID_S)};
    int err = db_run(mailer->db, STATEMENT_TOKEN_ADD, params, 3, arena, NULL);
    CRASH_POINT("worker/token_made");
    if (!err)
        *ret = str_from(text);
    return err;
}

/* The token of a mail that nobody got must not stay valid. */
static void void_token(struct mailer *mailer, struct str token, struct arena *arena)
{
    struct db_value hash = token_hash(token, arena);
    int err = db_run(mailer->db, STATEMENT_TOKEN_VOID, &hash, 1, arena, NULL);
    CRASH_POINT("worker/token_voided");
    if (err)
        log_warn("token_not_voided", LOG_ERR(err)); /* it ends by itself after half an hour */
}

/* The receipt that goes with a parent's confirmation. A mail without it is better than none, so a file that cannot be
 * made (which has been logged) only leaves *ret as it is. */
static int load_receipt(struct mailer *mailer, const struct outbox_mail *mail, struct arena *arena,
                        struct receipt_file *ret)
{
    if (!str_eq(mail->kind, STR("PARENT_CONFIRMATION")))
        return 0;
    int err = receipt_file_get(&mailer->receipts, mail->transaction_id, arena, ret);
    return err == ERR_BUSY || err == ERR_UNAVAILABLE ? err : 0;
}

static int write_letter(struct mailer *mailer, const struct outbox_mail *mail, struct str token, struct arena *arena,
                        char **ret)
{
    const struct config *config = mailer->settings->config;
    struct mail_content content;
    struct receipt_file receipt = {.bytes = STR_NULL};
    int err = load_receipt(mailer, mail, arena, &receipt);
    struct mail_extras extras = {.token = token, .receipt_attached = receipt.bytes.len > 0};
    if (!err)
        err = mail_content_load(mail, config, mailer->db, &extras, arena, &content);
    if (err)
        return err;
    struct mail_letter letter = {
        .outbox_id = mail->id,
        .kind = mail->kind,
        .written_us = mail->created_us,
        .from_name = str_from(config->mail.from_name),
        .from_address = str_from(config->mail.from_address),
        .to = mail->recipient,
        .reply_to = content.reply_to,
        .message_id_domain = str_from(config->mail.message_id_domain),
        .subject = content.subject,
        .text = content.text,
        .html = content.html,
        .pdf_name = receipt.name,
        .pdf = receipt.bytes,
    };
    *ret = mail_compose(&letter, arena);
    return 0;
}

/* What an attempt ended with. */
struct attempt {
    enum smtp_outcome outcome;
    char error[SMTP_ERROR_SIZE];
};

static void fail(struct attempt *attempt, enum smtp_outcome outcome, const char *what, int err)
{
    attempt->outcome = outcome;
    snprintf(attempt->error, sizeof attempt->error, "%s: %s", what, err_name(err));
}

static int mark(struct mailer *mailer, const struct outbox_mail *mail, const struct attempt *attempt,
                struct arena *arena)
{
    int64_t attempts_max = mailer->settings->config->mail.attempts_max;
    uint32_t random;
    if (attempt->outcome == SMTP_SENT) {
        CRASH_POINT("worker/mail_before_sent");
        return outbox_mark_sent(mailer->db, mail, arena);
    }
    CRASH_POINT("worker/mail_before_failed");
    if (attempt->outcome == SMTP_REFUSED || mail->attempt >= attempts_max)
        return outbox_mark_dead(mailer->db, mail, attempt->error, arena);
    rand_bytes(&random, sizeof random);
    return outbox_mark_retry(mailer->db, mail, outbox_retry_delay_s(mail->attempt, random), attempt->error, arena);
}

static void report(struct mailer *mailer, const struct outbox_mail *mail, const struct attempt *attempt)
{
    struct metrics *metrics = mailer->settings->metrics;
    bool dead = attempt->outcome == SMTP_REFUSED || mail->attempt >= mailer->settings->config->mail.attempts_max;
    if (attempt->outcome == SMTP_SENT) {
        metrics_add(metrics, METRIC_MAILS_SENT, 1);
        log_info("mail_sent", LOG_INT("outbox", mail->id), LOG_SLICE("kind", mail->kind),
                 LOG_MAIL("to", mail->recipient));
        return;
    }
    metrics_add(metrics, dead ? METRIC_MAILS_DEAD : METRIC_MAILS_RETRIED, 1);
    log_write(dead ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, dead ? "mail_dead" : "mail_retry",
              LOG_FIELDS(LOG_INT("outbox", mail->id), LOG_SLICE("kind", mail->kind), LOG_INT("attempt", mail->attempt),
                         LOG_STR("reason", attempt->error)));
}

/* The outcome is written however long the database is away: a mail sent and not marked would be sent again. */
static void settle(struct mailer *mailer, const struct outbox_mail *mail, const struct attempt *attempt,
                   struct arena *arena)
{
    struct backoff backoff = {0};
    int err = mark(mailer, mail, attempt, arena);
    for (int i = 0; (err == ERR_BUSY || err == ERR_UNAVAILABLE) && i < MARK_ATTEMPTS_MAX; i++) {
        if (drain_wait(mailer->settings->drain, backoff_next_ms(&backoff)) && i > 2)
            break;
        err = mark(mailer, mail, attempt, arena);
    }
    CRASH_POINT("worker/mail_settled");
    if (err)
        log_error("mail_not_marked", LOG_INT("outbox", mail->id), LOG_ERR(err), LOG_STR("error", db_error(mailer->db)));
    report(mailer, mail, attempt);
}

/* The last moment, after a claim, to begin a mail: one that is slow in every step must end before its lease. */
static int64_t begin_within_ms(const struct config *config)
{
    int64_t lease_ms = (int64_t)config->worker.lease_s * MS_PER_S;
    int64_t slowest_ms = (int64_t)config->mail.timeout_ms * SMTP_STEPS;
    return lease_ms - slowest_ms > lease_ms / 4 ? lease_ms - slowest_ms : lease_ms / 4;
}

/* Claimed mails, and the one of them that is under way. */
struct portion {
    struct mailer *mailer;
    const struct outbox_mail *mails;
    size_t count, at;
    int64_t until_ms;
    struct arena arena; /* of the one under way */
    struct str token;   /* its link's secret, if it has one */
};

static void end_mail(struct portion *portion, const struct attempt *attempt)
{
    settle(portion->mailer, &portion->mails[portion->at], attempt, &portion->arena);
    arena_done(&portion->arena);
    portion->at++;
}

/* Writes the mail; without one, `attempt` says why. */
static char *try_write(struct portion *portion, struct attempt *attempt)
{
    struct mailer *mailer = portion->mailer;
    const struct outbox_mail *mail = &portion->mails[portion->at];
    char *letter = NULL;
    portion->token = STR_NULL;
    int err = is_reset(mail) ? make_token(mailer, mail, &portion->arena, &portion->token) : 0;
    if (err) {
        fail(attempt, SMTP_RETRY, "token", err);
        return NULL;
    }
    err = write_letter(mailer, mail, portion->token, &portion->arena, &letter);
    CRASH_POINT("worker/mail_composed");
    if (!err)
        return letter;
    bool hopeless = err == ERR_NOT_FOUND || err == ERR_TOO_LARGE;
    fail(attempt, hopeless ? SMTP_REFUSED : SMTP_RETRY, "content", err);
    if (portion->token.len)
        void_token(mailer, portion->token, &portion->arena);
    return NULL;
}

static bool next_mail(void *data, struct smtp_mail *ret)
{
    struct portion *portion = data;
    while (portion->at < portion->count && !drain_begun(portion->mailer->settings->drain) &&
           clock_monotonic_ms() < portion->until_ms) {
        struct attempt attempt;
        arena_init(&portion->arena, ARENA_MAX);
        ret->message = try_write(portion, &attempt);
        ret->to = arena_text(&portion->arena, portion->mails[portion->at].recipient);
        if (ret->message)
            return true;
        end_mail(portion, &attempt);
    }
    return false;
}

static void mail_done(void *data, enum smtp_outcome outcome, const char *error)
{
    struct portion *portion = data;
    struct attempt attempt = {.outcome = outcome};
    snprintf(attempt.error, sizeof attempt.error, "%s", error);
    if (portion->token.len && (outcome == SMTP_RETRY || outcome == SMTP_REFUSED))
        void_token(portion->mailer, portion->token, &portion->arena);
    end_mail(portion, &attempt);
}

/* Claims and sends one portion. What cannot be begun well within the lease, or after the drain began, goes back. */
static int send_portion(struct mailer *mailer, size_t *ret_count)
{
    const struct config *config = mailer->settings->config;
    struct portion portion = {.mailer = mailer, .until_ms = clock_monotonic_ms() + begin_within_ms(config)};
    const struct smtp_work work = {next_mail, mail_done, &portion};
    struct arena arena;
    arena_init(&arena, ARENA_MAX);
    int err =
        outbox_claim(mailer->db, MAILER_CLAIM_MAX, config->worker.lease_s, &arena, &portion.mails, &portion.count);
    if (!err)
        smtp_send_all(mailer->smtp, config->mail.from_address, &work);
    for (; !err && portion.at < portion.count; portion.at++) {
        outbox_release(mailer->db, &portion.mails[portion.at], &arena); /* failing that, the lease ends by itself */
        CRASH_POINT("worker/mail_released");
    }
    *ret_count = portion.count;
    arena_done(&arena);
    return err;
}

static void send_until_drained(struct mailer *mailer)
{
    const struct mailer_settings *settings = mailer->settings;
    struct backoff backoff = {0};
    unsigned wait_ms;
    do {
        size_t count = 0;
        int err = send_portion(mailer, &count);
        if (err && backoff.wait_ms == 0 && err != ERR_BUSY)
            log_error("outbox_unavailable", LOG_ERR(err), LOG_STR("error", db_error(mailer->db)));
        if (!err)
            backoff = (struct backoff){0};
        wait_ms = err ? backoff_next_ms(&backoff) : count > 0 ? 0 : settings->config->worker.mail_poll_ms;
    } while (!drain_wait(settings->drain, wait_ms));
}

void mailer_run(const struct mailer_settings *settings)
{
    const struct config *config = settings->config;
    struct mailer mailer = {.settings = settings, .db = db_new(config)};
    mailer.receipts =
        (struct receipt_maker){.db = mailer.db, .metrics = settings->metrics, .base_url = config->site.base_url};
    struct smtp_settings smtp = {
        .host = config->mail.smtp_host,
        .port = config->mail.smtp_port,
        .starttls = config->mail.smtp_tls == CONFIG_SMTP_STARTTLS,
        .ca_file = config->mail.ca_file,
        .user = settings->smtp_password ? config->mail.user : NULL,
        .password = settings->smtp_password,
        .helo_name = config->mail.message_id_domain,
        .timeout_ms = config->mail.timeout_ms,
    };
    int err = smtp_client_new(&smtp, &mailer.smtp);
    if (err)
        log_error("mail_tls_unusable", LOG_STR("ca_file", smtp.ca_file), LOG_ERR(err));
    else
        send_until_drained(&mailer);
    smtp_client_free(mailer.smtp);
    receipt_maker_done(&mailer.receipts);
    db_free(mailer.db);
}
