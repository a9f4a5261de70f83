/* history_filter: from the query of a link to the parameters of SQL_HISTORY, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/rand.h"
#include "server/form.c"
#include "server/history_filter.c"
#include "server/row_key.c"

static int read_query(struct arena *arena, const char *query, struct history_filter *ret)
{
    struct form form;
    assert_int_equal(form_parse(arena, str_from(query), &form), 0);
    return history_filter_read(&form, ret);
}

static void queries_round_trip(void **state)
{
    static const struct {
        const char *query, *back;
    } cases[] = {
        {"", ""},
        {"compte=&etat=&annee=", ""},
        {"compte=7", "?compte=7"},
        {"annee=2026&etat=valides&compte=7", "?compte=7&etat=valides&annee=2026"},
        {"etat=attente&avant=1795417028152965.12", "?etat=attente"},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct history_filter filter;
        assert_int_equal(read_query(&arena, cases[i].query, &filter), 0);
        assert_true(str_eq_text(history_filter_query(&filter, &arena), cases[i].back));
        assert_int_equal(history_filter_is_set(&filter), cases[i].back[0] != '\0');
    }
    arena_done(&arena);
}

static void what_no_link_of_ours_says(void **state)
{
    static const char *const bad[] = {"compte=x",   "compte=-1", "etat=PAID", "annee=26",
                                      "annee=3000", "avant=5",   "avant=.5",  "avant=5.x"};
    struct history_filter filter;
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(read_query(&arena, bad[i], &filter), ERR_INVALID);
    arena_done(&arena);
}

static void a_school_year_runs_from_september(void **state)
{
    struct history_filter filter = {.year = 2026, .before_us = ROW_KEY_NEWEST_US};
    struct db_value params[HISTORY_PARAMS_MAX];
    char text[CLOCK_RFC3339_SIZE];
    (void)state;
    history_filter_params(&filter, SQL_HISTORY_CHOSEN, 1, 2, 26, params);
    clock_to_rfc3339(params[5].number, text);
    assert_string_equal(text, "2026-08-31T22:00:00.000000Z"); /* midnight in Paris */
    assert_int_equal(history_school_year(params[5].number), 2026);
    assert_int_equal(history_school_year(params[5].number - 1), 2025);
    assert_int_equal(history_school_year(params[6].number - 1), 2026);
    assert_int_equal(history_school_year(params[6].number), 2027);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_round_trip),
        cmocka_unit_test(what_no_link_of_ours_says),
        cmocka_unit_test(a_school_year_runs_from_september),
    };
    rand_init();
    assert_int_equal(clock_set_zone("Europe/Paris"), 0);
    return cmocka_run_group_tests_name("history_filter", tests, NULL, NULL);
}
