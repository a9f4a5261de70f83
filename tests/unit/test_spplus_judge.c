/* spplus_judge: what a well-sealed call may be believed. The forgeries keep the seal of a genuine call (each test
 * proves that they do) and say something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/gateway/spplus_judge.c"
#include "unit/spplus_fixture.h"

enum { TEXT_MAX = 2048 };

/* The parent ends the address in digits, as a forger would. */
#define SENT_START                                                                                          \
    "siret=00000000000001-01&reference=dem20261123061201ab1&langue=FR&devise=978&montant=158.50&taxe=0.00&" \
    "validite=24%2F11%2F2026&moyen=CBS&modalite=1x&email=jean%2Bb%40ecole.c1&"                              \
    "urlretour=https%3A%2F%2Fcantine.example.org%2Fretour-banque"
#define SENT_ALL  SENT_START "&version=1"
#define SENT      STR(SENT_ALL "&hmac=0123456789012345678901234567890123456789")
#define ABANDONED "&etat=12&refsfp=36628282"

/* `call` with the seal of its values behind it, cut out by this test's own rule. */
static struct str seal(struct fixture *fixture, const char *call)
{
    char digits[SPPLUS_SEAL_DIGITS + 1], message[TEXT_MAX];
    size_t len = 0;

    for (const char *at = call; (at = strchr(at, '=')) != NULL;) {
        size_t value = strcspn(++at, "&");
        memcpy(message + len, at, value);
        len += value;
    }
    const struct str parts[] = {{message, len}};
    spplus_seal(fixture->contract.key, parts, 1, digits);
    return arena_printf(&fixture->arena, "%s&hmac=%s", call, digits);
}

static struct gateway_judgement judge(struct fixture *fixture, struct str raw)
{
    return gateway_spplus.judge(&fixture->contract, SENT, raw, &fixture->arena);
}

/* `text` with the first `from` replaced by `to`. */
static struct str replace(struct arena *arena, struct str text, const char *from, const char *to)
{
    const char *at = strstr(text.ptr, from);
    if (!at)
        fail_msg("\"%s\" does not stand in %s", from, text.ptr);
    return arena_printf(arena, "%.*s%s%s", (int)(at - text.ptr), text.ptr, to, at + strlen(from));
}

static void every_code(void **state)
{
    static const struct {
        const char *code;
        enum payment_report_kind kind;
    } cases[] = {
        {"1", REPORT_ACCEPTED},       {"4", REPORT_CAPTURED},          {"10", REPORT_SETTLED},
        {"30", REPORT_SETTLED},       {"12", REPORT_CANCELLED},        {"2", REPORT_REFUSED},
        {"5", REPORT_REFUSED_LATER},  {"11", REPORT_REVERSED},         {"20", REPORT_REVERSED},
        {"15", REPORT_REFUND_OPENED}, {"16", REPORT_REFUND_CANCELLED}, {"17", REPORT_REFUNDED},
        {"99", REPORT_TEST},          {"21", REPORT_UNCLEAR},          {"0", REPORT_UNCLEAR},
        {"6", REPORT_UNCLEAR},        {"8", REPORT_UNCLEAR},
    };
    struct fixture fixture;
    char call[TEXT_MAX];
    (void)state;
    fixture_init(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(call, sizeof call, "%s&etat=%s&refsfp=36628282", SENT_ALL, cases[i].code);
        struct str raw = seal(&fixture, call);
        struct gateway_judgement judgement = judge(&fixture, raw);
        assert_int_equal(fixture_verify(&fixture, raw), GATEWAY_SEAL_GOOD);
        assert_true(judgement.shape_ok && judgement.shape_fault == NULL);
        assert_int_equal(judgement.report.kind, cases[i].kind);
        assert_int_equal(judgement.report.amount_cents, 15850);
        assert_int_equal(judgement.report.contract_id, 7);
        assert_true(str_eq_text(judgement.report.currency, "978"));
        assert_true(str_eq_text(judgement.report.bank_ref, "36628282"));
        assert_true(str_eq_text(judgement.bank_code, cases[i].code));
        assert_false(judgement.report.confirms_only);
    }
    fixture_done(&fixture);
}

