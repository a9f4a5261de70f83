/* Numbers and sums in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/french_number.c"

struct words {
    int64_t number;
    const char *text;
};

static void check(const struct words *cases, size_t n_cases, struct str (*write)(struct arena *, int64_t))
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < n_cases; i++) {
        struct str text = write(&arena, cases[i].number);
        assert_string_equal(text.ptr, cases[i].text);
        assert_int_equal(text.len, strlen(cases[i].text));
    }
    arena_done(&arena);
}

static void numbers(void **state)
{
    static const struct words cases[] = {
        {0, "zéro"},
        {1, "un"},
        {10, "dix"},
        {11, "onze"},
        {16, "seize"},
        {17, "dix-sept"},
        {19, "dix-neuf"},
        {20, "vingt"},
        {21, "vingt et un"},
        {22, "vingt-deux"},
        {31, "trente et un"},
        {48, "quarante-huit"},
        {61, "soixante et un"},
        {69, "soixante-neuf"},
        {70, "soixante-dix"},
        {71, "soixante et onze"},
        {72, "soixante-douze"},
        {77, "soixante-dix-sept"},
        {79, "soixante-dix-neuf"},
        {80, "quatre-vingts"},
        {81, "quatre-vingt-un"},
        {90, "quatre-vingt-dix"},
        {91, "quatre-vingt-onze"},
        {99, "quatre-vingt-dix-neuf"},
        {100, "cent"},
        {101, "cent un"},
        {121, "cent vingt et un"},
        {180, "cent quatre-vingts"},
        {200, "deux cents"},
        {201, "deux cent un"},
        {280, "deux cent quatre-vingts"},
        {999, "neuf cent quatre-vingt-dix-neuf"},
        {1000, "mille"},
        {1001, "mille un"},
        {1100, "mille cent"},
        {1158, "mille cent cinquante-huit"},
        {1200, "mille deux cents"},
        {2000, "deux mille"},
        {2021, "deux mille vingt et un"},
        {21000, "vingt et un mille"},
        {80000, "quatre-vingt mille"},
        {81000, "quatre-vingt-un mille"},
        {100000, "cent mille"},
        {200000, "deux cent mille"},
        {200080, "deux cent mille quatre-vingts"},
        {280200, "deux cent quatre-vingt mille deux cents"},
        {1000000, "un million"},
        {1000001, "un million un"},
        {1001000, "un million mille"},
        {2000000, "deux millions"},
        {80000000, "quatre-vingts millions"},
        {200000000, "deux cents millions"},
        {1000000000, "un milliard"},
        {2001000080, "deux milliards un million quatre-vingts"},
        {999999999, "neuf cent quatre-vingt-dix-neuf millions neuf cent quatre-vingt-dix-neuf mille neuf cent "
                    "quatre-vingt-dix-neuf"},
    };
    (void)state;
    check(cases, sizeof cases / sizeof cases[0], french_number);
}

static void sums(void **state)
{
    static const struct words cases[] = {
        {0, "zéro euro"},
        {1, "un centime"},
        {2, "deux centimes"},
        {80, "quatre-vingts centimes"},
        {99, "quatre-vingt-dix-neuf centimes"},
        {100, "un euro"},
        {101, "un euro et un centime"},
        {200, "deux euros"},
        {2150, "vingt et un euros et cinquante centimes"},
        {15850, "cent cinquante-huit euros et cinquante centimes"},
        {20000, "deux cents euros"},
        {100000, "mille euros"},
        {100000000, "un million d'euros"},
        {100000050, "un million d'euros et cinquante centimes"},
        {100000100, "un million un euros"},
        {1000000000, "dix millions d'euros"},
        {INT64_C(200000000000), "deux milliards d'euros"},
    };
    (void)state;
    check(cases, sizeof cases / sizeof cases[0], french_sum);
}

/* The longest words for any sum must fit. */
static void longest(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    assert_true(french_sum(&arena, INT64_C(77777777777)).len > 100);
    assert_true(french_sum(&arena, FRENCH_NUMBER_MAX * 100 + 99).len > 100);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(sums),
        cmocka_unit_test(longest),
    };
    return cmocka_run_group_tests_name("french_number", tests, NULL, NULL);
}
