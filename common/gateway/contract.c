#include "common/gateway/contract.h"

#include <sodium.h>

#include "common/err.h"

static int open_key(const struct contract_record *record, const struct gateway *gateway, const struct vault *vault,
                    bool demonstration, struct arena *arena, struct gateway_key **ret)
{
    struct str material;
    int err = vault_unseal(vault, record->sealed_key, arena, &material);
    if (err)
        return err;
    if (!demonstration && gateway->is_demonstration(record->merchant_id, material))
        err = ERR_FORBIDDEN;
    else
        err = gateway->key_new(material, ret);
    sodium_memzero((void *)(uintptr_t)material.ptr, material.len);
    return err;
}

int contract_open(const struct contract_record *record, const struct vault *vault, bool demonstration,
                  struct arena *arena, struct gateway_contract *ret)
{
    const struct gateway *gateway = gateway_find(record->gateway);
    struct gateway_key *key = NULL;
    int err = gateway ? open_key(record, gateway, vault, demonstration, arena, &key) : ERR_NOT_FOUND;
    *ret = (struct gateway_contract){0};
    if (err == ERR_NOT_FOUND || err == ERR_FORBIDDEN)
        return err;
    *ret = (struct gateway_contract){
        .id = record->id,
        .gateway = gateway,
        .merchant_id = arena_str(arena, record->merchant_id),
        .payment_url = arena_str(arena, record->payment_url),
        .currency = arena_str(arena, record->currency),
        .means = arena_str(arena, record->means),
        .bank_ref_len = (unsigned)record->bank_ref_len,
        .callback_extra = arena_str(arena, record->callback_extra),
        .query_url = arena_str(arena, record->query_url),
        .query_states = arena_str(arena, record->query_states),
        .key = key,
    };
    return err;
}
