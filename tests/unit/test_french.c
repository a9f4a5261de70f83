/* What is said in French: moments as the wall clock shows them, claims by their number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/french.h"

static int set_paris(void **state)
{
    (void)state;
    return clock_set_zone("Europe/Paris");
}

static void moments_for_html(void **state)
{
    static const struct {
        const char *utc, *local;
    } cases[] = {
        {"2026-03-29T00:59:59Z", "2026-03-29T01:59:59+01:00"},
        {"2026-03-29T01:00:00Z", "2026-03-29T03:00:00+02:00"}, /* summer time begins */
        {"2026-10-25T00:30:00Z", "2026-10-25T02:30:00+02:00"},
        {"2026-10-25T01:30:00Z", "2026-10-25T02:30:00+01:00"}, /* the same hour once more */
        {"1969-12-31T22:59:59Z", "1969-12-31T23:59:59+01:00"},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us;
        assert_int_equal(clock_from_rfc3339(str_from(cases[i].utc), &us), 0);
        assert_string_equal(french_time_iso(&arena, us).ptr, cases[i].local);
    }
    arena_done(&arena);
}

static void a_number_is_said_once(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    assert_string_equal(french_claim(&arena, STR("150509"), STR("Forfait avril–juin")).ptr,
                        "n°\u00a0150509, Forfait avril–juin");
    assert_string_equal(french_claim(&arena, STR("150509"), STR("Forfait (avis n° 150509)")).ptr,
                        "Forfait (avis n° 150509)");
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(moments_for_html, set_paris),
        cmocka_unit_test(a_number_is_said_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