/* Calls that the bank may well send. */
static void genuine_variants(void **state)
{
    static const struct {
        const char *what, *from, *to;
    } cases[] = {
        {"as sent", "", ""},
        {"without version", "&version=1", ""},
        {"lower-case escapes", "%2F11%2F", "%2f11%2f"},
        {"fewer escapes", "validite=24%2F11%2F2026", "validite=24/11/2026"},
        {"address in clear", "jean%2Bb%40ecole", "jean%2Bb@ecole"},
        {"address in code", "jean%2Bb%40ecole", "j%65an%2Bb%40%65cole"},
        {"a plus sign in clear", "jean%2Bb", "jean+b"},
        {"one decimal", "158.50", "158.5"},
        {"amount in code", "158.50", "158%2E50"},
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str call = replace(&fixture.arena, STR(SENT_ALL "&etat=1&refsfp=36628282"), cases[i].from, cases[i].to);
        struct gateway_judgement judgement = judge(&fixture, seal(&fixture, call.ptr));
        if (!judgement.shape_ok || judgement.report.kind != REPORT_ACCEPTED || judgement.report.amount_cents != 15850 ||
            judgement.report.confirms_only)
            fail_msg("%s: %s", cases[i].what, judgement.shape_fault);
    }
    struct str raw = seal(&fixture, SENT_ALL "&etat=1&refsfp=36628282");
    struct str first = arena_printf(&fixture.arena, "%s&%.*s", strstr(raw.ptr, "hmac="),
                                    (int)(strstr(raw.ptr, "&hmac=") - raw.ptr), raw.ptr);
    assert_int_equal(fixture_verify(&fixture, first), GATEWAY_SEAL_GOOD);
    assert_true(judge(&fixture, first).shape_ok); /* the seal's own place means nothing */
    fixture_done(&fixture);
}

/* Sealed by the bank, but not what was asked. */
static void other_contents(void **state)
{
    static const struct {
        const char *from, *to, *fault;
    } cases[] = {
        {"siret=00000000000001-01", "siret=00000000000002-01", fault_values},
        {"reference=dem20261123061201ab1", "reference=dem20261123061201ab2", fault_values},
        {"devise=978", "devise=756", fault_values},
        {"devise=978", "devise=0978", fault_values},
        {"taxe=0.00", "taxe=0", fault_values},
        {"moyen=CBS", "moyen=AMX", fault_values},
        {"modalite=1x", "modalite=3x", fault_values},
        {"email=jean%2Bb%40ecole.c1", "email=Jean%2Bb%40ecole.c1", fault_values},
        {"email=jean%2Bb%40ecole.c1", "email=", fault_values},
        {"email=jean%2Bb%40ecole.c1", "email=jean%2Bb%4", fault_values},
        {"email=jean%2Bb%40ecole.c1", "email=jean%2Bb%40ecole.c1%00", fault_values},
        {"version=1", "version=2", fault_values},
        {"montant=158.50", "montant=", fault_amount},
        {"montant=158.50", "montant=158,50", fault_amount},
        {"montant=158.50", "montant=158.500", fault_amount},
        {"montant=158.50", "montant=-158.50", fault_amount},
        {"montant=158.50", "montant=99999999999.00", fault_amount},
        {"montant=158.50", "montant=%zz", fault_amount},
        {"&taxe=0.00", "", fault_names},
        {"&email=", "&mail=", fault_names},
        {"&etat=12", "", fault_names},
        {"&refsfp=36628282", "", fault_names},
        {"&refsfp=36628282", "&refsfp=36628282&arg1=x", fault_names},
        {"&etat=12&refsfp=36628282", "&refsfp=36628282&etat=12", fault_names},
        {"&moyen=CBS&modalite=1x", "&modalite=1x&moyen=CBS", fault_names},
        {"etat=12", "etat=13", fault_code},
        {"etat=12", "etat=", fault_code},
        {"etat=12", "etat=01", fault_code},
        {"etat=12", "etat=%31", fault_code},
        {"etat=12", "etat=1 ", fault_code},
        {"refsfp=36628282", "refsfp=3662828", fault_bank_ref},
        {"refsfp=36628282", "refsfp=366282821", fault_bank_ref},
        {"refsfp=36628282", "refsfp=3662828a", fault_bank_ref},
        {"refsfp=36628282", "refsfp=%33662828", fault_bank_ref},
        {"refsfp=36628282", "refsfp=", fault_bank_ref},
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str call = replace(&fixture.arena, STR(SENT_ALL ABANDONED), cases[i].from, cases[i].to);
        struct str raw = seal(&fixture, call.ptr);
        struct gateway_judgement judgement = judge(&fixture, raw);
        assert_int_equal(fixture_verify(&fixture, raw), GATEWAY_SEAL_GOOD);
        if (judgement.shape_ok || judgement.shape_fault != cases[i].fault)
            fail_msg("%s: %s", cases[i].to, judgement.shape_fault ? judgement.shape_fault : "accepted");
    }
    fixture_done(&fixture);
}

