/* The worker's small rules: classes of database errors, waiting times, lists in statements, Message-IDs, metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/rand.h"
#include "worker/db.c"
#include "worker/drain.h"
#include "worker/mail_compose.h"
#include "worker/mail_words.h"
#include "worker/metrics.h"
#include "worker/outbox.h"

static void error_classes(void **state)
{
    static const struct {
        unsigned code;
        int err;
    } cases[] = {
        {1205, ERR_BUSY},        {1213, ERR_BUSY},        {1020, ERR_BUSY},        {1180, ERR_UNAVAILABLE},
        {1047, ERR_UNAVAILABLE}, {1053, ERR_UNAVAILABLE}, {1927, ERR_UNAVAILABLE}, {2002, ERR_UNAVAILABLE},
        {2003, ERR_UNAVAILABLE}, {2006, ERR_UNAVAILABLE}, {2013, ERR_UNAVAILABLE}, {1062, ERR_CONFLICT},
        {4025, ERR_CONFLICT},    {1644, ERR_CONFLICT},    {1406, ERR_INTERNAL},    {1366, ERR_INTERNAL},
        {1021, ERR_UNAVAILABLE}, {1114, ERR_UNAVAILABLE}, {1142, ERR_UNAVAILABLE}, {1146, ERR_UNAVAILABLE},
        {1054, ERR_UNAVAILABLE}, {2055, ERR_UNAVAILABLE}, {1264, ERR_INTERNAL},    {1048, ERR_INTERNAL},
        {0, ERR_INTERNAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (db_classify(cases[i].code) != cases[i].err)
            fail_msg("%u is %s", cases[i].code, err_name(db_classify(cases[i].code)));
    }
}

static void lists_in_statements(void **state)
{
    static const struct {
        const char *sql;
        size_t n;
        const char *out;
    } cases[] = {
        {"SELECT COUNT(*) FROM t", 8, "SELECT COUNT(*) FROM t"},
        {"SELECT a FROM t WHERE a IN (*) AND b = 1", 1, "SELECT a FROM t WHERE a IN (?) AND b = 1"},
        {"UPDATE t SET a = ? WHERE id IN (*)", 3, "UPDATE t SET a = ? WHERE id IN (?,?,?)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, SQL_MAX);
        write_sql(str_from(cases[i].sql), cases[i].n, &out);
        assert_true(str_eq_text(buf_str(&out), cases[i].out));
        buf_done(&out);
    }
    assert_int_equal(list_size_index(1), 0);
    assert_int_equal(list_size_index(2), 1);
    assert_int_equal(list_size_index(8), 1);
    assert_int_equal(list_size_index(65), 3);
    assert_int_equal(list_size_index(129), 4);
    assert_int_equal(list_size_index(512), 4);
    for (int i = 0; i < STATEMENT_COUNT; i++)
        assert_true(statement_sql((enum statement)i) && statement_name((enum statement)i));
}

static void waiting_times(void **state)
{
    static const struct {
        int64_t attempt, at_least_s;
    } cases[] = {{1, 16}, {2, 31}, {3, 96}, {4, 271}, {10, 10015}, {25, 390640}, {31, 810015}, {1000000, 810015}};
    struct backoff backoff = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(outbox_retry_delay_s(cases[i].attempt, 0), cases[i].at_least_s);
        assert_int_equal(outbox_retry_delay_s(cases[i].attempt, 29), cases[i].at_least_s + 29);
        assert_int_equal(outbox_retry_delay_s(cases[i].attempt, 30), cases[i].at_least_s);
    }
    for (unsigned base_ms = 50; base_ms < 2000; base_ms *= 2)
        assert_in_range(backoff_next_ms(&backoff), base_ms, base_ms + base_ms / 4);
    for (int i = 0; i < 5; i++)
        assert_in_range(backoff_next_ms(&backoff), 2000, 2500);
}

static void drain_cuts_a_wait_short(void **state)
{
    struct drain drain;
    (void)state;
    drain_init(&drain);
    assert_false(drain_wait(&drain, 1));
    drain_begin(&drain);
    int64_t begun_ms = clock_monotonic_ms();
    assert_true(drain_wait(&drain, 60000));
    assert_true(clock_monotonic_ms() - begun_ms < 5000);
    drain_done(&drain);
}

static void message_ids(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 4096);
    assert_true(str_eq_text(mail_message_id(&arena, 17, STR("PARENT_CONFIRMATION"), STR("example.org")),
                            "outbox.17.PARENT_CONFIRMATION@example.org"));
    arena_done(&arena);
}

/* The same letter twice gives the same bytes; texts cannot become headers. */
static void letters(void **state)
{
    struct arena arena;
    struct mail_letter letter = {
        .outbox_id = 3,
        .kind = STR("BURSAR_REVIEW"),
        .from_name = STR("Évil\r\nBcc: x@example.org"),
        .from_address = STR("a@example.org"),
        .to = STR("b@example.org"),
        .message_id_domain = STR("example.org"),
        .subject = STR("Un sujet\r\nBcc: y@example.org"),
        .text = STR("é\n"),
        .html = STR("<p>é</p>"),
    };
    (void)state;
    arena_init(&arena, 1 << 20);
    const char *first = mail_compose(&letter, &arena), *second = mail_compose(&letter, &arena);
    assert_string_equal(first, second);
    assert_null(strstr(first, "\nBcc:"));
    for (const char *c = first; *c; c++)
        assert_true(*c != '\n' || c[-1] == '\r');
    arena_done(&arena);
}

