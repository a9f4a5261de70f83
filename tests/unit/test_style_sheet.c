/* style_sheet: smaller, and the same rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "templates/style_sheet.c"

static void table(void **state)
{
    static const struct {
        const char *css, *squeezed;
    } cases[] = {
        {"", ""},
        {" \n\t", ""},
        {"a { b: c; }\n", "a{b:c}"},
        {"a {\n  b: c;\n  d: e f;\n}\n\ng { h: i }\n", "a{b:c;d:e f}g{h:i}"},
        {"a, b > c , d { }", "a,b > c,d{}"},
        {"a:\n  b :c; --d: ;", "a:b :c;--d:;"},
        {"a :hover b:hover { x: y }", "a :hover b:hover{x:y}"},
        {"/* one */a/* two */b { c: d /* three; } */ e; }", "a b{c:d e}"},
        {"a { b: c; /* last */ }", "a{b:c}"},
        {"a { b: c; ; }", "a{b:c}"},
        {"@media (x) and (y: 1px) { a { b: calc(1px + 2px); } }", "@media (x) and (y:1px){a{b:calc(1px + 2px)}}"},
        {"a::before { content: \"  /* { ; } */ ' \" / \"\"; }", "a::before{content:\"  /* { ; } */ ' \" / \"\"}"},
        {"a { content: '\\' ;  x' ; }", "a{content:'\\' ;  x'}"},
        {"a { font: 1rem \"Segoe UI\", x; }", "a{font:1rem \"Segoe UI\",x}"},
        {"a { b: \"open", "a{b:\"open"},
        {"a { b: \"\\", "a{b:\"\\"},
        {"a { /* open", "a{"},
        {"/*/ a */ b", "b"},
        {"a /", "a /"},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str squeezed = style_sheet_squeeze(&arena, str_from(cases[i].css));
        print_message("%s\n", cases[i].css);
        assert_true(str_eq_text(squeezed, cases[i].squeezed));
        assert_true(str_eq(style_sheet_squeeze(&arena, squeezed), squeezed));
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
