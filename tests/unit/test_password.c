/* password: hashes of today's cost, and which passwords are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/password.c"

static bool has_todays_cost(const char *hash)
{
    char padded[crypto_pwhash_STRBYTES];
    return pad_hash(hash, padded) && crypto_pwhash_str_needs_rehash(padded, PASSWORD_OPS, memory_bytes) == 0;
}

static void hash_and_verify(void **state)
{
    char hash[PASSWORD_HASH_SIZE];
    (void)state;
    assert_int_equal(password_hash(STR("demo-cantine-2026"), hash), 0);
    assert_memory_equal(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31);
    assert_int_equal(password_verify(hash, STR("demo-cantine-2026")), 0);
    assert_int_equal(password_verify(hash, STR("demo-cantine-2027")), ERR_FORBIDDEN);
    assert_int_equal(password_verify(hash, STR_NULL), ERR_FORBIDDEN);
    assert_int_equal(password_verify("", STR("x")), ERR_FORBIDDEN);
    assert_int_equal(password_verify("$2y$10$abc", STR("x")), ERR_FORBIDDEN);
    assert_true(has_todays_cost(hash));
}

static void dummy_costs_the_same_and_matches_nothing(void **state)
{
    (void)state;
    assert_true(has_todays_cost(password_dummy_hash()));
    assert_int_equal(password_verify(password_dummy_hash(), STR("")), ERR_FORBIDDEN);
    assert_int_equal(password_verify(password_dummy_hash(), STR("demo-cantine-2026")), ERR_FORBIDDEN);
}

#define SIXTEEN "aBcDeFgHiJkLmNo-"
#define LONG    SIXTEEN SIXTEEN SIXTEEN SIXTEEN SIXTEEN SIXTEEN SIXTEEN SIXTEEN

static void refusals(void **state)
{
    static const struct {
        const char *password;
        const char *says; /* NULL: accepted */
    } cases[] = {
        {"", "au moins 12"},
        {"elevencharz", "au moins 12"},
        {"éééàààùùùçç", "au moins 12"}, /* 11 characters, 22 bytes */
        {"éèàùçôâîûêëï", NULL},
        {"karotte-7-velours", NULL},
        {"demo-cantine-2026", NULL},
        {LONG, NULL},
        {LONG "x", "au plus 128"},
        {"839201746528", "seulement de chiffres"},
        {"839201746528301", "seulement de chiffres"},
        {"8392017465283015", NULL},
        {"aaaaaaaaaaaaaaaa", "trop courant"},
        {"abababababab", "trop courant"},
        {"1234567890123456", "trop courant"},
        {"9876543210987654", "trop courant"},
        {"abcdefghijklmnop", "trop courant"},
        {"Motdepasse123!", "trop courant"},
        {"12-MotDePasse-12", "trop courant"},
        {"azertyazerty", "trop courant"},
        {"Azertyuiop2026", "trop courant"},
        {"doudou-doudou", "trop courant"},
        {"jean.durand2026", "identifiant"},
        {"Pagnol-1234-durand", "identifiant"},
        {"LyceeMarcelPagnol", "identifiant"},
        {"durand-velours-7", NULL},
        {"twelve\tchars", "saisi"},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "saisi"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *why = password_refusal(str_from(cases[i].password), STR("jean.durand"), STR("Lycee Marcel-Pagnol"));
        print_message("%s: %s\n", cases[i].password, why ? why : "accepted");
        assert_int_equal(why != NULL, cases[i].says != NULL);
        if (why)
            assert_non_null(strstr(why, cases[i].says));
    }
    assert_null(password_refusal(STR("karotte-7-velours"), STR_NULL, STR_NULL));
}

static void generated(void **state)
{
    char last[64] = "", now[64];
    (void)state;
    for (int i = 0; i < 500; i++) {
        password_generate(now, sizeof now);
        assert_int_equal(strlen(now), 23);
        assert_null(password_refusal(str_from(now), STR("durand"), STR("Collège")));
        assert_string_not_equal(now, last);
        memcpy(last, now, sizeof last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_and_verify),
        cmocka_unit_test(dummy_costs_the_same_and_matches_nothing),
        cmocka_unit_test(refusals),
        cmocka_unit_test(generated),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
