/* redis_command: the same bytes as hiredis makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>

#include "server/redis_command.h"

enum { ARGS_MAX = 48, LEN_MAX = 100001 };

static void check(unsigned argc, const struct str *argv)
{
    const char *texts[ARGS_MAX];
    size_t lengths[ARGS_MAX];
    struct buf ours;
    char *theirs;

    for (unsigned i = 0; i < argc; i++) {
        texts[i] = argv[i].ptr ? argv[i].ptr : "";
        lengths[i] = argv[i].len;
    }
    long long len = redisFormatCommandArgv(&theirs, (int)argc, texts, lengths);
    buf_init(&ours, (size_t)len + 4096);
    redis_command_format(&ours, argc, argv);
    assert_true(buf_ok(&ours));
    assert_int_equal(ours.len, len);
    assert_memory_equal(ours.ptr, theirs, (size_t)len);
    redisFreeCommand(theirs);
    buf_done(&ours);
}

static void as_hiredis_does(void **state)
{
    static char long_text[LEN_MAX];
    static const size_t lengths[] = {0, 1, 9, 10, 11, 99, 100, 9999, 10000, LEN_MAX};
    struct str argv[ARGS_MAX];
    (void)state;

    memset(long_text, '\n', sizeof long_text);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const struct str one[] = {STR("SET"), str_slice(long_text, lengths[i]), STR("\0\r\n$1\r\n")};
        check(3, one);
    }
    check(1, (const struct str[]){STR("PING")});
    check(2, (const struct str[]){STR("GET"), STR_NULL});
    for (unsigned i = 0; i < ARGS_MAX; i++)
        argv[i] = str_slice(long_text, i);
    for (unsigned argc = 9; argc <= ARGS_MAX; argc++)
        check(argc, argv);
}

static void too_long(void **state)
{
    struct buf out;
    (void)state;

    buf_init(&out, 64);
    redis_command_format(&out, 1,
                         (const struct str[]){STR("0123456789012345678901234567890123456789012345678901234567890123")});
    assert_false(buf_ok(&out));
    assert_int_equal(out.len, 0);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_hiredis_does),
        cmocka_unit_test(too_long),
    };
    return cmocka_run_group_tests_name("redis_command", tests, NULL, NULL);
}
