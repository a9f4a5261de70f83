/* csv: what a spreadsheet must not misread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/csv.c"

static void texts(void **state)
{
    static const struct {
        struct str in;
        const char *out;
    } cases[] = {
        {STR(""), ""},
        {STR("Durand"), "Durand"},
        {STR("Julia Durand"), "\"Julia Durand\""},
        {STR("L'Haÿ"), "\"L'Haÿ\""},
        {STR("a;b"), "\"a;b\""},
        {STR("dit \"Jo\""), "\"dit \"\"Jo\"\"\""},
        {STR("a\r\nb"), "\"a  b\""},
        {STR("=1+1"), "\"'=1+1\""},
        {STR("+33"), "\"'+33\""},
        {STR("-5"), "\"'-5\""},
        {STR("@SUM(A1)"), "\"'@SUM(A1)\""},
        {STR("\t=1"), "\"' =1\""},
        {STR("a\0b"), "\"a b\""}, /* readers trim bare fields */
        {STR("\x7f"), "\" \""},
        {STR("5-3"), "5-3"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, 100);
        csv_text(&out, cases[i].in);
        assert_int_equal(out.len, strlen(cases[i].out));
        if (out.len > 0)
            assert_memory_equal(out.ptr, cases[i].out, out.len);
        buf_done(&out);
    }
}

static void a_line(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 100);
    csv_text(&out, STR("x"));
    csv_next_field(&out);
    csv_money(&out, 115850);
    csv_end_line(&out);
    assert_true(str_eq(buf_str(&out), STR("x;1158,50\r\n")));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(a_line)};
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
