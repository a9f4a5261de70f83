/* smtp: what each way of a mail server to behave means, over real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/rand.h"
#include "loop/smtp_peer.h"
#include "worker/mail_compose.h"
#include "worker/smtp.h"

enum { TIMEOUT_MS = 400, PATIENCE_MS = 20000, ARENA_MAX = 1 << 20 };

static struct arena arena;

static const char *message_of(struct str text)
{
    struct mail_letter letter = {
        .outbox_id = 17,
        .kind = STR("PARENT_CONFIRMATION"),
        .written_us = INT64_C(1795414320000000),
        .from_name = STR("Cantine du lycée"),
        .from_address = STR("cantine@example.org"),
        .to = STR("durand@example.org"),
        .reply_to = STR("intendance@example.org"),
        .message_id_domain = STR("example.org"),
        .subject = STR("Paiement validé : 158,50 €"),
        .text = text,
        .html = STR("<p>Bonjour</p>\n"),
    };
    return mail_compose(&letter, &arena);
}

static const char *message(void)
{
    return message_of(STR("Bonjour,\n.\n.point\n"));
}

static struct smtp_settings settings_for(const struct smtp_peer *peer)
{
    return (struct smtp_settings){
        .host = "127.0.0.1", .port = peer->port, .helo_name = "worker.example.org", .timeout_ms = TIMEOUT_MS};
}

/* One mail, again and again. */
struct errand {
    struct smtp_mail mail;
    unsigned n_left, n_sent;
    enum smtp_outcome outcome; /* the last one's */
    char *error;
};

static bool next_mail(void *data, struct smtp_mail *ret)
{
    struct errand *errand = data;
    if (errand->n_left == 0)
        return false;
    errand->n_left--;
    *ret = errand->mail;
    return true;
}

static void mail_done(void *data, enum smtp_outcome outcome, const char *error)
{
    struct errand *errand = data;
    errand->n_sent += outcome == SMTP_SENT;
    errand->outcome = outcome;
    snprintf(errand->error, SMTP_ERROR_SIZE, "%s", error);
}

static unsigned send_some(struct smtp_client *client, unsigned count)
{
    char error[SMTP_ERROR_SIZE];
    struct errand errand = {.mail = {"durand@example.org", message()}, .n_left = count, .error = error};
    smtp_send_all(client, "cantine@example.org", &(struct smtp_work){next_mail, mail_done, &errand});
    assert_int_equal(errand.n_left, 0);
    return errand.n_sent;
}

static enum smtp_outcome smtp_send(struct smtp_client *client, const char *from, const char *to, const char *text,
                                   char error[SMTP_ERROR_SIZE])
{
    struct errand errand = {.mail = {to, text}, .n_left = 1, .error = error};
    smtp_send_all(client, from, &(struct smtp_work){next_mail, mail_done, &errand});
    assert_int_equal(errand.n_left, 0);
    return errand.outcome;
}

static enum smtp_outcome send_with(const struct smtp_settings *settings, const char *to, char error[SMTP_ERROR_SIZE])
{
    struct smtp_client *client;
    assert_int_equal(smtp_client_new(settings, &client), 0);
    enum smtp_outcome outcome = smtp_send(client, "cantine@example.org", to, message(), error);
    smtp_client_free(client);
    return outcome;
}

