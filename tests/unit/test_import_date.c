/* import_date: days and moments as spreadsheets write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/import_date.c"

static void days(void **state)
{
    static const struct {
        const char *text, *date; /* NULL: refused */
    } cases[] = {
        {"31/01/2027", "2027-01-31"},
        {"2027-01-31", "2027-01-31"},
        {"1/2/2028", "2028-02-01"},
        {"29/02/2028", "2028-02-29"},
        {"29/02/2027", NULL},
        {"31/11/2026", NULL},
        {"00/01/2027", NULL},
        {"01/13/2027", NULL},
        {"01/01/1999", NULL},
        {"01/01/2100", NULL},
        {"2027/01/31", NULL},
        {"01/01/2027/", NULL},
        {"01/01", NULL},
        {"", NULL},
        {"-1/01/2027", NULL},
        {"01/01/2027 18:30", NULL},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str date = STR_NULL;
        bool read = import_date_read(str_from(cases[i].text), &arena, &date);
        if (read != (cases[i].date != NULL) || (read && !str_eq_text(date, cases[i].date)))
            fail_msg("\"%s\": %.*s", cases[i].text, STR_ARG(date));
    }
    arena_done(&arena);
}

static void moments(void **state)
{
    static const struct {
        const char *text, *moment; /* NULL: refused */
    } cases[] = {
        {"28/11/2026", "2026-11-27 23:00:00.000000"}, /* the day begins in Paris */
        {"2026-07-28", "2026-07-27 22:00:00.000000"}, /* in summer, too */
        {"28/11/2026 18:30", "2026-11-28 17:30:00.000000"},
        {"2026-11-28 00:00", "2026-11-27 23:00:00.000000"},
        {"28/11/2026 24:00", NULL},
        {"28/11/2026 12:60", NULL},
        {"28/11/2026 12", NULL},
        {"28/11/2026 ", NULL},
        {"28/11/2026T12:00", NULL},
        {"28/11/2026 12:00:00", NULL},
        {"18:30", NULL},
        {"", NULL},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = 0;
        bool read = import_moment_read(str_from(cases[i].text), &us);
        struct str moment = import_moment_sql(&arena, us);
        if (read != (cases[i].moment != NULL) || (read && !str_eq_text(moment, cases[i].moment)))
            fail_msg("\"%s\": %.*s", cases[i].text, STR_ARG(moment));
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days),
        cmocka_unit_test(moments),
    };
    if (clock_set_zone("Europe/Paris"))
        return 1;
    return cmocka_run_group_tests_name("import_date", tests, NULL, NULL);
}
