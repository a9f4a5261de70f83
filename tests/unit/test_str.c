/* str, buf, arena, encode and clock: the ground everything stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/encode.h"
#include "common/err.h"
#include "common/rand.h"
#include "common/str.h"

static void utf8_table(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        bool ok;
    } cases[] = {
        {"", 0, true},
        {"Ile-de-France", 13, true},
        {"\xc3\xa9", 2, true},
        {"\xe2\x82\xac", 3, true},
        {"\xf0\x9f\x8d\x9d", 4, true},
        {"a\0b", 3, true},
        {"\xc0\x80", 2, false},         /* overlong NUL */
        {"\xe0\x80\xaf", 3, false},     /* overlong slash */
        {"\xed\xa0\x80", 3, false},     /* surrogate */
        {"\xf4\x90\x80\x80", 4, false}, /* above U+10FFFF */
        {"\xc3", 1, false},             /* cut */
        {"\xe2\x82", 2, false},
        {"\x80", 1, false},
        {"\xff", 1, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(str_is_utf8(str_slice(cases[i].text, cases[i].len)), cases[i].ok);
}

static void cut_trim_number(void **state)
{
    struct str rest;
    int64_t number = 7;
    (void)state;
    assert_true(str_eq(str_cut(STR("a=b=c"), '=', &rest), STR("a")));
    assert_true(str_eq(rest, STR("b=c")));
    assert_true(str_eq(str_cut(STR("abc"), '=', &rest), STR("abc")));
    assert_null(rest.ptr);
    assert_true(str_eq(str_trim(STR(" \t x y\r\n")), STR("x y")));
    assert_int_equal(str_to_u63(STR("007"), &number), 0);
    assert_int_equal(number, 7);
    assert_int_equal(str_to_u63(STR("-1"), &number), ERR_INVALID);
    assert_int_equal(str_to_u63(STR(""), &number), ERR_INVALID);
    assert_int_equal(str_to_u63(STR("1234567890123456789"), &number), ERR_INVALID);
    assert_int_equal(number, 7);
}

static void percent_decoding(void **state)
{
    static const struct {
        const char *in;
        const char *out; /* NULL: refused */
    } cases[] = {
        {"", ""},      {"a+b", "a b"}, {"%C3%A9", "\xc3\xa9"}, {"%41", "A"},     {"%4", NULL},     {"%", NULL},
        {"%zz", NULL}, {"%00", NULL},  {"%C3", NULL},          {"a%20b", "a b"}, {"x%3Dy", "x=y"}, {"%4G", NULL},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 65536);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str out = STR_NULL;
        int err = decode_percent(&arena, str_from(cases[i].in), true, &out);
        assert_int_equal(err, cases[i].out ? 0 : ERR_INVALID);
        if (cases[i].out)
            assert_true(str_eq_text(out, cases[i].out));
    }
    arena_done(&arena);
}

static void buffer_bounds(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 8);
    buf_append(&buf, STR("12345"));
    buf_append(&buf, STR("6789"));
    assert_false(buf_ok(&buf));
    assert_int_equal(buf.len, 5);
    buf_clear(&buf);
    buf_printf(&buf, "%08d", 42); /* exactly the maximum: the NUL is not counted */
    assert_true(buf_ok(&buf));
    assert_true(str_eq(buf_str(&buf), STR("00000042")));
    buf_append_char(&buf, 'x');
    assert_false(buf_ok(&buf));
    buf_done(&buf);
}

static void encodings_round_trip(void **state)
{
    uint8_t bytes[32], back[32];
    char text[ENCODE_BASE64URL_SIZE(32) + 30];
    (void)state;
    rand_bytes(bytes, sizeof bytes);
    encode_base64url(bytes, sizeof bytes, text);
    assert_int_equal(strlen(text), 43);
    assert_int_equal(decode_base64url(str_from(text), back, sizeof back), 0);
    assert_memory_equal(bytes, back, sizeof bytes);
    assert_int_equal(decode_base64url(STR("x"), back, sizeof back), ERR_INVALID);
    assert_int_equal(decode_base64url(STR("\xf4\x90\x80\x80"), back, 3), ERR_INVALID); /* libsodium takes them */
    encode_hex(bytes, sizeof bytes, text);
    assert_int_equal(decode_hex(str_from(text), back, sizeof back), 0);
    assert_memory_equal(bytes, back, sizeof bytes);
    text[3] = 'g';
    assert_int_equal(decode_hex(str_from(text), back, sizeof back), ERR_INVALID);
}

