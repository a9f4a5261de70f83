/* spplus: the key, the seal (every vector of bank-protocols.md §4.1), the request, and reading a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/gateway/spplus_key.c"
#include "common/money.h"
#include "unit/spplus_fixture.h"

#define WORKING_KEY "fabdb877b8ef7003f70350bb91090e76c5c75b29"

static void seals(void **state)
{
    static const struct {
        const char *message, *seal;
    } cases[] = {
        /* S3: raw matches, decoded does not */
        {"wdwd%20%3Fdfgfdgd343", "04233B78BB5AFF332D920D4E89394F505EC58A2A"},
        /* S4: the bank's own reference value, over calcul_hmac's seven values */
        {"00000000000001-01ref123456FR97810.000.0", "B904A738323EF88372DE75C83722F6E179CC089A"},
        /* S5: eopayment's old decoded form */
        {"97823/04/20111ZYX0NIFcbZIDuiZfazQp10.0000000000000001-01FR0.00bob@example.com",
         "B43DCE98F97E5D249EF96F7F31D962F8FA5636FF"},
        /* own computations */
        {"00000000000001-01ref123456FR97810.000.031/12/2099", "32A946AD9589521CAFA70AAD63DEB7AC20CAE858"},
        {"00000000000001-001DP0001FR978125.500.00", "DE71188879083AD7A706EF14ABC8E9397F1E9097"},
        {"00000000000001-001DP0001FR978125.500.00CBS1xparent%40example.org136628282",
         "7E6225514B8CCDC468B950C3C299AF5C5A27A5A4"},
    };
    static const char *const keys[] = {DEMO_KEY, WORKING_KEY};
    char seal[SPPLUS_SEAL_DIGITS + 1];
    (void)state;
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        struct gateway_key *key;
        assert_int_equal(spplus_key_new(str_from(keys[k]), &key), 0);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct str half = str_slice(cases[i].message, 5);
            const struct str parts[] = {half, STR_NULL, str_from(cases[i].message + 5)};
            spplus_seal(key, parts, 3, seal);
            assert_string_equal(seal, cases[i].seal);
        }
        spplus_key_free(key);
    }
}

/* S6 */
static void key_is_decrypted(void **state)
{
    static const uint8_t expected[NT_KEY_LEN] = {0xfa, 0xbd, 0xb8, 0x77, 0xb8, 0xef, 0x70, 0x03,
                                                 0xf7, 0x03, 0x50, 0xbb, 0x91, 0x09, 0x0e, 0x76,
                                                 0xc5, 0xc7, 0x5b, 0x29, 0xfa, 0xbd, 0xb8, 0x77};
    uint8_t clear[NT_KEY_LEN];
    (void)state;
    assert_int_equal(decrypt(demonstration_nt_key, clear), 0);
    assert_memory_equal(clear, expected, sizeof clear);
    assert_memory_equal(clear, demonstration_working_key, sizeof demonstration_working_key);
}