/* Another amount is a sound call: payment_decide sends the money to suspense, or refunds a part. */
static void other_amounts(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    struct str call = replace(&fixture.arena, STR(SENT_ALL "&etat=17&refsfp=36628282"), "158.50", "20.00");
    struct gateway_judgement judgement = judge(&fixture, seal(&fixture, call.ptr));
    assert_true(judgement.shape_ok);
    assert_int_equal(judgement.report.amount_cents, 2000);
    assert_int_equal(judgement.report.kind, REPORT_REFUNDED);
    fixture_done(&fixture);
}

/* The same bytes under other names: `from` of a genuine, abandoned call becomes `to`. */
static void forgeries(void **state)
{
    static const struct {
        const char *what, *from, *to;
    } cases[] = {
        {"a digit of etat to refsfp", "etat=12&refsfp=36628282", "etat=1&refsfp=236628282"},
        {"… and the rest to another name", "etat=12&refsfp=36628282", "etat=1&refsfp=23662828&x=2"},
        {"… and the rest to a second etat", "etat=12&refsfp=36628282", "etat=1&etat=2&refsfp=36628282"},
        {"… before it", "etat=12", "x=1&etat=2"},
        {"a second refsfp", "refsfp=36628282", "refsfp=36628282&refsfp="},
        {"a digit of refsfp to etat", "etat=12&refsfp=36628282", "etat=123&refsfp=6628282"},
        {"an escape of etat", "etat=12", "%65tat=12"},
        {"etat in capitals", "etat=12", "ETAT=12"},
        {"etat of the version", "version=1&etat=12&refsfp=36628282", "etat=1&version=1&x=2&refsfp=36628282"},
        {"version by another name", "version=1&etat=12", "etat=1&x=12"},
        {"version swallowed by etat", "version=1&etat=12", "etat=112"},
        {"version swallowed by urlretour", "banque&version=1", "banque1"},
        {"version of urlretour's end", "retour-banque&version=1&etat=12", "retour-banqu&version=e1&etat=12"},
        {"etat of the address's end", "ecole.c1&urlretour=", "ecole.c&etat=1&urlretour="},
        {"the address to the end",
         "email=jean%2Bb%40ecole.c1&urlretour=", "email=jean%2Bb%40ecole.c&version=1&urlretour="},
        {"an escape cut", "jean%2Bb%40ecole.c1&urlretour=https", "jean%2Bb%4&urlretour=0ecole.c1https"},
        {"montant to taxe", "montant=158.50&taxe=0.00", "montant=158.5&taxe=00.00"},
        {"montant to taxe, whole", "montant=158.50&taxe=0.00", "montant=158&taxe=.500.00"},
        {"taxe to montant", "montant=158.50&taxe=0.00", "montant=158.500&taxe=.00"},
        {"taxe to validite", "taxe=0.00&validite=24", "taxe=0.0&validite=024"},
        {"devise to montant", "devise=978&montant=158.50", "devise=97&montant=8158.50"},
        {"reference to langue", "ab1&langue=FR", "ab&langue=1FR"},
        {"siret to reference", "siret=00000000000001-01&reference=dem", "siret=00000000000001-0&reference=1dem"},
        {"names changed round", "langue=FR&devise=978", "devise=FR&langue=978"},
        {"a value in two", "reference=dem20261123061201ab1", "reference=dem20261123&reference=061201ab1"},
        {"an empty name and value", "&etat=", "&=&etat="},
        {"an empty pair", "&etat=", "&&etat="},
        {"an empty pair in front", "siret=", "&siret="},
        {"an empty value", "&etat=", "&arg1=&etat="},
        {"a name alone", "&etat=", "&arg1&etat="},
        {"an empty etat first", "&etat=", "&etat=&etat="},
        {"an empty known value", "&taxe=", "&taxe=&taxe="},
        {"a name with a space", "&taxe=", "&taxe+="},
        {"a name in code", "&taxe=", "&tax%65="},
        {"a name in capitals", "siret=", "Siret="},
        {"a name with a NUL in code", "&taxe=", "&taxe%00="},
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    struct str genuine = seal(&fixture, SENT_ALL ABANDONED);
    assert_true(judge(&fixture, genuine).shape_ok);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str forged = replace(&fixture.arena, genuine, cases[i].from, cases[i].to);
        if (fixture_verify(&fixture, forged) != GATEWAY_SEAL_GOOD)
            fail_msg("%s: not a forgery, the seal broke", cases[i].what);
        if (judge(&fixture, forged).shape_ok)
            fail_msg("%s: judged sound", cases[i].what);
    }
    fixture_done(&fixture);
}

