/* form: strict decoding; what no browser sends is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/err.h"
#include "server/form.c"

static const struct {
    struct str encoded;
    int err;
    unsigned n_fields;
    const char *first_name, *first_value;
} cases[] = {
    {{"", 0}, 0, 0, NULL, NULL},
    {{"a=b", 3}, 0, 1, "a", "b"},
    {{"a=", 2}, 0, 1, "a", ""},
    {{"a", 1}, 0, 1, "a", ""},
    {{"a=b&c=d", 7}, 0, 2, "a", "b"},
    {{"a=b=c", 5}, 0, 1, "a", "b=c"},
    {{"montant=1+158%2C50+%E2%82%AC", 28}, 0, 1, "montant", "1 158,50 \xe2\x82\xac"},
    {{"%61=%26%3D%2b", 13}, 0, 1, "a", "&=+"},
    {{"commentaires=a%0D%0Ab", 21}, 0, 1, "commentaires", "a\r\nb"},
    {{"a=b&a=c", 7}, ERR_INVALID, 0, NULL, NULL},
    {{"a=b&%61=c", 9}, ERR_INVALID, 0, NULL, NULL}, /* the same name, written otherwise */
    {{"a=%4", 4}, ERR_INVALID, 0, NULL, NULL},
    {{"a=%", 3}, ERR_INVALID, 0, NULL, NULL},
    {{"a=%G1", 5}, ERR_INVALID, 0, NULL, NULL},
    {{"a=%00", 5}, ERR_INVALID, 0, NULL, NULL},
    {{"a=\0", 3}, ERR_INVALID, 0, NULL, NULL},
    {{"a%00=b", 6}, ERR_INVALID, 0, NULL, NULL},
    {{"a=%C3", 5}, ERR_INVALID, 0, NULL, NULL},
    {{"a=%C0%80", 8}, ERR_INVALID, 0, NULL, NULL},
    {{"a=%ED%A0%80", 11}, ERR_INVALID, 0, NULL, NULL},
    {{"=b", 2}, ERR_INVALID, 0, NULL, NULL},
    {{"a=b&", 4}, ERR_INVALID, 0, NULL, NULL},
    {{"&a=b", 4}, ERR_INVALID, 0, NULL, NULL},
    {{"a=b&&c=d", 8}, ERR_INVALID, 0, NULL, NULL},
};

static void decoding_table(void **state)
{
    struct arena arena;
    struct form form;
    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(form_parse(&arena, cases[i].encoded, &form), cases[i].err);
        if (cases[i].err != 0)
            continue;
        assert_int_equal(form.n_fields, cases[i].n_fields);
        if (cases[i].first_name)
            assert_true(str_eq_text(form_get(&form, cases[i].first_name), cases[i].first_value));
    }
    arena_done(&arena);
}

static void absent_is_not_empty(void **state)
{
    struct arena arena;
    struct form form;
    (void)state;
    arena_init(&arena, 1 << 20);
    assert_int_equal(form_parse(&arena, STR("vide="), &form), 0);
    assert_non_null(form_get(&form, "vide").ptr);
    assert_int_equal(form_get(&form, "vide").len, 0);
    assert_null(form_get(&form, "absent").ptr);
    arena_done(&arena);
}

static void one_field_may_be_repeated(void **state)
{
    struct arena arena;
    struct form form;
    (void)state;
    arena_init(&arena, 1 << 20);
    assert_int_equal(form_parse_repeated(&arena, STR("a=1&b=2&a=3&a=1"), "a", &form), 0);
    assert_int_equal(form.n_fields, 4);
    assert_true(str_eq(form.fields[2].value, STR("3")));
    assert_int_equal(form_parse_repeated(&arena, STR("a=1&b=2&a=3&b=2"), "a", &form), ERR_INVALID);
    assert_int_equal(form_parse(&arena, STR("a=1&b=2&a=3"), &form), ERR_INVALID);
    arena_done(&arena);
}

static int parse_fields(unsigned count, struct form *form)
{
    struct arena arena;
    struct buf text;

    arena_init(&arena, 1 << 20);
    buf_init(&text, 1 << 16);
    for (unsigned i = 0; i < count; i++)
        buf_printf(&text, "%sf%u=%u", i ? "&" : "", i, i);
    int err = form_parse(&arena, buf_str(&text), form);
    buf_done(&text);
    arena_done(&arena);
    return err;
}

static void field_limit(void **state)
{
    struct form form;
    (void)state;
    assert_int_equal(parse_fields(FORM_FIELDS_MAX, &form), 0);
    assert_int_equal(form.n_fields, FORM_FIELDS_MAX);
    assert_int_equal(parse_fields(FORM_FIELDS_MAX + 1, &form), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_table),
        cmocka_unit_test(absent_is_not_empty),
        cmocka_unit_test(one_field_may_be_repeated),
        cmocka_unit_test(field_limit),
    };
    return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
