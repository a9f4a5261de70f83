/* digits: numbers in decimal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/digits.c"

static void expect(const char *begin, const char *end, const char *text)
{
    if (!str_eq_text(str_slice(begin, (size_t)(end - begin)), text))
        fail_msg("\"%.*s\" instead of \"%s\"", (int)(end - begin), begin, text);
}

static void the_last_digits_zeros_in_front(void **state)
{
    char out[DIGITS_MAX];
    (void)state;
    expect(out, digits_fixed(out, 2, 7), "07");
    expect(out, digits_fixed(out, 2, 42), "42");
    expect(out, digits_fixed(out, 4, 12026), "2026");
    expect(out, digits_fixed(out, 0, 5), "");
    expect(out, digits_fixed(out, 20, UINT64_MAX), "18446744073709551615");
}

static void at_least_some_digits(void **state)
{
    char out[DIGITS_MAX];
    (void)state;
    expect(out, digits_least(out, 1, 0), "0");
    expect(out, digits_least(out, 6, 123), "000123");
    expect(out, digits_least(out, 6, 123456), "123456");
    expect(out, digits_least(out, 6, 1234567), "1234567");
    expect(out, digits_least(out, 1, UINT64_MAX), "18446744073709551615");
}

static void numbers_with_their_sign(void **state)
{
    static const struct {
        int64_t number;
        const char *text;
    } cases[] = {
        {0, "0"},
        {9, "9"},
        {10, "10"},
        {-1, "-1"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 4096);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str text = digits_text(&arena, cases[i].number);
        expect(text.ptr, text.ptr + text.len, cases[i].text);
        assert_int_equal(text.ptr[text.len], '\0');
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_digits_zeros_in_front),
        cmocka_unit_test(at_least_some_digits),
        cmocka_unit_test(numbers_with_their_sign),
    };
    return cmocka_run_group_tests_name("digits", tests, NULL, NULL);
}