/* "version=1, etat=0" and "etat=10" are the same bytes. */
static void version_swallowed(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    struct str genuine = seal(&fixture, SENT_ALL "&etat=0&refsfp=36628282");
    struct str forged = replace(&fixture.arena, genuine, "&version=1&etat=0", "&etat=10");
    struct gateway_judgement judgement = judge(&fixture, forged);
    assert_int_equal(fixture_verify(&fixture, forged), GATEWAY_SEAL_GOOD);
    assert_int_equal(judgement.report.kind, REPORT_SETTLED);
    assert_true(judgement.report.confirms_only);
    fixture_done(&fixture);
}

/* Names that a contract's bank adds stand before etat, in their order. */
static void further_names(void **state)
{
    static const struct {
        const char *names, *ending;
        bool ok, confirms_only;
    } cases[] = {
        {"autorisation", "&version=1&autorisation=12&etat=1&refsfp=36628282", true, false},
        {"autorisation", "&version=1&autorisation=&etat=12&refsfp=36628282", true, false},
        {"autorisation", "&autorisation=12&etat=1&refsfp=36628282", true, false},
        {"autorisation", "&version=1&autorisation=1&etat=10&refsfp=36628282", true, true},
        {"autorisation", "&version=1&autorisation=1&etat=30&refsfp=36628282", true, true},
        {"autorisation, pays", "&version=1&autorisation=12&pays=FR&etat=1&refsfp=36628282", true, false},
        {"autorisation,pays", "&version=1&pays=FR&autorisation=12&etat=1&refsfp=36628282", false, false},
        {"autorisation,pays", "&version=1&autorisation=12&etat=1&refsfp=36628282", false, false},
        {"autorisation", "&version=1&etat=1&refsfp=36628282", false, false},
        {"autorisation", "&version=1&etat=1&refsfp=36628282&autorisation=12", false, false},
        {"autorisation", "&version=1&autorisation=1&autorisation=2&etat=1&refsfp=36628282", false, false},
        {"", "&version=1&autorisation=12&etat=1&refsfp=36628282", false, false},
    };
    struct fixture fixture;
    char call[TEXT_MAX];
    (void)state;
    fixture_init(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture.contract.callback_extra = str_from(cases[i].names);
        snprintf(call, sizeof call, "%s%s", SENT_START, cases[i].ending);
        struct gateway_judgement judgement = judge(&fixture, seal(&fixture, call));
        if (judgement.shape_ok != cases[i].ok ||
            (cases[i].ok && judgement.report.confirms_only != cases[i].confirms_only))
            fail_msg("%s: %s", cases[i].names, cases[i].ending);
    }
    fixture_done(&fixture);
}

