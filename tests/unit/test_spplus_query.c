/* spplus_query: the sealed question, and what may be believed of the answer. The bank is not trusted to be well: it may
 * answer too much, too little, something else, or about another payment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/gateway/spplus_query.c"
#include "unit/spplus_fixture.h"

#define REFERENCE_TEXT "dem20261123061201ab1"
#define SENT                                                                                                           \
    STR("siret=00000000000001-01&reference=" REFERENCE_TEXT "&langue=FR&devise=978&montant=158.50&taxe=0.00&validite=" \
        "24%2F11%2F2026&moyen=CBS&modalite=1x&email=a%40b.fr&urlretour=https%3A%2F%2Fx&version=1&hmac=00")
#define PAYMENT(state, bank_ref) PAYMENT_NAMES "\n" REFERENCE_TEXT ";" bank_ref ";" state ";Label;null;81290;auto\n"
#define INSTALMENT(state)        INSTALMENT_NAMES "\n43620908;" state ";En attente de remise;81290;\n"
#define ACCEPTED                 PAYMENT("TERMINE", "36628282") INSTALMENT("EN_ATTENTE_DE_REMISE")

static struct gateway_answer read_answer(struct fixture *fixture, struct str body)
{
    return gateway_spplus.read_answer(&fixture->contract, STR(REFERENCE_TEXT), SENT, body, &fixture->arena);
}

static void the_question(void **state)
{
    struct fixture fixture;
    struct str url;
    (void)state;
    fixture_init(&fixture);
    assert_int_equal(gateway_spplus.build_query(&fixture.contract, STR("ref123456"), &fixture.arena, &url),
                     ERR_NOT_FOUND);
    fixture.contract.query_url = STR("https://bank.example/adm.do");
    assert_int_equal(gateway_spplus.build_query(&fixture.contract, STR("ref123456"), &fixture.arena, &url), 0);
    /* printf etatpaiement00000000000001ref123456 | openssl dgst -sha1 -mac HMAC -macopt \
     *     hexkey:fabdb877b8ef7003f70350bb91090e76c5c75b29 */
    assert_string_equal(url.ptr, "https://bank.example/adm.do?action=etatpaiement&siret=00000000000001-01&reference="
                                 "ref123456&hmac=2AFC6C4D4E8E076D9BA9910DC042C03E6594F554");
    assert_int_equal(gateway_spplus.build_query(&fixture.contract, STR("a&b"), &fixture.arena, &url), ERR_INVALID);
    struct gateway_key *key = fixture.contract.key;
    fixture.contract.key = NULL;
    assert_int_equal(gateway_spplus.build_query(&fixture.contract, STR("ref123456"), &fixture.arena, &url),
                     ERR_INVALID);
    fixture.contract.key = key;
    fixture_done(&fixture);
}

static void accepted(void **state)
{
    static const char *const bodies[] = {
        ACCEPTED,
        "\r\n" ACCEPTED "\r\n\r\n",
        /* as the one source shows it, with blanks for line ends */
        PAYMENT_NAMES " " REFERENCE_TEXT ";36628282;TERMINE;Termin\xe9;null;81290;auto " INSTALMENT_NAMES
                      " 43620908;EN_ATTENTE_DE_REMISE;En attente de remise;81290; ",
        PAYMENT_NAMES "\r\n" REFERENCE_TEXT ";36628282;TERMINE;Termin&eacute;;null;81290;auto\r\n" INSTALMENT_NAMES
                      "\r\n43620908;EN_ATTENTE_DE_REMISE;Accept&eacute;e;81290;\r\n",
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct gateway_answer answer = read_answer(&fixture, str_from(bodies[i]));
        const struct payment_report *report = &answer.judgement.report;
        assert_int_equal(answer.kind, GATEWAY_ANSWER_REPORTED);
        assert_true(answer.judgement.shape_ok);
        assert_int_equal(report->kind, REPORT_ACCEPTED);
        assert_int_equal(report->amount_cents, 15850);
        assert_int_equal(report->contract_id, 7);
        assert_true(str_eq(report->currency, STR("978")) && str_eq(report->bank_ref, STR("36628282")));
        assert_true(str_eq(answer.judgement.bank_code, STR("TERMINE")));
        assert_true(str_eq(answer.state, STR("TERMINE/EN_ATTENTE_DE_REMISE")));
    }
    fixture_done(&fixture);
}

/* A semicolon of an entity in a label parts nothing, here a column more than there is. */
static void refused(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    struct gateway_answer answer = read_answer(
        &fixture, STR(PAYMENT_NAMES "\n" REFERENCE_TEXT ";36628268;REFUSE;Refus\xe9;null;;auto\n" INSTALMENT_NAMES
                                    "\n43620889;REFUSE;Refus&eacute;e;;"));
    assert_int_equal(answer.kind, GATEWAY_ANSWER_REPORTED);
    assert_true(answer.judgement.shape_ok);
    assert_int_equal(answer.judgement.report.kind, REPORT_REFUSED);
    fixture_done(&fixture);
}