static void behaviours(void **state)
{
    static const struct {
        const char *what;
        struct smtp_script script;
        enum smtp_outcome outcome;
        const char *error; /* stands in the error text */
    } cases[] = {
        {"accepts", {"220 x", "250 x", "250 x", "250 x", "354 x", "250 x"}, SMTP_SENT, ""},
        {"no such user", {"220 x", "250 x", "250 x", "550 unknown", "354 x", "250 x"}, SMTP_REFUSED, "550"},
        {"mailbox busy", {"220 x", "250 x", "250 x", "451 later", "354 x", "250 x"}, SMTP_RETRY, "451"},
        {"message refused", {"220 x", "250 x", "250 x", "250 x", "354 x", "554 spam"}, SMTP_REFUSED, "554"},
        {"message later", {"220 x", "250 x", "250 x", "250 x", "354 x", "452 full"}, SMTP_RETRY, "452"},
        {"DATA refused", {"220 x", "250 x", "250 x", "250 x", "451 no", "250 x"}, SMTP_RETRY, "451"},
        {"wants a login", {"220 x", "250 x", "530 login", "250 x", "354 x", "250 x"}, SMTP_RETRY, "530"},
        {"greets with 421", {"421 busy", "250 x", "250 x", "250 x", "354 x", "250 x"}, SMTP_RETRY, ""},
        {"says nothing at all", {"", "250 x", "250 x", "250 x", "354 x", "250 x"}, SMTP_RETRY, ""},
        {"drops at MAIL", {"220 x", "250 x", NULL, "250 x", "354 x", "250 x"}, SMTP_RETRY, ""},
        {"drops at DATA", {"220 x", "250 x", "250 x", "250 x", NULL, "250 x"}, SMTP_RETRY, ""},
        {"drops after the dot", {"220 x", "250 x", "250 x", "250 x", "354 x", NULL}, SMTP_UNKNOWN, "after"},
        {"hangs after the dot", {"220 x", "250 x", "250 x", "250 x", "354 x", ""}, SMTP_UNKNOWN, "after"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct smtp_peer peer;
        char error[SMTP_ERROR_SIZE];
        smtp_peer_start(&peer, &cases[i].script, NULL);
        struct smtp_settings settings = settings_for(&peer);
        int64_t begun_ms = clock_monotonic_ms();
        enum smtp_outcome outcome = send_with(&settings, "durand@example.org", error);
        int64_t took_ms = clock_monotonic_ms() - begun_ms;
        smtp_peer_stop(&peer);
        if (outcome != cases[i].outcome || !strstr(error, cases[i].error) || took_ms > PATIENCE_MS)
            fail_msg("%s: outcome %d, error \"%s\", %lld ms", cases[i].what, (int)outcome, error, (long long)took_ms);
        if (outcome != SMTP_SENT)
            assert_true(error[0] != '\0');
    }
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        n++;
    return n;
}

/* What arrives is what was written: one Message-ID, ours; dots doubled; nothing in 8 bits. */
static void arrives_whole(void **state)
{
    struct smtp_peer peer;
    char error[SMTP_ERROR_SIZE];
    (void)state;
    smtp_peer_start(&peer, &smtp_script_good, NULL);
    struct smtp_settings settings = settings_for(&peer);
    assert_int_equal(send_with(&settings, "durand@example.org", error), SMTP_SENT);
    smtp_peer_stop(&peer);
    assert_int_equal(count(peer.log, "Message-Id:") + count(peer.log, "Message-ID:"), 1);
    assert_non_null(strstr(peer.log, "<outbox.17.PARENT_CONFIRMATION@example.org>"));
    assert_int_equal(count(peer.log, "\nDate: "), 1);
    assert_int_equal(count(peer.log, "\nFrom: "), 1);
    assert_int_equal(count(peer.log, "\nTo: "), 1);
    assert_non_null(strstr(peer.log, "Reply-To: intendance@example.org"));
    assert_non_null(strstr(peer.log, "Auto-Submitted: auto-generated"));
    assert_non_null(strstr(peer.log, "multipart/alternative"));
    assert_int_equal(count(peer.log, "charset=utf-8"), 2);
    assert_non_null(strstr(peer.log, "\n..\n..point\n"));
    assert_non_null(strstr(peer.log, "MAIL FROM:<cantine@example.org>"));
    assert_int_equal(count(peer.log, "RCPT TO:"), 1);
    for (const char *c = peer.log; *c; c++)
        assert_true((unsigned char)*c < 0x80);
}

static void hostile_addresses(void **state)
{
    static const char *const addresses[] = {
        "a@x.org>\r\nRCPT TO:<b@y.org", "a@x.org\nb", "", "a", "a b@x.org", "<a@x.org>", "\"a\"@x.org"};
    struct smtp_peer peer;
    char error[SMTP_ERROR_SIZE];
    (void)state;
    smtp_peer_start(&peer, &smtp_script_good, NULL);
    struct smtp_settings settings = settings_for(&peer);
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
        assert_int_equal(send_with(&settings, addresses[i], error), SMTP_REFUSED);
    smtp_peer_stop(&peer);
    assert_int_equal(peer.commands, 0);
}

static void nobody_there(void **state)
{
    struct smtp_peer peer;
    char error[SMTP_ERROR_SIZE];
    (void)state;
    smtp_peer_start(&peer, &smtp_script_good, NULL);
    smtp_peer_stop(&peer);
    struct smtp_settings settings = settings_for(&peer);
    assert_int_equal(send_with(&settings, "durand@example.org", error), SMTP_RETRY);
    settings.host = "no-such-host.invalid";
    int64_t begun_ms = clock_monotonic_ms();
    assert_int_equal(send_with(&settings, "durand@example.org", error), SMTP_RETRY);
    assert_true(clock_monotonic_ms() - begun_ms < PATIENCE_MS);
}

static void tls_or_nothing(void **state)
{
    static const struct {
        const char *what;
        const char *certified; /* NULL: the server offers no STARTTLS */
        bool known_ca;
        enum smtp_outcome outcome;
    } cases[] = {
        {"all is well", "localhost", true, SMTP_SENT},
        {"not offered", NULL, true, SMTP_RETRY},
        {"the name of another host", "other.example.org", true, SMTP_RETRY},
        {"an unknown authority", "localhost", false, SMTP_RETRY},
    };
    char path[] = "/tmp/dp-smtp-XXXXXX", good_ca[64], other_ca[64];
    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(good_ca, sizeof good_ca, "%s/good.pem", path);
    snprintf(other_ca, sizeof other_ca, "%s/other.pem", path);
    SSL_CTX_free(smtp_peer_new_tls("localhost", good_ca)); /* also for the case without TLS */
    SSL_CTX_free(smtp_peer_new_tls("localhost", other_ca));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct smtp_peer peer;
        char error[SMTP_ERROR_SIZE];
        SSL_CTX *tls = cases[i].certified ? smtp_peer_new_tls(cases[i].certified, good_ca) : NULL;
        smtp_peer_start(&peer, &smtp_script_good, tls);
        struct smtp_settings settings = settings_for(&peer);
        settings.host = "localhost";
        settings.starttls = true;
        settings.ca_file = cases[i].known_ca ? good_ca : other_ca;
        enum smtp_outcome outcome = send_with(&settings, "durand@example.org", error);
        smtp_peer_stop(&peer);
        SSL_CTX_free(tls);
        if (outcome != cases[i].outcome || (outcome != SMTP_SENT && peer.commands != 0))
            fail_msg("%s: outcome %d, error \"%s\"", cases[i].what, (int)outcome, error);
    }
    unlink(good_ca);
    unlink(other_ca);
    rmdir(path);
}