/* Whether the bytes of `tail`, cut at these places and given the last names, are judged to be money. */
static bool cut_is_money(struct fixture *fixture, const char *const names[4], const char *tail, const size_t cuts[5])
{
    char call[TEXT_MAX];
    size_t len =
        (size_t)snprintf(call, sizeof call, "%.*s", (int)(strstr(SENT_ALL, "&urlretour") - SENT_ALL), SENT_ALL);

    for (size_t i = 0; i < 4 && names[i]; i++) {
        int value_len = (int)(cuts[i + 1] - cuts[i]);
        len += (size_t)snprintf(call + len, sizeof call - len, "&%s=%.*s", names[i], value_len, tail + cuts[i]);
    }
    struct gateway_judgement judgement = judge(fixture, str_slice(call, len));
    return judgement.shape_ok && payment_report_is_money(judgement.report.kind) && !judgement.report.confirms_only;
}

/* Every way of cutting the last bytes of a payment that was not paid, with version and without. */
static void every_cut_of_the_tail(void **state)
{
    static const char *const with[] = {"urlretour", "version", "etat", "refsfp"};
    static const char *const without[] = {"urlretour", "etat", "refsfp", NULL};
    static const char *const codes_without_money[] = {"0",  "2",  "5",  "6",  "8",  "12",
                                                      "15", "16", "17", "20", "21", "99"};
    struct fixture fixture;
    char tail[256];
    (void)state;
    fixture_init(&fixture);
    for (size_t c = 0; c < 2 * sizeof codes_without_money / sizeof codes_without_money[0]; c++) {
        const char *version = c % 2 ? "1" : "";
        size_t len =
            (size_t)snprintf(tail, sizeof tail, "%s%s%s36628282", "https%3A%2F%2Fcantine.example.org%2Fretour-banque",
                             version, codes_without_money[c / 2]);
        for (size_t i = len - 16; i <= len; i++) {
            for (size_t j = i; j <= len; j++) {
                assert_false(cut_is_money(&fixture, without, tail, (const size_t[]){0, i, j, len, len}));
                for (size_t k = j; k <= len; k++)
                    assert_false(cut_is_money(&fixture, with, tail, (const size_t[]){0, i, j, k, len}));
            }
        }
        arena_done(&fixture.arena);
    }
    size_t len = (size_t)snprintf(tail, sizeof tail, "https%%3A%%2F%%2Fcantine.example.org%%2Fretour-banque1136628282");
    assert_true(cut_is_money(&fixture, with, tail, (const size_t[]){0, len - 10, len - 9, len - 8, len}));
    fixture_done(&fixture);
}

/* The genuine call with two of the cuts between its values moved. STR_NULL when the cuts would pass each other. */
static struct str move_cuts(struct arena *arena, const struct spplus_pairs *genuine, size_t a, int by_a, size_t b,
                            int by_b)
{
    char values[TEXT_MAX], call[TEXT_MAX];
    ptrdiff_t cuts[GATEWAY_PAIRS_MAX + 1] = {0};
    size_t len = 0;

    for (size_t i = 0; i < genuine->count; i++) {
        memcpy(values + cuts[i], genuine->items[i].value.ptr, genuine->items[i].value.len);
        cuts[i + 1] = cuts[i] + (ptrdiff_t)genuine->items[i].value.len;
    }
    cuts[a] += by_a;
    cuts[b] += by_b;
    for (size_t i = 0; i < genuine->count; i++) {
        if (cuts[i + 1] < cuts[i])
            return STR_NULL;
        len += (size_t)snprintf(call + len, sizeof call - len, "&%.*s=%.*s", STR_ARG(genuine->items[i].name),
                                (int)(cuts[i + 1] - cuts[i]), values + cuts[i]);
    }
    return arena_str(arena, str_slice(call + 1, len - 1));
}

