/* contract: a row of bank_contracts made ready for use. */
#ifndef DP_COMMON_GATEWAY_CONTRACT_H
#define DP_COMMON_GATEWAY_CONTRACT_H

#include "common/gateway/gateway.h"
#include "common/vault.h"

/* A row of bank_contracts; texts are borrowed. */
struct contract_record {
    int64_t id;
    struct str gateway, merchant_id, payment_url, sealed_key, currency;
    int64_t bank_ref_len;
    struct str callback_extra, means, query_url, query_states;
};

/* Texts go to `arena`; the key is the caller's (gateway->key_free). With `demonstration` false the bank's published
 * merchant and key are refused: ERR_FORBIDDEN. ERR_NOT_FOUND for a gateway that there is not; after both ret->gateway
 * is NULL. ERR_CORRUPT for a key that this vault did not seal, else as gateway->key_new: *ret then has all but its key,
 * so that calls of this merchant are known to be somebody's and are kept. */
int contract_open(const struct contract_record *record, const struct vault *vault, bool demonstration,
                  struct arena *arena, struct gateway_contract *ret);

#endif