static void key_forms(void **state)
{
    static const struct {
        const char *material;
        int err;
    } cases[] = {
        {DEMO_KEY, 0},
        {"586DFC9C34919B863FFD6463C9134A26BA29741EC7E98079", 0},
        {"  586dfc9c 34919b86 3ffd6463 c9134a26 ba29741e c7e98079 ", 0},
        {WORKING_KEY, 0},
        {"", ERR_INVALID},
        {"58 6d fc", ERR_INVALID},
        {DEMO_KEY " 00", ERR_INVALID},
        {WORKING_KEY "00", ERR_INVALID},
        {"58 6d fc 9c 34 91 9b 86 3f fd 64 63 c9 13 4a 26 ba 29 74 1e c7 e9 80 7", ERR_INVALID},
        {"58 6d fc 9c 34 91 9b 86 3f fd 64 63 c9 13 4a 26 ba 29 74 1e c7 e9 80 7g", ERR_INVALID},
        {"58:6d:fc:9c:34:91:9b:86:3f:fd:64:63:c9:13:4a:26:ba:29:74:1e:c7:e9:80:79", ERR_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gateway_key *key = NULL;
        int err = spplus_key_new(str_from(cases[i].material), &key);
        if (err != cases[i].err || (key != NULL) != (err == 0))
            fail_msg("%s: %s", cases[i].material, err_name(err));
        spplus_key_free(key);
    }
}

/* A host without the legacy provider can still use a working key. */
static void no_legacy_provider(void **state)
{
    struct gateway_key *key = NULL;
    (void)state;
    setenv("OPENSSL_MODULES", "/nonexistent", 1);
    assert_int_equal(spplus_key_new(STR(DEMO_KEY), &key), ERR_UNAVAILABLE);
    assert_null(key);
    assert_int_equal(spplus_key_new(STR(WORKING_KEY), &key), 0);
    spplus_key_free(key);
    unsetenv("OPENSSL_MODULES");
}

static void demonstration(void **state)
{
    static const struct {
        const char *merchant, *material;
        bool known;
    } cases[] = {
        {"00000000000001-01", "", true},
        {"00000000000001-001", "", true},
        {"00000000000001", "", true},
        {"12345678901234-01", DEMO_KEY, true},
        {"12345678901234-01", "586DFC9C34919B863FFD6463C9134A26BA29741EC7E98079", true},
        {"12345678901234-01", WORKING_KEY, true},
        {"12345678901234-01", "58 6d fc 9c 34 91 9b 86 3f fd 64 63 c9 13 4a 26 ba 29 74 1e c7 e9 80 78", false},
        {"12345678901234-01", "fabdb877b8ef7003f70350bb91090e76c5c75b28", false},
        {"12345678901234-01", "no key", false},
        {"000000000000012-01", "", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (gateway_spplus.is_demonstration(str_from(cases[i].merchant), str_from(cases[i].material)) != cases[i].known)
            fail_msg("%s %s", cases[i].merchant, cases[i].material);
    }
}

#define OWN_CALL                                                                                                     \
    "siret=00000000000001-001&reference=DP0001&langue=FR&devise=978&montant=125.50&taxe=0.00&moyen=CBS&modalite=1x&" \
    "email=parent%40example.org&etat=1&refsfp=36628282"
#define OWN_SEAL "7E6225514B8CCDC468B950C3C299AF5C5A27A5A4"
#define S3_SEAL  "04233B78BB5AFF332D920D4E89394F505EC58A2A"

static void calls_are_verified(void **state)
{
    static const struct {
        const char *raw;
        enum gateway_verdict verdict;
    } cases[] = {
        {"x=wdwd%20%3Fdfgfdgd&z=343&hmac=" S3_SEAL, GATEWAY_SEAL_GOOD},
        {"x=wdwd%20%3Fdfgfdgd&z=343&hmac=04233b78bb5aff332d920d4e89394f505ec58a2a", GATEWAY_SEAL_GOOD},
        {"hmac=" S3_SEAL "&x=wdwd%20%3Fdfgfdgd&z=343", GATEWAY_SEAL_GOOD},
        {"x=wdwd%20%3Fdfgfdgd&hmac=" S3_SEAL "&z=343", GATEWAY_SEAL_GOOD},
        {"y=&x=wdwd%20%3Fdfgfdgd&z=343&hmac=" S3_SEAL, GATEWAY_SEAL_GOOD}, /* an empty value adds nothing */
        {OWN_CALL "&hmac=" OWN_SEAL, GATEWAY_SEAL_GOOD},
        {"x=wdwd ?dfgfdgd&z=343&hmac=" S3_SEAL, GATEWAY_SEAL_BAD}, /* decoded on the way */
        {"x=wdwd%20%3fdfgfdgd&z=343&hmac=" S3_SEAL, GATEWAY_SEAL_BAD},
        {"z=343&x=wdwd%20%3Fdfgfdgd&hmac=" S3_SEAL, GATEWAY_SEAL_BAD},
        {"x=wdwd%20%3Fdfgfdgd&z=344&hmac=" S3_SEAL, GATEWAY_SEAL_BAD},
        {"x=wdwd%20%3Fdfgfdgd&z=343", GATEWAY_SEAL_BAD},
        {"x=wdwd%20%3Fdfgfdgd&z=343&hmac=", GATEWAY_SEAL_BAD},
        {"x=wdwd%20%3Fdfgfdgd&z=343&hmac", GATEWAY_SEAL_BAD},
        {"x=wdwd%20%3Fdfgfdgd&z=343&HMAC=" S3_SEAL, GATEWAY_SEAL_BAD},
        {"x=wdwd%20%3Fdfgfdgd&z=343&hmac=" S3_SEAL "&hmac=" S3_SEAL, GATEWAY_SEAL_BAD},
        {"x=wdwd%20%3Fdfgfdgd&z=343&hmac=&hmac=" S3_SEAL, GATEWAY_SEAL_BAD},
        {"x=wdwd%20%3Fdfgfdgd&z=343&hmac=" S3_SEAL "0", GATEWAY_SEAL_BAD},
        {"x=wdwd%20%3Fdfgfdgd&z=343&hmac=04233B78BB5AFF332D920D4E89394F505EC58A2", GATEWAY_SEAL_BAD},
        {"x=wdwd%20%3Fdfgfdgd&z=343&hmac=04233B78BB5AFF332D920D4E89394F505EC58A2G", GATEWAY_SEAL_BAD},
        {"x=wdwd%20%3Fdfgfdgd&z=343&hmac=04233B78BB5AFF332D920D4E89394F505EC58A2B", GATEWAY_SEAL_BAD},
        {"x=wdwd%20%3Fdfgfdgd&z=343&hmac=%30"
         "4233B78BB5AFF332D920D4E89394F505EC58A2A",
         GATEWAY_SEAL_BAD},
        {"", GATEWAY_SEAL_BAD},
        {"&&&", GATEWAY_SEAL_BAD},
        {"hmac=" S3_SEAL, GATEWAY_SEAL_BAD},
    };
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (fixture_verify(&fixture, str_from(cases[i].raw)) != cases[i].verdict)
            fail_msg("%s", cases[i].raw);
    }
    fixture_done(&fixture);
}

static void limits(void **state)
{
    struct fixture fixture;
    struct buf buf;
    (void)state;
    fixture_init(&fixture);
    buf_init(&buf, 2 * GATEWAY_RAW_MAX);
    buf_append(&buf, STR("x=wdwd%20%3Fdfgfdgd&z=343&hmac=" S3_SEAL));
    for (int pairs = 2; pairs < GATEWAY_PAIRS_MAX; pairs++)
        buf_append(&buf, STR("&a="));
    assert_int_equal(fixture_verify(&fixture, buf_str(&buf)), GATEWAY_SEAL_GOOD);
    buf_append(&buf, STR("&a="));
    assert_int_equal(fixture_verify(&fixture, buf_str(&buf)), GATEWAY_SEAL_BAD);
    buf_clear(&buf);
    buf_append(&buf, STR("x=wdwd%20%3Fdfgfdgd&z=343&hmac=" S3_SEAL "&"));
    while (buf.len < GATEWAY_RAW_MAX - 1)
        buf_append_char(&buf, 'a');
    buf_append_char(&buf, '=');
    assert_int_equal(fixture_verify(&fixture, buf_str(&buf)), GATEWAY_SEAL_GOOD);
    buf_append_char(&buf, '&');
    assert_int_equal(fixture_verify(&fixture, buf_str(&buf)), GATEWAY_SEAL_BAD);
    assert_true(str_eq(gateway_spplus.read_call(buf_str(&buf), &fixture.arena).reference, STR_NULL));
    buf_done(&buf);
    fixture_done(&fixture);
}

static void unsealing(void **state)
{
    static const struct {
        const char *raw, *unsealed;
    } cases[] = {
        {"a=1&hmac=X&b=2", "a=1&b=2"},
        {"hmac=X&a=1", "a=1"},
        {"a=1&hmac=X", "a=1"},
        {"a=1&hmac", "a=1"},
        {"hmac=X&a=1&hmac=Y", "a=1"},
        {"hmac=X", ""},
        {"", ""},
        {"a=1&&b=2&", "a=1&&b=2&"},
        {"a=hmac&ahmac=1", "a=hmac&ahmac=1"},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 65536);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (!str_eq_text(gateway_spplus.read_call(str_from(cases[i].raw), &arena).unsealed, cases[i].unsealed))
            fail_msg("%s", cases[i].raw);
    }
    arena_done(&arena);
}