/* Every two cuts of an accepted call, each up to four bytes to either side: only the genuine one is sound. */
static void every_two_cuts(void **state)
{
    struct fixture fixture;
    struct spplus_pairs genuine;
    size_t sound = 0, tried = 0;
    (void)state;
    fixture_init(&fixture);
    assert_int_equal(spplus_read_pairs(STR(SENT_ALL "&etat=1&refsfp=36628282"), &genuine), 0);
    for (size_t a = 1; a < genuine.count; a++) {
        for (size_t b = a; b < genuine.count; b++) {
            for (int moves = 0; moves < 81; moves++) {
                struct str call = move_cuts(&fixture.arena, &genuine, a, moves % 9 - 4, b, moves / 9 - 4);
                bool moved = a == b ? moves % 9 + moves / 9 != 8 : moves != 40;
                if (!call.ptr || !moved)
                    continue;
                tried++;
                sound += judge(&fixture, call).shape_ok;
            }
        }
        arena_done(&fixture.arena);
    }
    assert_int_equal(sound, 0);
    assert_true(tried > 3000);
    assert_true(judge(&fixture, move_cuts(&fixture.arena, &genuine, 1, 0, 2, 0)).shape_ok);
    fixture_done(&fixture);
}

/* A report is read as far as it goes, within the bounds of the columns that it goes to. */
static void reports_of_bad_shape(void **state)
{
    static const struct {
        const char *raw;
        enum payment_report_kind kind;
        int64_t cents;
        const char *currency, *bank_ref, *code;
    } cases[] = {
        {"montant=1.50&devise=978&etat=1&refsfp=12", REPORT_ACCEPTED, 150, "978", "12", "1"},
        {"montant=x&devise=%zz&etat=77&refsfp=x", REPORT_UNCLEAR, 0, "", "", "77"},
        {"etat=123456789&refsfp=12345678901234567890123456789012345678901", REPORT_UNCLEAR, 0, "", "", ""},
        {"etat=%31&refsfp=", REPORT_UNCLEAR, 0, "", "", ""},
        {"", REPORT_UNCLEAR, 0, "", "", ""},
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gateway_judgement judgement = judge(&fixture, str_from(cases[i].raw));
        assert_false(judgement.shape_ok);
        assert_non_null(judgement.shape_fault);
        assert_int_equal(judgement.report.kind, cases[i].kind);
        assert_int_equal(judgement.report.amount_cents, cases[i].cents);
        assert_int_equal(judgement.report.contract_id, 7);
        assert_true(str_eq_text(judgement.report.currency, cases[i].currency));
        assert_true(str_eq_text(judgement.report.bank_ref, cases[i].bank_ref));
        assert_true(str_eq_text(judgement.bank_code, cases[i].code));
    }
    fixture_done(&fixture);
}

static void without_request(void **state)
{
    struct fixture fixture;
    static char long_call[GATEWAY_RAW_MAX + 1];
    (void)state;
    fixture_init(&fixture);
    struct str raw = seal(&fixture, SENT_ALL "&etat=1&refsfp=36628282");
    struct gateway_judgement none = gateway_spplus.judge(&fixture.contract, STR_NULL, raw, &fixture.arena);
    struct gateway_judgement empty = gateway_spplus.judge(&fixture.contract, STR(""), raw, &fixture.arena);
    assert_ptr_equal(none.shape_fault, fault_no_request);
    assert_ptr_equal(empty.shape_fault, fault_no_request);
    assert_int_equal(none.report.kind, REPORT_ACCEPTED);
    assert_int_equal(none.report.amount_cents, 15850);
    assert_true(str_eq_text(none.report.bank_ref, "36628282"));
    memset(long_call, 'a', sizeof long_call);
    assert_ptr_equal(judge(&fixture, str_slice(long_call, sizeof long_call)).shape_fault, fault_too_long);
    fixture.contract.bank_ref_len = 0; /* a contract without a length credits nothing */
    assert_false(judge(&fixture, raw).shape_ok);
    assert_false(judge(&fixture, seal(&fixture, SENT_ALL "&etat=1&refsfp=")).shape_ok);
    fixture_done(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code),      cmocka_unit_test(genuine_variants),
        cmocka_unit_test(other_contents),  cmocka_unit_test(other_amounts),
        cmocka_unit_test(forgeries),       cmocka_unit_test(version_swallowed),
        cmocka_unit_test(further_names),   cmocka_unit_test(every_cut_of_the_tail),
        cmocka_unit_test(every_two_cuts),  cmocka_unit_test(reports_of_bad_shape),
        cmocka_unit_test(without_request),
    };
    return cmocka_run_group_tests_name("spplus_judge", tests, NULL, NULL);
}