/* What decides nothing: each is one step away from an acceptance. */
static void unclear_answers(void **state)
{
    static const char *const bodies[] = {
        "",
        " \r\n",
        "spadminko",
        "spadminko : action interdite\n" ACCEPTED,
        "<html><body>" ACCEPTED "</body></html>",
        PAYMENT_NAMES,
        PAYMENT_NAMES "\n",
        "TERMINE",
        PAYMENT("TERMINE", "36628282"), /* no instalment */
        PAYMENT("TERMINE", "36628282") INSTALMENT_NAMES "\n",
        PAYMENT("TERMINE", "36628282") INSTALMENT("REFUSE"),
        PAYMENT("TERMINE", "36628282") INSTALMENT("REMISE"),
        PAYMENT("REFUSE", "36628282") INSTALMENT("EN_ATTENTE_DE_REMISE"),
        PAYMENT("TERMINEE", "36628282") INSTALMENT("EN_ATTENTE_DE_REMISE"),
        PAYMENT("termine", "36628282") INSTALMENT("EN_ATTENTE_DE_REMISE"),
        PAYMENT("", "36628282") INSTALMENT("EN_ATTENTE_DE_REMISE"),
        ACCEPTED "43620909;EN_ATTENTE_DE_REMISE;x;81290;\n", /* two instalments */
        PAYMENT("REFUSE", "36628281") REFERENCE_TEXT
        ";36628282;TERMINE;x;null;81290;auto\n" INSTALMENT("EN_ATTENTE_DE_REMISE"), /* two payments */
        ACCEPTED ACCEPTED,
        PAYMENT_NAMES ";montant\n" REFERENCE_TEXT
                      ";36628282;TERMINE;x;null;81290;auto;1.00\n" INSTALMENT("EN_ATTENTE_DE_REMISE"), /* a name more */
        PAYMENT_NAMES "\n" REFERENCE_TEXT ";36628282;TERMINE;x;null;81290\n" INSTALMENT("EN_ATTENTE_DE_REMISE"),
        PAYMENT_NAMES "\n" REFERENCE_TEXT ";36628282;TERMINE;x;y;null;81290;auto\n" INSTALMENT("EN_ATTENTE_DE_REMISE"),
        "idtftpaie;reference;etatpaie;libetatpaie;payscarte;numautopaie;mode\n36628282;" REFERENCE_TEXT
        ";TERMINE;x;null;81290;auto\n" INSTALMENT("EN_ATTENTE_DE_REMISE"), /* other order */
        PAYMENT_NAMES "\n" REFERENCE_TEXT ";36628282;TERMINE;\x01;null;81290;auto\n" INSTALMENT("EN_ATTENTE_DE_REMISE"),
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct gateway_answer answer = read_answer(&fixture, str_from(bodies[i]));
        if (answer.kind != GATEWAY_ANSWER_UNCLEAR || !answer.fault)
            fail_msg("case %zu is %s", i, gateway_answer_name(answer.kind));
    }
    assert_int_equal(read_answer(&fixture, STR_NULL).kind, GATEWAY_ANSWER_UNCLEAR);
    fixture_done(&fixture);
}

/* Every beginning of a good answer, in memory that ends where it ends: a torn one is never believed, and nothing is
 * read behind it. */
static void torn_answers(void **state)
{
    struct fixture fixture;
    const struct str whole = STR(ACCEPTED);
    (void)state;
    fixture_init(&fixture);
    for (size_t len = 0; len + sizeof "81290;\n" <= whole.len; len++) {
        char *copy = malloc(len ? len : 1);
        memcpy(copy, whole.ptr, len);
        if (read_answer(&fixture, str_slice(copy, len)).kind == GATEWAY_ANSWER_REPORTED)
            fail_msg("%zu bytes are believed", len);
        free(copy);
    }
    fixture_done(&fixture);
}

static void long_answers(void **state)
{
    enum { LEN = GATEWAY_ANSWER_MAX + 1 };
    struct fixture fixture;
    char *huge = malloc(LEN);
    (void)state;
    fixture_init(&fixture);
    memset(huge, ' ', LEN);
    memcpy(huge, ACCEPTED, sizeof ACCEPTED - 1);
    assert_int_equal(read_answer(&fixture, str_slice(huge, LEN - 1)).kind, GATEWAY_ANSWER_REPORTED);
    assert_int_equal(read_answer(&fixture, str_slice(huge, LEN)).kind, GATEWAY_ANSWER_UNCLEAR);
    memset(huge, ';', LEN);
    assert_int_equal(read_answer(&fixture, str_slice(huge, LEN - 1)).kind, GATEWAY_ANSWER_UNCLEAR);
    free(huge);
    fixture_done(&fixture);
}

