/* row_key: from a link to a row's key, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/row_key.c"

static void keys(void **state)
{
    static const struct {
        const char *text;
        int err;
        int64_t us, id;
    } cases[] = {
        {NULL, 0, ROW_KEY_NEWEST_US, 0},
        {"", 0, ROW_KEY_NEWEST_US, 0},
        {"1774777320123456.42", 0, INT64_C(1774777320123456), 42},
        {"0.0", 0, 0, 0},
        {"32503680000000000.1", 0, ROW_KEY_NEWEST_US, 1},
        {"32503680000000001.1", ERR_INVALID, 0, 0}, /* no DATETIME */
        {"1774777320123456", ERR_INVALID, 0, 0},
        {"1774777320123456.", ERR_INVALID, 0, 0},
        {".42", ERR_INVALID, 0, 0},
        {"1.2.3", ERR_INVALID, 0, 0},
        {"-1.2", ERR_INVALID, 0, 0},
        {"1e3.2", ERR_INVALID, 0, 0},
        {" 1.2", ERR_INVALID, 0, 0},
        {"9999999999999999999.1", ERR_INVALID, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = -1, id = -1;
        assert_int_equal(row_key_read(str_from(cases[i].text), &us, &id), cases[i].err);
        assert_true(us == (cases[i].err ? -1 : cases[i].us) && id == (cases[i].err ? -1 : cases[i].id));
    }
}

static void text_is_read_back(void **state)
{
    struct arena arena;
    int64_t us, id;
    (void)state;

    arena_init(&arena, 1 << 12);
    assert_int_equal(row_key_read(row_key_text(&arena, 1774777320123456, 7), &us, &id), 0);
    assert_true(us == 1774777320123456 && id == 7);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(text_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