static void moments(void **state)
{
    static const char *const bad[] = {"2026-02-31T00:00:00Z", "2026-01-01 00:00:00Z",  "2026-01-01T00:00:00",
                                      "2026-01-01T25:00:00Z", "2026-01-01T00:00:00.Z", ""};
    char text[CLOCK_RFC3339_SIZE];
    int64_t us;
    (void)state;
    assert_int_equal(clock_set_zone("Europe/Paris"), 0);
    assert_int_equal(clock_set_zone("Europe/Nowhere"), ERR_INVALID);
    assert_int_equal(clock_from_rfc3339(STR("2026-10-25T00:30:00.25Z"), &us), 0);
    clock_to_rfc3339(us, text);
    assert_string_equal(text, "2026-10-25T00:30:00.250000Z");
    assert_int_equal(clock_from_rfc3339(STR("0042-01-01T00:00:00Z"), &us), 0);
    clock_to_rfc3339(us, text);
    assert_string_equal(text, "0042-01-01T00:00:00.000000Z");
    assert_int_equal(clock_from_rfc3339(STR("2026-10-25T00:30:00.25Z"), &us), 0);
    struct clock_local first = clock_to_local(us);
    struct clock_local second = clock_to_local(us + CLOCK_HOUR_US);
    assert_int_equal(first.hour, 2); /* 02:30 happens twice that night */
    assert_int_equal(second.hour, 2);
    assert_int_equal(first.utc_offset_minutes, 120);
    assert_int_equal(second.utc_offset_minutes, 60);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(clock_from_rfc3339(str_from(bad[i]), &us), ERR_INVALID);
}

static void control_characters(void **state)
{
    static const struct {
        struct str text;
        bool has, has_but_lines;
    } cases[] = {
        {{"", 0}, false, false},
        {{"Hélène 🥕 👩\u200d🍳 «\u00a0x\u00a0» …",
          sizeof "Hélène 🥕 👩\u200d🍳 «\u00a0x\u00a0» …" - 1},
         false,
         false},
        {{"שלום\u200f!", sizeof "שלום\u200f!" - 1}, false, false},
        {{"a\nb\tc", 5}, true, false},
        {{"a\r\nBcc: x", 9}, true, true},
        {{"a\0b", 3}, true, true},
        {{"\x1b[31m", 5}, true, true},
        {{"\x7f", 1}, true, true},
        {{"\xc2\x80", 2}, true, true},
        {{"\xc2\x9f", 2}, true, true},
        {{"\xc2\xa0", 2}, false, false},
        {{"x\u2028", 4}, true, true},
        {{"\u202a", 3}, true, true},
        {{"\u202e15,50", 8}, true, true},
        {{"\u202f", 3}, false, false},
        {{"\u2065", 3}, false, false},
        {{"\u2066", 3}, true, true},
        {{"\u2069", 3}, true, true},
        {{"\u206a", 3}, false, false},
        {{"\xc2", 1}, false, false},
        {{"\xe2\x80", 2}, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *copy = calloc(1, cases[i].text.len + !cases[i].text.len); /* the sanitizer watches its end */
        memcpy(copy, cases[i].text.ptr, cases[i].text.len);
        struct str text = str_slice(copy, cases[i].text.len);
        print_message("%zu\n", i);
        assert_int_equal(str_has_control(text, ""), cases[i].has);
        assert_int_equal(str_has_control(text, "\n\t"), cases[i].has_but_lines);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_table),           cmocka_unit_test(cut_trim_number),
        cmocka_unit_test(percent_decoding),     cmocka_unit_test(buffer_bounds),
        cmocka_unit_test(encodings_round_trip), cmocka_unit_test(moments),
        cmocka_unit_test(control_characters),
    };
    rand_init();
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