static void reading_calls(void **state)
{
    static const struct {
        const char *raw, *merchant, *reference;
    } cases[] = {
        {OWN_CALL, "00000000000001-001", "DP0001"},
        {"reference=a%2Db&siret=1", "1", "a-b"},
        {"reference=first&reference=second", "", "first"},
        {"reference=a+b", "", "a+b"},
        {"reference=%zz&siret=1%00", "", ""},
        {"REFERENCE=a", "", ""},
        {"", "", ""},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 65536);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gateway_call call = gateway_spplus.read_call(str_from(cases[i].raw), &arena);
        if (!str_eq_text(call.merchant_id, cases[i].merchant) || !str_eq_text(call.reference, cases[i].reference))
            fail_msg("%s", cases[i].raw);
    }
    arena_done(&arena);
}

static struct gateway_payment plain_payment(void)
{
    return (struct gateway_payment){
        .reference = STR("dem20261123061201abc"),
        .amount_cents = 15850,
        .currency = STR("978"),
        .email = STR("durand+cantine@example.org"),
        .means = STR("CBS"),
        .return_url = STR("https://cantine.example.org/retour-banque"),
        .valid_until = STR("24/11/2026"),
    };
}

static void requests_are_built(void **state)
{
    struct fixture fixture;
    struct buf out;
    struct gateway_payment payment = plain_payment();
    (void)state;
    fixture_init(&fixture);
    buf_init(&out, 4096);
    assert_int_equal(gateway_spplus.build_request(&fixture.contract, &payment, &fixture.arena, &out), 0);
    assert_true(str_eq_text(
        buf_str(&out),
        "siret=00000000000001-01&reference=dem20261123061201abc&langue=FR&devise=978&montant=158.50&taxe=0.00&"
        "validite=24%2F11%2F2026&moyen=CBS&modalite=1x&email=durand%2Bcantine%40example.org&"
        "urlretour=https%3A%2F%2Fcantine.example.org%2Fretour-banque&version=1&"
        "hmac=4C7E627B0BC706CB639AD254805368FEA392D9ED"));
    buf_done(&out);
    buf_init(&out, 100);
    assert_int_equal(gateway_spplus.build_request(&fixture.contract, &payment, &fixture.arena, &out), ERR_TOO_LARGE);
    buf_done(&out);
    fixture_done(&fixture);
}

