/* money: what people type, what pages show, what the bank is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/money.c"

enum { UNTOUCHED = -7 };

struct reading {
    const char *text;
    int err;
    int64_t cents;
};

static void check_readings(const struct reading *cases, size_t count, int (*parse)(struct str, int64_t *))
{
    for (size_t i = 0; i < count; i++) {
        int64_t cents = UNTOUCHED;
        int err = parse(str_from(cases[i].text), &cents);
        if (err != cases[i].err || cents != (err == 0 ? cases[i].cents : UNTOUCHED))
            fail_msg("\"%s\": %s, %lld cents", cases[i].text, err_name(err), (long long)cents);
    }
}

static void what_people_type(void **state)
{
    static const struct reading cases[] = {
        {"158,5", 0, 15850},
        {"158.50", 0, 15850},
        {"158,50", 0, 15850},
        {"1 158,50 €", 0, 115850},
        {"1\u00a0158,50\u00a0€", 0, 115850},
        {"1\u202f158,50\u202f€", 0, 115850},
        {"1\u2009158,50", 0, 115850},
        {"1 234 567", 0, 123456700},
        {"1158", 0, 115800},
        {"  12 EUR ", 0, 1200},
        {"12eur", 0, 1200},
        {"12€", 0, 1200},
        {"\u00a0\u202f12\u2009 ", 0, 1200},
        {"0", 0, 0},
        {"0,05", 0, 5},
        {"007", 0, 700},
        {"10000000,00", 0, MONEY_CENTS_MAX},
        {"10000000,01", ERR_TOO_LARGE, 0},
        {"10000001", ERR_TOO_LARGE, 0},
        {"99999999999999999999999999999999", ERR_TOO_LARGE, 0},
        {"", ERR_INVALID, 0},
        {" ", ERR_INVALID, 0},
        {"€", ERR_INVALID, 0},
        {"€ 12", ERR_INVALID, 0},
        {"-12", ERR_INVALID, 0},
        {"\u221212", ERR_INVALID, 0},
        {"+12", ERR_INVALID, 0},
        {",50", ERR_INVALID, 0},
        {"12,", ERR_INVALID, 0},
        {"12.", ERR_INVALID, 0},
        {"1.158", ERR_INVALID, 0}, /* a thousand or a unit and decimals? */
        {"1,158", ERR_INVALID, 0},
        {"1.158,50", ERR_INVALID, 0},
        {"1,5,0", ERR_INVALID, 0},
        {"12,505", ERR_INVALID, 0},
        {"15 8", ERR_INVALID, 0},
        {"1 15", ERR_INVALID, 0},
        {"1 1580", ERR_INVALID, 0},
        {"1158 000", ERR_INVALID, 0},
        {"1  158", ERR_INVALID, 0},
        {"12 , 50", ERR_INVALID, 0},
        {"12,50 $", ERR_INVALID, 0},
        {"12,50 € €", ERR_INVALID, 0},
        {"12 EURO", ERR_INVALID, 0},
        {"1e3", ERR_INVALID, 0},
        {"0x10", ERR_INVALID, 0},
        {"12\t", ERR_INVALID, 0},
        {"12\n", ERR_INVALID, 0},
        {"\xc2", ERR_INVALID, 0},
        {"12\xe2\x80", ERR_INVALID, 0},
    };
    int64_t cents = UNTOUCHED;
    (void)state;
    check_readings(cases, sizeof cases / sizeof cases[0], money_parse);
    assert_int_equal(money_parse(str_slice("12\0", 3), &cents), ERR_INVALID);
    assert_int_equal(money_parse(str_slice("12\0005", 4), &cents), ERR_INVALID);
    assert_int_equal(money_parse(STR_NULL, &cents), ERR_INVALID);
    assert_int_equal(cents, UNTOUCHED);
}

