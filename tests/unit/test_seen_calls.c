/* seen_calls: what was acknowledged within the hour, and no more than fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/rand.h"
#include "server/seen_calls.c"

static const uint8_t *id_of(unsigned number)
{
    static uint8_t id[EVENT_ID_LEN];

    memcpy(id, &number, sizeof number);
    return id;
}

static void for_an_hour(void **state)
{
    struct seen_calls *seen = seen_calls_new();
    (void)state;

    assert_false(seen_calls_has(seen, id_of(0), 50));
    seen_calls_insert(seen, id_of(0), 50);
    assert_true(seen_calls_has(seen, id_of(0), 50));
    assert_false(seen_calls_has(seen, id_of(1), 50));
    seen_calls_insert(seen, id_of(0), 1000); /* does not begin the hour again */
    assert_int_equal(seen->last, 1);
    assert_true(seen_calls_has(seen, id_of(0), 49 + SEEN_CALLS_AGE_MS));
    assert_false(seen_calls_has(seen, id_of(0), 50 + SEEN_CALLS_AGE_MS));
    seen_calls_insert(seen, id_of(0), 50 + SEEN_CALLS_AGE_MS);
    assert_true(seen_calls_has(seen, id_of(0), 49 + 2 * (int64_t)SEEN_CALLS_AGE_MS));
    seen_calls_free(seen);
}

static void the_oldest_goes(void **state)
{
    struct seen_calls *seen = seen_calls_new();
    unsigned last = 3 * SEEN_CALLS_MAX + 7;
    (void)state;

    for (unsigned i = 0; i < SEEN_CALLS_MAX; i++)
        seen_calls_insert(seen, id_of(i), i);
    assert_true(seen_calls_has(seen, id_of(0), SEEN_CALLS_MAX));
    for (unsigned i = SEEN_CALLS_MAX; i <= last; i++) {
        seen_calls_insert(seen, id_of(i), i);
        assert_false(seen_calls_has(seen, id_of(i - SEEN_CALLS_MAX), i));
        assert_true(seen_calls_has(seen, id_of(i - SEEN_CALLS_MAX + 1), i));
    }
    seen_calls_free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(for_an_hour),
        cmocka_unit_test(the_oldest_goes),
    };
    rand_init();
    return cmocka_run_group_tests_name("seen_calls", tests, NULL, NULL);
}
