/* contracts_file: what is written comes back; what is not ours is refused; hidden tokens of forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/rand.h"
#include "server/contracts_file.c"
#include "server/csrf.c"

static char directory[] = "/tmp/dp-test-contracts-XXXXXX";
static struct config config;

static void path_of(char out[PATH_SIZE])
{
    file_path(&config, "", out);
}

static void put_file(const char *text)
{
    char path[PATH_SIZE];
    path_of(path);
    assert_int_equal(write_synced(path, str_from(text)), 0);
}

static int make_directory(void **state)
{
    (void)state;
    config.journal.directory = mkdtemp(directory);
    return config.journal.directory ? 0 : -1;
}

static int remove_directory(void **state)
{
    char path[PATH_SIZE];
    (void)state;
    path_of(path);
    unlink(path);
    return rmdir(directory);
}

static void round_trip(void **state)
{
    const struct contract_record written[] = {
        {.id = 1,
         .gateway = STR("spplus"),
         .merchant_id = STR("00000000000001-01"),
         .payment_url = STR("https://bank.example/pay do"),
         .sealed_key = {"\0\n \xff", 4},
         .currency = STR("978"),
         .bank_ref_len = 8,
         .callback_extra = STR(""),
         .means = STR("CBS,AMX")},
        {.id = 2, .gateway = STR("x"), .bank_ref_len = 0},
    };
    struct contract_record *read;
    struct arena arena;
    struct stat file;
    unsigned n;
    char path[PATH_SIZE];
    (void)state;
    arena_init(&arena, 1 << 20);
    assert_int_equal(contracts_file_read(&config, &arena, &read, &n), ERR_NOT_FOUND);
    assert_int_equal(contracts_file_write(&config, written, 2), 0);
    assert_int_equal(contracts_file_read(&config, &arena, &read, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(read[0].id, 1);
    assert_int_equal(read[0].bank_ref_len, 8);
    assert_true(str_eq(read[0].sealed_key, written[0].sealed_key));
    assert_true(str_eq(read[0].payment_url, written[0].payment_url));
    assert_true(str_eq(read[0].means, written[0].means));
    assert_int_equal(read[1].merchant_id.len, 0);
    path_of(path);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    arena_done(&arena);
}

static void damaged_files(void **state)
{
    static const char *const bad[] = {"", "something else\n", FIRST_LINE "\nx\n", FIRST_LINE "\n1 8 zz\n",
                                      FIRST_LINE "\n1 8 7\n"};
    struct contract_record *read;
    struct arena arena;
    unsigned n;
    (void)state;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put_file(bad[i]);
        assert_int_equal(contracts_file_read(&config, &arena, &read, &n), ERR_CORRUPT);
    }
    arena_done(&arena);
}

/* Cut at the largest size, the first contracts of a longer file would pass for all of them. */
static void too_large_a_file(void **state)
{
    static const char line[] = "1 8       \n";
    char *text = malloc(FILE_MAX + sizeof line + sizeof FIRST_LINE);
    struct contract_record *read;
    struct arena arena;
    unsigned n;
    size_t len = sizeof FIRST_LINE;
    (void)state;
    arena_init(&arena, 1 << 20);
    memcpy(text, FIRST_LINE "\n", sizeof FIRST_LINE + 1);
    while (len <= FILE_MAX) {
        memcpy(text + len, line, sizeof line);
        len += sizeof line - 1;
    }
    put_file(text);
    assert_int_equal(contracts_file_read(&config, &arena, &read, &n), ERR_CORRUPT);
    arena_done(&arena);
    free(text);
}

static void tokens_belong_to_one_cookie(void **state)
{
    struct csrf csrf = {digest_hmac_new_sha256("key", 3)};
    struct arena arena;
    struct str token;
    (void)state;
    arena_init(&arena, 1 << 16);
    token = csrf_token(&csrf, &arena, STR("cookie"));
    assert_int_equal(token.len, 43);
    assert_true(csrf_matches(&csrf, &arena, STR("cookie"), token));
    assert_false(csrf_matches(&csrf, &arena, STR("cookie2"), token));
    assert_false(csrf_matches(&csrf, &arena, STR("cookie"), str_slice(token.ptr, 42)));
    assert_false(csrf_matches(&csrf, &arena, STR("cookie"), STR_NULL));
    assert_false(csrf_matches(&csrf, &arena, STR(""), csrf_token(&csrf, &arena, STR(""))));
    csrf_done(&csrf);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(too_large_a_file),
        cmocka_unit_test(tokens_belong_to_one_cookie),
    };
    rand_init();
    return cmocka_run_group_tests_name("contracts_file", tests, make_directory, remove_directory);
}
