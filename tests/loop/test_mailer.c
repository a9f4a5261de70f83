/* The mailer: from outbox rows to a mail server and back, with leases, retries and password links. */
#include "loop/worker_help.h"

#include <fontconfig/fontconfig.h>
#include <pthread.h>
#include <signal.h>

#include "common/digest.h"
#include "common/encode.h"
#include "loop/smtp_peer.h"
#include "worker/alarm.h"
#include "worker/mail_compose.h"
#include "worker/mailer.h"
#include "worker/outbox.h"

enum { WAIT_MS = 5000, STEP_US = 20000 };

static void await_no_pending(void)
{
    for (int waited_ms = 0; waited_ms < WAIT_MS; waited_ms += STEP_US / 1000) {
        if (ask("SELECT COUNT(*) FROM mail_outbox WHERE status = 'SENDING' OR (status = 'PENDING' AND next_attempt_at "
                "<= "
                "UTC_TIMESTAMP(6) + INTERVAL 5 SECOND)") == 0)
            return;
        usleep(STEP_US);
    }
    fail_msg("mails still wait");
}

static void *run_mailer(void *arg)
{
    mailer_run(arg);
    return NULL;
}

/* Lets a mailer work on what is due against a server that follows `script`, then drains it. */
static void mail_against(const struct smtp_script *script, struct smtp_peer *peer)
{
    struct drain drain;
    struct mailer_settings settings = {&help.config, &drain, &help.metrics, NULL};
    pthread_t thread;
    smtp_peer_start(peer, script, NULL);
    help.config.mail.smtp_host = "127.0.0.1";
    help.config.mail.smtp_port = peer->port;
    drain_init(&drain);
    assert_int_equal(pthread_create(&thread, NULL, run_mailer, &settings), 0);
    await_no_pending();
    drain_begin(&drain);
    pthread_join(thread, NULL);
    drain_done(&drain);
    smtp_peer_stop(peer);
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        n++;
    return n;
}

static int clear(void **state)
{
    (void)state;
    ask("UPDATE mail_outbox SET status = 'SENT'");
    return 0;
}

static void two_confirmations(void **state)
{
    struct smtp_peer peer;
    (void)state;
    long long claim = help_claim("150509", 15850);
    struct help_line line = {1, claim, 15850};
    long long id = help_payment("dem20261123061201aaa", 1, 15850, &line, 1);
    ask("UPDATE transactions SET comment = 'Bonne réception' WHERE id = %lld", id);
    help_bank_says(help_call("dem20261123061201aaa", 15850, "1", "36628282"));
    mail_against(&smtp_script_good, &peer);
    assert_asked(2,
                 "SELECT COUNT(*) FROM mail_outbox WHERE transaction_id = %lld AND status = 'SENT' AND attempt = 1 AND "
                 "sent_at IS NOT NULL AND lease_until IS NULL",
                 id);
    assert_int_equal(peer.commands, 2);
    assert_int_equal(count(peer.log, "RCPT TO:<durand@example.org>"), 1);
    assert_int_equal(count(peer.log, "RCPT TO:<intendance@example.org>"), 1);
    assert_int_equal(count(peer.log, "Reply-To: intendance@example.org"), 1);
    assert_int_equal(count(peer.log, ".PARENT_CONFIRMATION@example.org>"), 1);
    assert_int_equal(count(peer.log, ".BURSAR_CONFIRMATION@example.org>"), 1);
    assert_true(count(peer.log, "dem20261123061201aaa") >= 2);
    assert_true(count(peer.log, "Bonne r=C3=A9ception") >= 2);
    assert_int_equal(count(peer.log, "Content-Type: multipart/mixed"), 1); /* the parent's, not the bursar's */
    assert_int_equal(count(peer.log, "Content-Type: application/pdf; name=recu-"), 1);
    assert_int_equal(count(peer.log, "Content-Disposition: attachment; filename=recu-"), 1);
    assert_int_equal(count(peer.log, "joint =C3=A0 ce message"), 2); /* in both of its texts */
    assert_asked(1, "SELECT COUNT(*) FROM receipt_files WHERE transaction_id = %lld", id);
}

