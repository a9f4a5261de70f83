/* password: hashes of today's cost, and which passwords are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/password.c"
#include "common/password_guess.h"

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
#define TALL    "quatre vingts girafes sous un parapluie violet regardent passer les wagons; "
#define LONG    TALL "aucune ne dit pourquoi ni comment ce jour."

static const struct password_owner jean = {
    .login = STR("jdurand13"),
    .last_name = STR("Durand-Lefèvre"),
    .first_name = STR("Jean-Éloi"),
    .email = STR("eloi.lefevre@vidourle.example"),
    .school = STR("Lycée Marcel-Pagnol"),
    .city = STR("Saint-Étienne-du-Grès"),
};

static const struct {
    const char *password;
    const char *says; /* NULL: accepted */
} refusal_cases[] = {
    /* length counts characters of any kind */
    {"", "au moins 12"},
    {"elevencharz", "au moins 12"},
    {"éééàààùùùçç", "au moins 12"}, /* 11 characters, 22 bytes */
    {"éèàùçôâîûêëï", NULL},
    {"𝄞🥕🍐🐘🦒🎈🚲🧀🪁🌵🧦🪕", NULL},
    {"пылесосы-тихо", NULL},
    {"\"<>&'; --{{}}", NULL},
    {LONG "1234567890", NULL},
    {LONG "12345678901", "au plus 128"},
    {"twelve\tchars", "ne se tape pas"},
    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "ne se tape pas"},
    {"839201746528", "seulement de chiffres"},
    {"839201746528301", "seulement de chiffres"},
    {"8392017465283015", NULL},
    /* words that have nothing to do with each other */
    {"karotte-7-velours", NULL},
    {"girafe tartine velours", NULL},
    {"Un parapluie pour Marcel", NULL},
    {"demo-cantine-2026", NULL},
    {"xK9#vQ2!mZ7p", NULL},
    {"7&42-93!61;08", NULL},
    /* one common word, repeated or dressed up */
    {"motdepasse12", "premiers"},
    {"Motdepasse123!", "premiers"},
    {"12-MotDePasse-12", "premiers"},
    {"M0td3p4$$e!!", "premiers"},
    {"p@ssw0rd2026", "premiers"},
    {"doudou-doudou", "premiers"},
    {"DoudouDoudou", "premiers"},
    {"marseille13000", "premiers"},
    {"!!!!football!!!!", "premiers"},
    {"jetaimejetaime", "premiers"},
    {"chouchou.2009", "premiers"},
    {"(soleil)(soleil)", "premiers"},
    {"Été-2026-été", "premiers"},
    /* several of them */
    {"bonjour-soleil", "premiers"},
    {"BonjourDoudou2026", "premiers"},
    {"loulouchouchou", "premiers"},
    {"Cantine Collège", "premiers"},
    {"demi-pension-lycee", "premiers"},
    {"École2026/2027", "premiers"},
    {"septembre2026!", "premiers"},
    {"Printemps-1998", "premiers"},
    {"juliethomasmarie", "premiers"},
    {"maman papa bébé", "premiers"},
    /* walks, sequences, repetitions */
    {"azertyuiopqs", "premiers"},
    {"azertyazerty", "premiers"},
    {"Azertyuiop2026", "premiers"},
    {"qwertyuiop123", "premiers"},
    {"poiuytrezamlk", "premiers"},
    {"aqwzsxedcrfv", "premiers"},
    {"1qaz2wsx3edc", "premiers"},
    {"abcdefghijklmnop", "premiers"},
    {"zyxwvutsrqpon", "premiers"},
    {"1234567890123456", "premiers"},
    {"9876543210987654", "premiers"},
    {"aaaaaaaaaaaaaaaa", "premiers"},
    {"abababababab", "premiers"},
    {"xkz!xkz!xkz!xkz!", "premiers"},
    {"............", "premiers"},
    {SIXTEEN SIXTEEN, "premiers"},
    /* the owner's words */
    {"jdurand13-2026", "identifiant"},
    {"Jean.Durand.2009", "identifiant"},
    {"durandlefevre", "identifiant"},
    {"Lefèvre-Lefèvre", "identifiant"},
    {"LyceeMarcelPagnol", "identifiant"},
    {"lycée pagnol 1234", "identifiant"},
    {"P4gn0l-Durand!", "identifiant"},
    {"eloi@vidourle", "identifiant"},
    {"saintetiennedugres", "identifiant"},
    {"durand-velours-7", NULL},
};

static void refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusal_cases / sizeof refusal_cases[0]; i++) {
        const char *why = password_refusal(str_from(refusal_cases[i].password), &jean);
        print_message("%s: %s\n", refusal_cases[i].password, why ? why : "accepted");
        assert_int_equal(why != NULL, refusal_cases[i].says != NULL);
        if (why)
            assert_non_null(strstr(why, refusal_cases[i].says));
    }
}

/* Another person may well have them. */
static void owners_words_are_words_to_others(void **state)
{
    static const struct password_owner nobody;
    (void)state;
    assert_non_null(password_refusal(STR("vidourle-eloi"), &jean));
    assert_null(password_refusal(STR("vidourle-eloi"), &nobody));
}

static void costs(void **state)
{
    static const struct {
        const char *password;
        unsigned cost;
    } cases[] = {
        {"", 0},
        {"x", 1},
        {"xkq", 3},
        {"soleil", 1},
        {"so1eil", 1},
        {"s0l31l", 1},
        {"solxil", 6},
        {"xsoleil", 2},
        {"soleilx", 2},
        {"azer", 1},
        {"az", 2},
        {"reza", 1},
        {"2026", 1},
        {"2126", 4},
        {"xkqxkq", 4},
        {"xyxyxyxy", 3},
        {"x-k-q", 4},
        {"x-k.q", 5},
        {"xkq839201", 5},
        {"839201xkq", 5},
        {"xkq8392615", 10},
        {"8392615xkq", 10},
        {"83920xkq83925", 7},
        {"é", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].password);
        assert_int_equal(password_guess_cost(str_from(cases[i].password), NULL, 0), cases[i].cost);
    }
}

/* More words than there is room for, and longer ones, count for nothing. */
static void many_and_long_words(void **state)
{
    char many[1024] = "", longer[256];
    struct str texts[2];
    (void)state;
    for (int i = 0; i < 100; i++)
        snprintf(many + 6 * i, sizeof many - (size_t)(6 * i), "q%02dzk ", i);
    memset(longer, 'k', sizeof longer);
    texts[0] = str_from(many);
    texts[1] = str_slice(longer, sizeof longer);
    assert_int_equal(password_guess_cost(STR("q00zk"), texts, 2), 1);
    assert_int_equal(password_guess_cost(STR("q31zk"), texts, 2), 1);
    assert_int_equal(password_guess_cost(STR("q32zk"), texts, 2), 5);
    assert_int_equal(password_guess_cost(str_slice(many, 600), texts, 2), 23);
}

static void generated(void **state)
{
    char last[64] = "", now[64];
    (void)state;
    for (int i = 0; i < 500; i++) {
        password_generate(now, sizeof now);
        assert_int_equal(strlen(now), 23);
        assert_null(password_refusal(str_from(now), &jean));
        assert_string_not_equal(now, last);
        memcpy(last, now, sizeof last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_and_verify), cmocka_unit_test(dummy_costs_the_same_and_matches_nothing),
        cmocka_unit_test(refusals),        cmocka_unit_test(owners_words_are_words_to_others),
        cmocka_unit_test(costs),           cmocka_unit_test(many_and_long_words),
        cmocka_unit_test(generated),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
