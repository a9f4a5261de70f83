/* lookup: what was added is found at its first place, nothing else is; growth keeps what stands there. */
#include "worker/lookup.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ARENA_MAX = 1 << 20, N_KEYS = 1000 };

static void empty(void **state)
{
    struct lookup lookup = {0};
    size_t place = 7;
    (void)state;
    assert_false(lookup_find(&lookup, STR("a"), &place));
    assert_int_equal(place, 7);
}

static void first_place_stays(void **state)
{
    struct lookup lookup = {0};
    struct arena arena;
    size_t place;
    (void)state;
    arena_init(&arena, ARENA_MAX);
    assert_true(lookup_add(&lookup, STR("a"), 1, &arena));
    assert_false(lookup_add(&lookup, STR("a"), 2, &arena));
    assert_true(lookup_add(&lookup, STR_NULL, 3, &arena));
    assert_false(lookup_add(&lookup, STR(""), 4, &arena));
    assert_true(lookup_find(&lookup, STR("a"), &place) && place == 1);
    assert_true(lookup_find(&lookup, STR_NULL, &place) && place == 3);
    assert_false(lookup_find(&lookup, STR("b"), &place));
    assert_int_equal(lookup.n_keys, 2);
    arena_done(&arena);
}

static void many(void **state)
{
    static int64_t keys[N_KEYS];
    struct lookup lookup = {0};
    struct arena arena;
    size_t place;
    (void)state;
    arena_init(&arena, ARENA_MAX);
    for (int64_t i = 0; i < N_KEYS; i++) {
        keys[i] = i * 1000;
        assert_true(lookup_add(&lookup, LOOKUP_NUMBER(&keys[i]), (size_t)i, &arena));
    }
    for (int64_t i = 0; i < N_KEYS; i++) {
        int64_t known = i * 1000, unknown = i * 1000 + 1;
        assert_true(lookup_find(&lookup, LOOKUP_NUMBER(&known), &place) && place == (size_t)i);
        assert_false(lookup_find(&lookup, LOOKUP_NUMBER(&unknown), &place));
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(first_place_stays),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
