/* vault: what is sealed comes back, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/vault.c"

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static char path[] = "/tmp/dp_vault_XXXXXX";

static int open_with(const char *text, mode_t mode, struct vault **ret)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
    return vault_open(path, ret);
}

static void key_files(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
        int err;
    } cases[] = {
        {KEY_A, 0600, 0},
        {KEY_A "\n", 0400, 0},
        {" " KEY_A " \r\n", 0440, 0},
        {KEY_A "\n", 0604, ERR_FORBIDDEN},
        {KEY_A "\n", 0620, ERR_FORBIDDEN},
        {KEY_A "\n", 0602, ERR_FORBIDDEN},
        {"", 0600, ERR_INVALID},
        {KEY_A "0", 0600, ERR_INVALID},
        {KEY_A "                                   ", 0600, ERR_INVALID},
        {"0001", 0600, ERR_INVALID},
        {"zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 0600, ERR_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vault *vault = NULL;
        print_message("%zu\n", i);
        assert_int_equal(open_with(cases[i].text, cases[i].mode, &vault), cases[i].err);
        assert_int_equal(vault != NULL, cases[i].err == 0);
        vault_free(vault);
    }
    struct vault *none = NULL;
    assert_int_equal(vault_open("/nonexistent", &none), ERR_IO);
    assert_int_equal(vault_open("/dev/null", &none), ERR_INVALID);
    vault_free(NULL);
}

static void seal_and_unseal(void **state)
{
    static const struct str secrets[] = {STR(""), STR("58 6d fc 9c"), {"a\0b", 3}};
    struct vault *vault = NULL, *other = NULL;
    struct arena arena;
    (void)state;
    arena_init(&arena, 1 << 16);
    assert_int_equal(open_with(KEY_B, 0600, &other), 0);
    assert_int_equal(open_with(KEY_A, 0600, &vault), 0);
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        struct str sealed = vault_seal(vault, secrets[i], &arena), secret = STR_NULL;
        struct str again = vault_seal(vault, secrets[i], &arena);
        assert_int_equal(sealed.len, secrets[i].len + VAULT_OVERHEAD);
        assert_false(str_eq(sealed, again));
        assert_int_equal(vault_unseal(vault, sealed, &arena, &secret), 0);
        assert_true(str_eq(secret, secrets[i]));
        assert_int_equal(vault_unseal(other, sealed, &arena, &secret), ERR_CORRUPT);
    }
    vault_free(vault);
    vault_free(other);
    arena_done(&arena);
}

static void every_changed_byte_is_seen(void **state)
{
    struct vault *vault = NULL;
    struct arena arena;
    struct str secret = STR_NULL;
    (void)state;
    arena_init(&arena, 1 << 20);
    assert_int_equal(open_with(KEY_A, 0600, &vault), 0);
    struct str sealed = vault_seal(vault, STR("secret"), &arena);
    for (size_t i = 0; i < sealed.len; i++) {
        char *changed = arena_text(&arena, sealed);
        changed[i] ^= 1;
        assert_int_equal(vault_unseal(vault, str_slice(changed, sealed.len), &arena, &secret), ERR_CORRUPT);
        assert_int_equal(vault_unseal(vault, str_slice(sealed.ptr, i), &arena, &secret), ERR_CORRUPT);
    }
    vault_free(vault);
    arena_done(&arena);
}

static void derived_keys(void **state)
{
    static const char *const purposes[] = {"csrf", "contracts", "contracts2", "seal"};
    uint8_t keys[4][VAULT_KEY_LEN], again[VAULT_KEY_LEN];
    struct vault *vault = NULL;
    (void)state;
    assert_int_equal(open_with(KEY_A, 0600, &vault), 0);
    for (size_t i = 0; i < 4; i++)
        vault_derive(vault, purposes[i], keys[i]);
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(keys[i], keys[j], VAULT_KEY_LEN);
    }
    vault_derive(vault, "csrf", again);
    assert_memory_equal(keys[0], again, VAULT_KEY_LEN);
    vault_free(vault);
}

static int make_file(void **state)
{
    int fd = mkstemp(path);
    (void)state;
    return fd < 0 || close(fd) || sodium_init() < 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_files),
        cmocka_unit_test(seal_and_unseal),
        cmocka_unit_test(every_changed_byte_is_seen),
        cmocka_unit_test(derived_keys),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