/* One context for many sessions: the library's own was freed with the first. */
static void many_over_one_context(void **state)
{
    char path[] = "/tmp/dp-smtp-XXXXXX", ca[64], error[SMTP_ERROR_SIZE];
    struct smtp_peer peer;
    struct smtp_client *client;
    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(ca, sizeof ca, "%s/ca.pem", path);
    SSL_CTX *tls = smtp_peer_new_tls("localhost", ca);
    smtp_peer_start(&peer, &smtp_script_good, tls);
    struct smtp_settings settings = settings_for(&peer);
    settings.host = "localhost";
    settings.starttls = true;
    settings.ca_file = ca;
    assert_int_equal(smtp_client_new(&settings, &client), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(smtp_send(client, "cantine@example.org", "durand@example.org", message(), error), SMTP_SENT);
    smtp_client_free(client);
    smtp_peer_stop(&peer);
    SSL_CTX_free(tls);
    assert_int_equal(peer.commands, 20);
    settings.ca_file = "/nonexistent/ca.pem";
    assert_int_equal(smtp_client_new(&settings, &client), ERR_INVALID);
    unlink(ca);
    rmdir(path);
}

/* A connection serves as many mails as the server takes; where it takes no more, the next one is none the worse. */
static void many_over_one_connection(void **state)
{
    static const struct {
        int mails_max, connections;
    } cases[] = {{0, 1}, {1, 7}, {3, 3}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct smtp_peer peer;
        struct smtp_client *client;
        smtp_peer_start(&peer, &smtp_script_good, NULL);
        peer.mails_max = cases[i].mails_max;
        struct smtp_settings settings = settings_for(&peer);
        assert_int_equal(smtp_client_new(&settings, &client), 0);
        assert_int_equal(send_some(client, 7), 7);
        smtp_client_free(client);
        smtp_peer_stop(&peer);
        assert_int_equal(peer.connections, 2 * cases[i].connections); /* each after a trial */
        assert_int_equal(count(peer.log, "Message-Id: "), 7);
    }
}

/* One that fails ends its connection, and what comes after it gets another. */
static void failures_do_not_spread(void **state)
{
    struct smtp_script script = smtp_script_good;
    struct smtp_peer peer;
    struct smtp_client *client;
    (void)state;
    script.rcpt = "550 unknown";
    smtp_peer_start(&peer, &script, NULL);
    struct smtp_settings settings = settings_for(&peer);
    assert_int_equal(smtp_client_new(&settings, &client), 0);
    assert_int_equal(send_some(client, 3), 0);
    assert_int_equal(peer.commands, 3);
    smtp_client_free(client);
    smtp_peer_stop(&peer);
}

/* A mail of several pieces must not wait for the server's delayed acknowledgement of the first: 40 ms and more, each
 * time. The best of some, since the machine may have other work. */
static void large_without_delay(void **state)
{
    static char large[16 * 1024];
    char error[SMTP_ERROR_SIZE];
    struct smtp_peer peer;
    struct smtp_client *client;
    int64_t best_ms = PATIENCE_MS;
    (void)state;
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = i % 64 == 63 ? '\n' : 'x';
    smtp_peer_start(&peer, &smtp_script_good, NULL);
    struct smtp_settings settings = settings_for(&peer);
    assert_int_equal(smtp_client_new(&settings, &client), 0);
    for (int i = 0; i < 10; i++) {
        const char *text = message_of(str_slice(large, sizeof large));
        int64_t began_ms = clock_monotonic_ms();
        assert_int_equal(smtp_send(client, "cantine@example.org", "durand@example.org", text, error), SMTP_SENT);
        int64_t took_ms = clock_monotonic_ms() - began_ms;
        best_ms = took_ms < best_ms ? took_ms : best_ms;
    }
    smtp_client_free(client);
    smtp_peer_stop(&peer);
    assert_in_range(best_ms, 0, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaviours),
        cmocka_unit_test(arrives_whole),
        cmocka_unit_test(hostile_addresses),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(tls_or_nothing),
        cmocka_unit_test(many_over_one_context),
        cmocka_unit_test(many_over_one_connection),
        cmocka_unit_test(failures_do_not_spread),
        cmocka_unit_test(large_without_delay),
    };
    signal(SIGPIPE, SIG_IGN);
    rand_init();
    mail_compose_init();
    arena_init(&arena, ARENA_MAX * 64);
    int failed = cmocka_run_group_tests_name("smtp", tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
