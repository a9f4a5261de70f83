/* bank_client: against a bank's server that is well, and ones that are not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "loop/bank_peer.h"
#include "loop/smtp_peer.h"
#include "worker/bank_client.h"

enum { BODY_MAX = 4096, SHORT_MS = 300, LONG_MS = 20000, TOLERATED_MS = 15000 };

static struct drain drain;
static struct bank_peer peer;

/* Asks once with a client of these settings; the body, if wanted, is the caller's to free. */
static int ask(const char *scheme, unsigned timeout_ms, const char *ca_file, bool plain_allowed, char *ret_body)
{
    struct bank_client_settings settings = {timeout_ms, ca_file, plain_allowed, &drain};
    struct bank_client *client = bank_client_new(&settings);
    struct buf body;
    char url[128];
    buf_init(&body, BODY_MAX);
    snprintf(url, sizeof url, "%s://localhost:%u/adm.do?action=x", scheme, peer.port);
    int err = bank_client_get(client, url, &body);
    assert_true(err == 0 || bank_client_error(client)[0] != '\0');
    assert_null(strstr(bank_client_error(client), "action"));
    if (ret_body)
        snprintf(ret_body, BODY_MAX, "%.*s", STR_ARG(buf_str(&body)));
    buf_done(&body);
    bank_client_free(client);
    return err;
}

static int ask_plainly(unsigned timeout_ms, char *ret_body)
{
    return ask("http", timeout_ms, NULL, true, ret_body);
}

static void an_answer(void **state)
{
    char body[BODY_MAX];
    (void)state;
    bank_peer_start(&peer, NULL);
    bank_peer_says(&peer, "spadminko\n");
    assert_int_equal(ask_plainly(LONG_MS, body), 0);
    assert_string_equal(body, "spadminko\n");
    assert_non_null(strstr(peer.request, "GET /adm.do?action=x HTTP/1.1"));
    bank_peer_stop(&peer);
}

static void other_statuses(void **state)
{
    static const char *const heads[] = {"302 Found\r\nLocation: /adm.do", "301 Moved\r\nLocation: http://127.0.0.1:1/",
                                        "500 Oops", "404 Not Found", "204 No Content"};
    (void)state;
    bank_peer_start(&peer, NULL);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        int before = peer.requests;
        snprintf(peer.response, sizeof peer.response, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                 heads[i]);
        assert_int_equal(ask_plainly(LONG_MS, NULL), ERR_INVALID);
        assert_int_equal(peer.requests, before + 1);
    }
    bank_peer_stop(&peer);
}

static void ill_manners(void **state)
{
    static const struct {
        enum bank_manner manner;
        unsigned timeout_ms;
        int err;
    } cases[] = {
        {BANK_CLOSES, LONG_MS, ERR_UNAVAILABLE},   {BANK_IS_TORN, LONG_MS, ERR_UNAVAILABLE},
        {BANK_TRICKLES, SHORT_MS, ERR_TIMEOUT},    {BANK_IS_SILENT, SHORT_MS, ERR_TIMEOUT},
        {BANK_IS_ENDLESS, LONG_MS, ERR_TOO_LARGE},
    };
    (void)state;
    bank_peer_start(&peer, NULL);
    bank_peer_says(&peer, "an answer of more than twenty bytes, to be torn");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t begun_ms = clock_monotonic_ms();
        peer.manner = cases[i].manner;
        assert_int_equal(ask_plainly(cases[i].timeout_ms, NULL), cases[i].err);
        assert_true(clock_monotonic_ms() - begun_ms < TOLERATED_MS);
    }
    bank_peer_stop(&peer);
    assert_int_equal(ask_plainly(LONG_MS, NULL), ERR_UNAVAILABLE); /* nobody listens */
}

static void plain_http_only_where_allowed(void **state)
{
    (void)state;
    bank_peer_start(&peer, NULL);
    bank_peer_says(&peer, "x");
    assert_int_equal(ask("http", LONG_MS, NULL, false, NULL), ERR_INVALID);
    assert_int_equal(ask("file", LONG_MS, NULL, true, NULL), ERR_INVALID);
    assert_int_equal(ask("ftp", LONG_MS, NULL, true, NULL), ERR_INVALID);
    assert_int_equal(peer.requests, 0);
    bank_peer_stop(&peer);
}

static void tls(void **state)
{
    static const struct {
        const char *name;
        bool trusted;
        int err;
    } cases[] = {
        {"localhost", true, 0},
        {"localhost", false, ERR_UNAVAILABLE},
        {"bank.example", true, ERR_UNAVAILABLE}, /* somebody else's certificate */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[] = "/tmp/dp-bank-XXXXXX";
        close(mkstemp(path));
        SSL_CTX *context = smtp_peer_new_tls(cases[i].name, path);
        bank_peer_start(&peer, context);
        bank_peer_says(&peer, "x");
        assert_int_equal(ask("https", LONG_MS, cases[i].trusted ? path : NULL, false, NULL), cases[i].err);
        assert_int_equal(peer.requests, cases[i].err == 0);
        bank_peer_stop(&peer);
        SSL_CTX_free(context);
        unlink(path);
    }
}

/* The proxy of whoever starts the worker is not the bank's affair. */
static void no_proxy_of_the_environment(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    bank_peer_start(&peer, NULL);
    bank_peer_says(&peer, "x");
    assert_int_equal(ask_plainly(LONG_MS, NULL), 0);
    bank_peer_stop(&peer);
    unsetenv("http_proxy");
}

static void *drain_soon(void *arg)
{
    (void)arg;
    while (peer.requests == 0)
        usleep(1000);
    drain_begin(&drain);
    return NULL;
}

static void the_drain_cuts_it_short(void **state)
{
    pthread_t thread;
    int64_t begun_ms = clock_monotonic_ms();
    (void)state;
    bank_peer_start(&peer, NULL);
    peer.manner = BANK_IS_SILENT;
    assert_int_equal(pthread_create(&thread, NULL, drain_soon, NULL), 0);
    assert_int_equal(ask_plainly(LONG_MS, NULL), ERR_CANCELLED);
    assert_true(clock_monotonic_ms() - begun_ms < TOLERATED_MS);
    pthread_join(thread, NULL);
    bank_peer_stop(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer),
        cmocka_unit_test(other_statuses),
        cmocka_unit_test(ill_manners),
        cmocka_unit_test(plain_http_only_where_allowed),
        cmocka_unit_test(tls),
        cmocka_unit_test(no_proxy_of_the_environment),
        cmocka_unit_test(the_drain_cuts_it_short), /* last: it cannot be undone */
    };
    signal(SIGPIPE, SIG_IGN);
    log_init("test", LOG_LEVEL_ERROR);
    drain_init(&drain);
    bank_client_init();
    int failed = cmocka_run_group_tests_name("bank_client", tests, NULL, NULL);
    drain_done(&drain);
    return failed;
}
