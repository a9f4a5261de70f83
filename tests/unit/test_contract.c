/* contract: which rows of bank_contracts may be used, and that the opened key does not stay in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/rand.h"
#include "common/vault.h"

static struct str opened; /* as the vault gave it last */

static int watched_unseal(const struct vault *vault, struct str sealed, struct arena *arena, struct str *ret)
{
    int err = vault_unseal(vault, sealed, arena, ret);
    opened = err ? STR_NULL : *ret;
    return err;
}

#define vault_unseal watched_unseal
#include "common/gateway/contract.c"
#undef vault_unseal

#define DEMO_KEY "58 6d fc 9c 34 91 9b 86 3f fd 64 63 c9 13 4a 26 ba 29 74 1e c7 e9 80 79"
#define OWN_KEY  "fabdb877b8ef7003f70350bb91090e76c5c75b28"
#define SHOP     "12345678901234-01"

static char path[] = "/tmp/dp_contract_XXXXXX";
static struct vault *vault;

static void opens_or_refuses(void **state)
{
    static const struct {
        const char *gateway, *merchant, *key;
        bool demonstration;
        int err;
    } cases[] = {
        {"spplus", SHOP, OWN_KEY, false, 0},
        {"spplus", SHOP, OWN_KEY, true, 0},
        {"spplus", "00000000000001-01", OWN_KEY, true, 0},
        {"spplus", "00000000000001-01", OWN_KEY, false, ERR_FORBIDDEN},
        {"spplus", SHOP, DEMO_KEY, false, ERR_FORBIDDEN},
        {"spplus", SHOP, "no key", false, ERR_INVALID},
        {"spplus", SHOP, NULL, false, ERR_CORRUPT}, /* sealed by nobody */
        {"payzen", SHOP, OWN_KEY, false, ERR_NOT_FOUND},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gateway_contract contract = {.id = 1};
        struct arena arena;
        arena_init(&arena, 1 << 20);
        struct contract_record record = {
            .id = 7,
            .gateway = str_from(cases[i].gateway),
            .merchant_id = str_from(cases[i].merchant),
            .payment_url = STR("https://bank.example/pay"),
            .sealed_key = cases[i].key ? vault_seal(vault, str_from(cases[i].key), &arena) : STR("plain"),
            .currency = STR("978"),
            .bank_ref_len = 8,
            .means = STR("CBS"),
        };
        opened = STR_NULL;
        int err = contract_open(&record, vault, cases[i].demonstration, &arena, &contract);
        if (err != cases[i].err)
            fail_msg("case %zu: %s", i, err_name(err));
        for (size_t at = 0; at < opened.len; at++)
            assert_int_equal(opened.ptr[at], 0);
        bool known = err != ERR_FORBIDDEN && err != ERR_NOT_FOUND;
        assert_ptr_equal(contract.gateway, known ? &gateway_spplus : NULL);
        assert_int_equal(contract.key != NULL, !err);
        if (known)
            assert_true(contract.id == 7 && str_eq_text(contract.merchant_id, cases[i].merchant));
        gateway_spplus.key_free(contract.key);
        arena_done(&arena);
    }
}

static int open_vault(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    rand_init();
    if (fd < 0 || dprintf(fd, "%064d\n", 1) != 65 || close(fd))
        return -1;
    return vault_open(path, &vault);
}

static int close_vault(void **state)
{
    (void)state;
    vault_free(vault);
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(opens_or_refuses)};
    return cmocka_run_group_tests_name("contract", tests, open_vault, close_vault);
}