/* The last test: from here on this process knows no font. The parent still hears that the payment was accepted. */
static void confirmation_without_a_file(void **state)
{
    struct smtp_peer peer;
    (void)state;
    FcConfigSetCurrent(FcConfigCreate());
    long long id = help_topup("dem20261123061209aaa", 2000);
    help_bank_says(help_call("dem20261123061209aaa", 2000, "1", "40000009"));
    mail_against(&smtp_script_good, &peer);
    assert_asked(2, "SELECT COUNT(*) FROM mail_outbox WHERE transaction_id = %lld AND status = 'SENT'", id);
    assert_int_equal(count(peer.log, ".PARENT_CONFIRMATION@example.org>"), 1);
    assert_int_equal(count(peer.log, "application/pdf") + count(peer.log, "joint =C3=A0 ce message"), 0);
    assert_int_equal(count(peer.log, "restent consultables ici"), 2);
    assert_asked(0, "SELECT COUNT(*) FROM receipt_files WHERE transaction_id = %lld", id);
}

static void review_and_reversal(void **state)
{
    struct smtp_peer peer;
    (void)state;
    help_topup("dem20261123061202aaa", 2000);
    help_bank_says(help_call("dem20261123061202aaa", 2000, "1", "40000001"));
    help_bank_says(help_call("dem20261123061202aaa", 2000, "1", "40000002"));
    help_bank_says(help_call("dem20261123061202aaa", 2000, "20", "40000001"));
    help_bank_says(help_call("dem20261123061202zzz", 2000, "1", "40000003"));
    mail_against(&smtp_script_good, &peer);
    assert_int_equal(count(peer.log, ".BURSAR_REVIEW@example.org>"), 2);
    assert_int_equal(count(peer.log, ".BURSAR_REVERSAL@example.org>"), 1);
    assert_int_equal(count(peer.log, "RCPT TO:<" HELP_OPERATOR ">"), 1);
    assert_asked(0, "SELECT COUNT(*) FROM mail_outbox WHERE status <> 'SENT'");
}

/* Every kind of alarm reads like a letter: no mark of the program's is left, and one has no plural. */
static void alarms_to_the_operator(void **state)
{
    struct smtp_peer peer;
    (void)state;
    clear(NULL);
    for (int i = 0; i < ALARM_KIND_COUNT; i++) {
        struct alarm_finding finding = {(enum alarm_kind)i, i % 2 ? 1 : 12, 0, "détail"};
        assert_int_equal(alarm_update(help.runner.db, &finding, HELP_OPERATOR), 0);
    }
    struct alarm_finding over = {ALARM_BANK_SILENCE, 0, 0, ""};
    ask("INSERT INTO mail_outbox (kind, alarm_id, recipient) SELECT 'OPERATOR_ALARM', id, '" HELP_OPERATOR
        "' FROM alarms WHERE kind = 'BANK_SILENCE'");
    assert_int_equal(alarm_update(help.runner.db, &over, HELP_OPERATOR), 0);
    mail_against(&smtp_script_good, &peer);
    assert_asked(0, "SELECT COUNT(*) FROM mail_outbox WHERE status <> 'SENT'");
    assert_int_equal(count(peer.log, ".OPERATOR_ALARM@example.org>"), ALARM_KIND_COUNT + 1);
    assert_int_equal(count(peer.log, ".OPERATOR_ALARM_ENDED@example.org>"), 1);
    assert_true(count(peer.log, "12 =C3=A9v=C3=A9nements") >= 2);
    assert_true(count(peer.log, "dp-admin dead-letters list") >= 1);
    assert_int_equal(count(peer.log, "lld"), 0);
}