/* An address is not written anew: what punycode may hold and IDNA forbids (here U+2488, U+0082) stays ASCII. What is
 * none is no place for answers. */
static void addresses_of_letters(void **state)
{
    static const char *const addresses[] = {"parent@example.org", "Parent@EXAMPLE.org", "a@xn--bcher-kva.fr",
                                            "a@xn--a-ecp.ru", "a@b.xn--BAAAAb.frb9"};
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct str address = str_from(addresses[i]);
        struct mail_letter letter = {.from_name = STR("École"),
                                     .from_address = address,
                                     .to = address,
                                     .reply_to = address,
                                     .message_id_domain = STR("example.org")};
        const char *mail = mail_compose(&letter, &arena);
        assert_non_null(strstr(mail, arena_printf(&arena, "?=\r\n <%s>\r\n", addresses[i]).ptr));
        assert_non_null(strstr(mail, arena_printf(&arena, "\r\nTo: %s\r\n", addresses[i]).ptr));
        assert_non_null(strstr(mail, arena_printf(&arena, "\r\nReply-To: %s\r\n", addresses[i]).ptr));
    }
    struct mail_letter letter = {.from_address = STR("a@example.org"),
                                 .to = STR("b@example.org"),
                                 .reply_to = STR("c@example.org\r\nBcc: d@example.org")};
    const char *mail = mail_compose(&letter, &arena);
    assert_null(strstr(mail, "c@example.org"));
    assert_non_null(strstr(mail, "From: <a@example.org>\r\n"));
    arena_done(&arena);
}

/* Long texts are cut between characters; what looks like a word, or would end the line, is encoded. */
static void words_of_heads(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", ""},
        {"Cantine du lycee 2", "Cantine du lycee 2"},
        {"École", "=?utf-8?B?w4ljb2xl?="},
        {"a b ", "=?utf-8?B?YSBiIA==?="},
        {"=?utf-8?q? ", "=?utf-8?B?PT91dGYtOD9xPyA=?="},
        {"a\r\nBcc: b\x7f", "=?utf-8?B?YSAgQmNjOiBiIA==?="},
        {"Un établissement des Hauts-de-Seine, à é à",
         "=?utf-8?B?VW4gw6l0YWJsaXNzZW1lbnQgZGVzIEhhdXRzLWRlLVNlaW5lLCA=?=\r\n =?utf-8?B?w6Agw6kgw6A=?="},
        {"abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz",
         "=?utf-8?B?YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU2Nzg5YWJj?=\r\n "
         "=?utf-8?B?ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=?="},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(mail_words(&arena, str_from(cases[i].text)).ptr, cases[i].words);
    arena_done(&arena);
}

static void metrics_text(void **state)
{
    struct metrics metrics = {0};
    struct buf out;
    (void)state;
    buf_init(&out, 65536);
    metrics_add(&metrics, METRIC_MAILS_SENT, 3);
    metrics_set(&metrics, METRIC_STREAM_LAG, -1);
    metrics_count_verdict(&metrics, VERDICT_CREDITED);
    metrics_write(&metrics, &out);
    buf_append_char(&out, '\0');
    assert_true(buf_ok(&out));
    assert_non_null(strstr(out.ptr, "# TYPE dp_worker_mails_sent_total counter\ndp_worker_mails_sent_total 3\n"));
    assert_non_null(strstr(out.ptr, "\ndp_stream_lag -1\n"));
    assert_non_null(strstr(out.ptr, "\ndp_worker_events_total{verdict=\"credited\"} 1\n"));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_classes),        cmocka_unit_test(lists_in_statements),
        cmocka_unit_test(waiting_times),        cmocka_unit_test(drain_cuts_a_wait_short),
        cmocka_unit_test(message_ids),          cmocka_unit_test(letters),
        cmocka_unit_test(addresses_of_letters), cmocka_unit_test(words_of_heads),
        cmocka_unit_test(metrics_text),
    };
    rand_init();
    mail_compose_init();
    return cmocka_run_group_tests_name("worker_rules", tests, NULL, NULL);
}