/* What is well-formed and does not fit: reported, and for a human. */
static void misfits(void **state)
{
    struct fixture fixture;
    struct gateway_answer answer;
    (void)state;
    fixture_init(&fixture);
    answer = read_answer(&fixture,
                         STR(PAYMENT_NAMES "\ndem20261123061201ab2;36628282;TERMINE;x;null;81290;auto\n" INSTALMENT(
                             "EN_ATTENTE_DE_REMISE")));
    assert_int_equal(answer.kind, GATEWAY_ANSWER_REPORTED);
    assert_false(answer.judgement.shape_ok);
    static const char *const refs[] = {
        PAYMENT("TERMINE", "3662828") INSTALMENT("EN_ATTENTE_DE_REMISE"),
        PAYMENT("TERMINE", "366282820") INSTALMENT("EN_ATTENTE_DE_REMISE"),
        PAYMENT("TERMINE", "3662828x") INSTALMENT("EN_ATTENTE_DE_REMISE"),
        PAYMENT("TERMINE", "") INSTALMENT("EN_ATTENTE_DE_REMISE"),
    };
    for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++) {
        answer = read_answer(&fixture, str_from(refs[i]));
        assert_int_equal(answer.kind, GATEWAY_ANSWER_REPORTED);
        assert_false(answer.judgement.shape_ok);
    }
    static const char *const requests[] = {
        "",
        "siret=00000000000001-02&reference=" REFERENCE_TEXT "&devise=978&montant=158.50",
        "siret=00000000000001-01&reference=dem20261123061201ab2&devise=978&montant=158.50",
        "siret=00000000000001-01&reference=" REFERENCE_TEXT "&devise=978&montant=158,50",
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        answer = gateway_spplus.read_answer(&fixture.contract, STR(REFERENCE_TEXT), str_from(requests[i]),
                                            STR(ACCEPTED), &fixture.arena);
        assert_int_equal(answer.kind, GATEWAY_ANSWER_REPORTED);
        assert_false(answer.judgement.shape_ok);
    }
    fixture_done(&fixture);
}

static void words_of_a_contract(void **state)
{
    static const struct {
        const char *body;
        enum gateway_answer_kind kind;
        enum payment_report_kind report;
    } cases[] = {
        {PAYMENT("TERMINE", "36628282") INSTALMENT("REMISE"), GATEWAY_ANSWER_REPORTED, REPORT_ACCEPTED},
        {PAYMENT("ABANDONNE", ""), GATEWAY_ANSWER_REPORTED, REPORT_CANCELLED},
        {PAYMENT("ABANDONNE", "") INSTALMENT("REMISE"), GATEWAY_ANSWER_UNCLEAR, 0},
        {PAYMENT("EN_COURS", ""), GATEWAY_ANSWER_OPEN, 0},
        {"spadminko\n", GATEWAY_ANSWER_UNKNOWN, 0},
        {PAYMENT("EN", ""), GATEWAY_ANSWER_UNCLEAR, 0},
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    fixture.contract.query_states = STR("REMISE:accepted,ABANDONNE:abandoned,EN_COURS:open,spadminko:unknown,"
                                        "REFUSE:accepted");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gateway_answer answer = read_answer(&fixture, str_from(cases[i].body));
        if (answer.kind != cases[i].kind)
            fail_msg("case %zu is %s", i, gateway_answer_name(answer.kind));
        if (answer.kind == GATEWAY_ANSWER_REPORTED)
            assert_int_equal(answer.judgement.report.kind, cases[i].report);
    }
    /* What must be configured is named. */
    struct gateway_answer unknown = read_answer(&fixture, STR(PAYMENT("SUSPENDU", "36628282") INSTALMENT("X")));
    assert_true(str_eq(unknown.state, STR("SUSPENDU/X")));
    /* What the source shows cannot be given another meaning. */
    struct gateway_answer answer = read_answer(&fixture, STR(PAYMENT("REFUSE", "36628282")));
    assert_int_equal(answer.judgement.report.kind, REPORT_REFUSED);
    fixture_done(&fixture);
}

static void configured_words(void **state)
{
    static const char *const bad[] = {"X",      "X:",      ":open",          "X:paid",       "x:open", "X:open,,Y:open",
                                      "é:open", "X :open", "spadminok:open", "X:open Y:open"};
    (void)state;
    assert_null(gateway_spplus.check_query_states(STR("")));
    assert_null(gateway_spplus.check_query_states(STR("EN_COURS:open,spadminko:unknown,A1:refused")));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (!gateway_spplus.check_query_states(str_from(bad[i])))
            fail_msg("\"%s\" is taken", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_question),     cmocka_unit_test(accepted),
        cmocka_unit_test(refused),          cmocka_unit_test(unclear_answers),
        cmocka_unit_test(torn_answers),     cmocka_unit_test(long_answers),
        cmocka_unit_test(misfits),          cmocka_unit_test(words_of_a_contract),
        cmocka_unit_test(configured_words),
    };
    return cmocka_run_group_tests_name("spplus_query", tests, NULL, NULL);
}
