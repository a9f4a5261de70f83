/* history_parts: the lines of a payment as the history tells them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/history_parts.c"

static void an_account_is_named_once(void **state)
{
    static const struct {
        const char *text, *names;
        unsigned n_parts;
        int64_t first_cents;
    } cases[] = {
        {"", "", 0, 0},
        {"7\tJulia\tDurand\t15850", "Julia Durand", 1, 15850},
        {"7\tJulia\tDurand\t15850\n7\tJulia\tDurand\t4500", "Julia Durand", 1, 20350},
        {"7\tJulia\tDurand\t100\n8\tZoé\tLe Gall\t200\n7\tJulia\tDurand\t1", "Julia Durand, Zoé Le Gall", 2, 101},
        {"7\tJulia\tDurand\t100\n8\tJulia\tDurand\t200", "Julia Durand, Julia Durand", 2, 100}, /* two pupils */
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct history_parts parts;
        history_parts_read(&parts, str_from(cases[i].text));
        assert_int_equal(parts.n_items, cases[i].n_parts);
        assert_true(str_eq_text(history_parts_names(&parts, &arena), cases[i].names));
        if (parts.n_items > 0)
            assert_int_equal(parts.items[0].cents, cases[i].first_cents);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_is_named_once),
    };
    return cmocka_run_group_tests_name("history_parts", tests, NULL, NULL);
}