/* One wrong value at a time. */
static void requests_are_refused(void **state)
{
    static const struct {
        size_t offset;
        const char *value;
    } cases[] = {
#define PAYMENT(field) offsetof(struct gateway_payment, field)
        {PAYMENT(reference), ""},
        {PAYMENT(reference), "dem20261123061201abcd"},
        {PAYMENT(reference), "dem 2026"},
        {PAYMENT(reference), "dem%2026"},
        {PAYMENT(reference), "dem&etat=1"},
        {PAYMENT(currency), "EUR"},
        {PAYMENT(currency), "97"},
        {PAYMENT(currency), "756"}, /* not the contract's */
        {PAYMENT(email), "durand"},
        {PAYMENT(email), "durand@example.org\r\n"},
        {PAYMENT(means), "DIN"},
        {PAYMENT(means), "CB"},
        {PAYMENT(means), ""},
        {PAYMENT(means), "CBS,AMX"},
        {PAYMENT(return_url), "/retour-banque"},
        {PAYMENT(return_url), "javascript:alert(1)"},
        {PAYMENT(return_url), "https://cantine.example.org/retour banque"},
        {PAYMENT(return_url), "https://cantine.example.org/\u00e9"},
        {PAYMENT(valid_until), "2026-11-24"},
        {PAYMENT(valid_until), "24/11/26"},
        {PAYMENT(valid_until), "24/1a/2026"},
        {PAYMENT(valid_until), ""},
    };
    static const int64_t amounts[] = {0, -1, MONEY_CENTS_MAX + 1, INT64_MIN};
    static const char *const merchants[] = {
        "", "00000000000001", "00000000000001-1", "00000000000001-0001", "0000000000001-01", "0000000000000a-01"};
    struct fixture fixture;
    struct buf out;
    (void)state;
    fixture_init(&fixture);
    buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gateway_payment payment = plain_payment();
        *(struct str *)((char *)&payment + cases[i].offset) = str_from(cases[i].value);
        if (gateway_spplus.build_request(&fixture.contract, &payment, &fixture.arena, &out) != ERR_INVALID)
            fail_msg("%s", cases[i].value);
    }
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
        struct gateway_payment payment = plain_payment();
        payment.amount_cents = amounts[i];
        assert_int_equal(gateway_spplus.build_request(&fixture.contract, &payment, &fixture.arena, &out), ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof merchants / sizeof merchants[0]; i++) {
        struct gateway_payment payment = plain_payment();
        fixture.contract.merchant_id = str_from(merchants[i]);
        assert_int_equal(gateway_spplus.build_request(&fixture.contract, &payment, &fixture.arena, &out), ERR_INVALID);
    }
    fixture.contract.merchant_id = STR("00000000000001-01");
    struct gateway_payment payment = plain_payment();
    payment.return_url = arena_printf(&fixture.arena, "https://%0*d", 256 - 8, 0);
    assert_int_equal(gateway_spplus.build_request(&fixture.contract, &payment, &fixture.arena, &out), ERR_INVALID);
    assert_int_equal(out.len, 0); /* nothing is written before everything is checked */
    buf_done(&out);
    fixture_done(&fixture);
}

static void finding(void **state)
{
    (void)state;
    assert_ptr_equal(gateway_find(STR("spplus")), &gateway_spplus);
    assert_null(gateway_find(STR("SPPLUS")));
    assert_null(gateway_find(STR_NULL));
    assert_string_equal(gateway_spplus.name, "spplus");
    assert_string_equal(gateway_spplus.ack_body, "spcheckok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seals),
        cmocka_unit_test(key_is_decrypted),
        cmocka_unit_test(key_forms),
        cmocka_unit_test(no_legacy_provider),
        cmocka_unit_test(demonstration),
        cmocka_unit_test(calls_are_verified),
        cmocka_unit_test(limits),
        cmocka_unit_test(unsealing),
        cmocka_unit_test(reading_calls),
        cmocka_unit_test(requests_are_built),
        cmocka_unit_test(requests_are_refused),
        cmocka_unit_test(finding),
    };
    return cmocka_run_group_tests_name("spplus", tests, NULL, NULL);
}
