/* sealed_call: a contract of SP Plus with a key of our own, and its seal computed by a second reading of a call: values
 * cut out by hand, one after the other, under one HMAC. */
#ifndef DP_TESTS_FUZZ_SEALED_CALL_H
#define DP_TESTS_FUZZ_SEALED_CALL_H

#include "common/encode.h"
#include "common/gateway/spplus.h"
#include "fuzz/fuzz.h"

static struct gateway_contract sealed_contract = {
    .id = 7,
    .gateway = &gateway_spplus,
    .merchant_id = STR("12345678901234-01"),
    .currency = STR("978"),
    .means = STR("CBS"),
    .bank_ref_len = 8,
};

static inline void sealed_init(void)
{
    FUZZ_CHECK(gateway_spplus.key_new(STR("000102030405060708090a0b0c0d0e0f10111213"), &sealed_contract.key) == 0);
}

static inline bool is_seal_pair(struct str pair)
{
    return str_eq_text(pair, "hmac") || str_starts_with(pair, STR("hmac="));
}

/* The values of all pairs but the seal's, one after the other. `ret_pairs` counts them, `ret_seals` the others. */
static inline struct str joined_values(struct str raw, struct arena *arena, size_t *ret_pairs, size_t *ret_seals)
{
    char *out = arena_alloc(arena, raw.len + 1);
    size_t len = 0, pairs = 0, seals = 0;

    for (size_t begin = 0; raw.len > 0 && begin <= raw.len;) {
        const char *end = memchr(raw.ptr + begin, '&', raw.len - begin);
        struct str pair = str_slice(raw.ptr + begin, end ? (size_t)(end - raw.ptr) - begin : raw.len - begin);
        const char *equals = memchr(pair.ptr, '=', pair.len);
        *(is_seal_pair(pair) ? &seals : &pairs) += 1;
        if (equals && !is_seal_pair(pair)) {
            size_t value_len = pair.len - (size_t)(equals - pair.ptr) - 1;
            memcpy(out + len, equals + 1, value_len);
            len += value_len;
        }
        begin += pair.len + 1;
    }
    *ret_pairs = pairs;
    *ret_seals = seals;
    return str_slice(out, len);
}

static inline void seal_of(struct str message, char out[SPPLUS_SEAL_DIGITS + 1])
{
    spplus_seal(sealed_contract.key, &message, 1, out);
}

#endif
