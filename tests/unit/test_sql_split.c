/* sql_split: where a statement of a schema file ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/sql_split.c"

static void table(void **state)
{
    static const struct {
        const char *text;
        const char *statements[4];
    } cases[] = {
        {"", {NULL}},
        {"-- only a comment;\n\n  \n", {NULL}},
        {"SELECT 1;\nSELECT 2;\n", {"SELECT 1", "SELECT 2"}},
        {"SELECT 1;  \r\nSELECT 2;", {"SELECT 1", "SELECT 2"}},
        {"SELECT 1", {"SELECT 1"}},
        {"CREATE TABLE t (\n  a INT, -- a; b;\n  b INT -- last;\n); -- done\n",
         {"CREATE TABLE t (\n  a INT, \n  b INT \n)"}},
        {"CREATE TRIGGER x\n  IF a THEN SIGNAL b; END IF;\nSELECT 1;\n",
         {"CREATE TRIGGER x\n  IF a THEN SIGNAL b; END IF", "SELECT 1"}},
        {"SELECT 'a;\nb -- c';\nSELECT 2;\n", {"SELECT 'a;\nb -- c'", "SELECT 2"}},
        {"SELECT 'it''s;';\nSELECT \"-- ;\";\n", {"SELECT 'it''s;'", "SELECT \"-- ;\""}},
        {"SELECT 1--1;\n--\nSELECT `a;\n`;\n", {"SELECT 1--1", "SELECT `a;\n`"}},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str rest = str_from(cases[i].text);
        for (size_t k = 0; cases[i].statements[k]; k++) {
            struct str statement = sql_split_next(rest, &arena, &rest);
            assert_non_null(statement.ptr);
            assert_string_equal(statement.ptr, cases[i].statements[k]);
        }
        assert_null(sql_split_next(rest, &arena, &rest).ptr);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