static void what_the_bank_writes(void **state)
{
    static const struct reading cases[] = {
        {"1158.50", 0, 115850},
        {"1158.5", 0, 115850},
        {"1158", 0, 115800},
        {"0.00", 0, 0},
        {"10000000", 0, MONEY_CENTS_MAX},
        {"10000000.01", ERR_TOO_LARGE, 0},
        {"99999999999999999999", ERR_TOO_LARGE, 0},
        {"", ERR_INVALID, 0},
        {"1158.", ERR_INVALID, 0},
        {".50", ERR_INVALID, 0},
        {"1158,50", ERR_INVALID, 0},
        {"1158.505", ERR_INVALID, 0},
        {"1 158.50", ERR_INVALID, 0},
        {" 1158.50", ERR_INVALID, 0},
        {"1158.50 ", ERR_INVALID, 0},
        {"-1.00", ERR_INVALID, 0},
        {"1158.50EUR", ERR_INVALID, 0},
    };
    (void)state;
    check_readings(cases, sizeof cases / sizeof cases[0], money_parse_bank);
}

static void what_pages_show(void **state)
{
    static const struct {
        int64_t cents;
        const char *text, *input;
    } cases[] = {
        {0, "0,00\u00a0€", "0,00"},
        {5, "0,05\u00a0€", "0,05"},
        {15850, "158,50\u00a0€", "158,50"},
        {99999, "999,99\u00a0€", "999,99"},
        {100000, "1\u202f000,00\u00a0€", "1000,00"},
        {115850, "1\u202f158,50\u00a0€", "1158,50"},
        {123456789, "1\u202f234\u202f567,89\u00a0€", "1234567,89"},
        {-5, "\u22120,05\u00a0€", "-0,05"},
        {-115850, "\u22121\u202f158,50\u00a0€", "-1158,50"},
        {INT64_MIN, "\u221292\u202f233\u202f720\u202f368\u202f547\u202f758,08\u00a0€", "-92233720368547758,08"},
    };
    char text[MONEY_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        money_format(cases[i].cents, text);
        assert_string_equal(text, cases[i].text);
        money_format_input(cases[i].cents, text);
        assert_string_equal(text, cases[i].input);
    }
}

/* What one side writes the other reads back to the cent. */
static void round_trips(void **state)
{
    char text[MONEY_TEXT_SIZE];
    (void)state;
    for (int64_t cents = 0; cents <= MONEY_CENTS_MAX; cents = cents * 3 / 2 + 7) {
        int64_t back = UNTOUCHED;
        money_format_bank(cents, text);
        assert_int_equal(money_parse_bank(str_from(text), &back), 0);
        assert_int_equal(back, cents);
        money_format(cents, text);
        assert_int_equal(money_parse(str_from(text), &back), 0);
        assert_int_equal(back, cents);
        money_format_input(cents, text);
        assert_int_equal(money_parse(str_from(text), &back), 0);
        assert_int_equal(back, cents);
    }
    money_format_bank(115850, text);
    assert_string_equal(text, "1158.50");
}

static void balances_have_a_sign(void **state)
{
    static const struct reading cases[] = {
        {"23,40", 0, 2340},
        {"-12,30", 0, -1230},
        {"\u221212,30 €", 0, -1230},
        {"- 1 158,5", 0, -115850},
        {"-0", 0, 0},
        {"--1", ERR_INVALID, 0},
        {"-", ERR_INVALID, 0},
        {"", ERR_INVALID, 0},
        {"1-", ERR_INVALID, 0},
        {"+1", ERR_INVALID, 0},
        {"-99999999999", ERR_TOO_LARGE, 0},
    };
    (void)state;
    check_readings(cases, sizeof cases / sizeof cases[0], money_parse_signed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_type),     cmocka_unit_test(balances_have_a_sign),
        cmocka_unit_test(what_the_bank_writes), cmocka_unit_test(what_pages_show),
        cmocka_unit_test(round_trips),
    };
    return cmocka_run_group_tests_name("money", tests, NULL, NULL);
}