/* A refusal for good, one that passes, and attempts that are used up. */
static void failures(void **state)
{
    static const struct {
        const char *rcpt;
        int attempts_before;
        const char *status;
    } cases[] = {{"550 nobody", 0, "DEAD"}, {"451 later", 0, "PENDING"}, {"451 later", 24, "DEAD"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct smtp_peer peer;
        struct smtp_script script = smtp_script_good;
        script.rcpt = cases[i].rcpt;
        clear(NULL);
        ask("INSERT INTO mail_outbox (kind, school_id, user_id, recipient, attempt) VALUES ('PASSWORD_CHANGED', 1, 1, "
            "'durand@example.org', %d)",
            cases[i].attempts_before);
        long long id = ask("SELECT LAST_INSERT_ID()");
        mail_against(&script, &peer);
        assert_asked(1,
                     "SELECT status = '%s' AND attempt = %d AND last_error LIKE '%%%.3s%%' AND lease_until IS NULL "
                     "FROM mail_outbox WHERE id = %lld",
                     cases[i].status, cases[i].attempts_before + 1, cases[i].rcpt, id);
        assert_asked(1,
                     "SELECT status = 'DEAD' OR next_attempt_at > UTC_TIMESTAMP(6) + INTERVAL 14 SECOND FROM "
                     "mail_outbox WHERE id = %lld",
                     id);
        assert_int_equal(peer.commands, 1);
    }
}

static void password_link(void **state)
{
    struct smtp_peer peer;
    char token[64] = "", hex[2 * DIGEST_SHA256_LEN + 1];
    uint8_t hash[DIGEST_SHA256_LEN];
    struct smtp_script busy = smtp_script_good;
    (void)state;
    busy.rcpt = "451 later";
    ask("INSERT INTO mail_outbox (kind, school_id, user_id, recipient) VALUES ('PASSWORD_RESET', 1, 1, "
        "'durand@example.org')");
    long long id = ask("SELECT LAST_INSERT_ID()");
    mail_against(&busy, &peer);
    assert_asked(1, "SELECT COUNT(*) FROM password_tokens WHERE used_at IS NOT NULL"); /* nobody has this one */
    ask("UPDATE mail_outbox SET next_attempt_at = UTC_TIMESTAMP(6) WHERE id = %lld", id);
    mail_against(&smtp_script_good, &peer);
    assert_asked(1,
                 "SELECT COUNT(*) FROM password_tokens WHERE used_at IS NULL AND expires_at BETWEEN UTC_TIMESTAMP(6) "
                 "+ INTERVAL 29 MINUTE AND UTC_TIMESTAMP(6) + INTERVAL 30 MINUTE");
    const char *link = strstr(peer.log, "/mot-de-passe/");
    assert_non_null(link);
    size_t len = 0;
    for (const char *c = link + strlen("/mot-de-passe/"); len < 43; c++) {
        if (c[0] == '=' && c[1] == '\n')
            c++; /* a soft line break of quoted-printable */
        else
            token[len++] = *c;
    }
    digest_sha256(str_from(token), hash);
    encode_hex(hash, sizeof hash, hex);
    assert_asked(1, "SELECT COUNT(*) FROM password_tokens WHERE token_hash = X'%s' AND used_at IS NULL", hex);
}

static void lease_and_fence(void **state)
{
    const struct outbox_mail *mails, *again;
    size_t count_first, count_second;
    (void)state;
    struct db *other = db_new(&help.config);
    ask("INSERT INTO mail_outbox (kind, school_id, user_id, recipient) VALUES ('PASSWORD_CHANGED', 1, 1, 'a@b.fr'), "
        "('EMAIL_CHANGED', 1, 1, 'a@b.fr')");
    assert_int_equal(outbox_claim(help.runner.db, 10, 60, &help.arena, &mails, &count_first), 0);
    assert_int_equal(count_first, 2);
    assert_int_equal(outbox_claim(other, 10, 60, &help.arena, &again, &count_second), 0);
    assert_int_equal(count_second, 0);                                                         /* leased */
    ask("UPDATE mail_outbox SET next_attempt_at = UTC_TIMESTAMP(6) WHERE status = 'SENDING'"); /* the lease is over */
    assert_int_equal(outbox_claim(other, 10, 60, &help.arena, &again, &count_second), 0);
    assert_int_equal(count_second, 2);
    assert_int_equal(again[0].attempt, 2);
    assert_int_equal(outbox_mark_sent(help.runner.db, &mails[0], &help.arena), ERR_CONFLICT);
    assert_int_equal(outbox_mark_sent(other, &again[0], &help.arena), 0);
    assert_int_equal(outbox_release(other, &again[1], &help.arena), 0);
    assert_asked(1, "SELECT COUNT(*) FROM mail_outbox WHERE status = 'PENDING' AND attempt = 1");
    db_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(two_confirmations, clear),
        cmocka_unit_test_setup(review_and_reversal, clear),
        cmocka_unit_test_setup(alarms_to_the_operator, clear),
        cmocka_unit_test_setup(failures, clear),
        cmocka_unit_test_setup(password_link, clear),
        cmocka_unit_test_setup(lease_and_fence, clear),
        cmocka_unit_test_setup(confirmation_without_a_file, clear),
    };
    signal(SIGPIPE, SIG_IGN);
    mail_compose_init();
    help.config.mail.from_address = "cantine@example.org";
    help.config.mail.from_name = "Cantine";
    help.config.mail.message_id_domain = "example.org";
    help.config.mail.timeout_ms = 1000;
    help.config.mail.attempts_max = 25;
    help.config.worker.lease_s = 60;
    help.config.worker.mail_poll_ms = 50;
    return cmocka_run_group_tests_name("mailer", tests, help_start, help_stop);
}
