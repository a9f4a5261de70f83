#include "common/gateway/spplus.h"

#include "common/encode.h"
#include "common/err.h"

#define SEAL_NAME "hmac"

int spplus_read_pairs(struct str raw, struct spplus_pairs *ret)
{
    struct str rest = raw.len > 0 ? raw : STR_NULL; /* nothing has no pair, not an empty one */

    ret->count = ret->seals = 0;
    ret->seal = STR_NULL;
    if (raw.len > GATEWAY_RAW_MAX)
        return ERR_TOO_LARGE;
    while (rest.ptr) {
        struct spplus_pair pair;
        pair.name = str_cut(str_cut(rest, '&', &rest), '=', &pair.value);
        if (str_eq_text(pair.name, SEAL_NAME)) {
            ret->seal = pair.value;
            ret->seals++;
            continue;
        }
        if (ret->count == GATEWAY_PAIRS_MAX)
            return ERR_TOO_LARGE;
        ret->items[ret->count++] = pair;
    }
    return 0;
}

const struct spplus_pair *spplus_find_pair(const struct spplus_pairs *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (str_eq_text(pairs->items[i].name, name))
            return &pairs->items[i];
    }
    return NULL;
}

struct str spplus_unseal(struct str raw, struct arena *arena)
{
    char *out = arena_alloc(arena, raw.len + 1);
    struct str rest = raw;
    size_t len = 0;
    bool first = true;

    while (rest.ptr) {
        struct str value;
        struct str pair = str_cut(rest, '&', &rest);
        if (str_eq_text(str_cut(pair, '=', &value), SEAL_NAME))
            continue;
        if (!first)
            out[len++] = '&';
        first = false;
        if (pair.len > 0)
            memcpy(out + len, pair.ptr, pair.len);
        len += pair.len;
    }
    return str_slice(out, len);
}

void spplus_seal(struct gateway_key *key, const struct str *values, size_t n_values, char out[SPPLUS_SEAL_DIGITS + 1])
{
    uint8_t digest[DIGEST_SHA1_LEN];

    digest_hmac(key->hmac, values, n_values, digest);
    encode_hex(digest, sizeof digest, out);
    for (size_t i = 0; i < SPPLUS_SEAL_DIGITS; i++) {
        if (out[i] >= 'a')
            out[i] = (char)(out[i] - ('a' - 'A'));
    }
}

/* The bank writes upper-case digits. Either case is taken and the bytes are compared: the case of a digit proves
 * nothing, and a genuine call lost over it would be money lost. */
enum gateway_verdict spplus_verify(const struct gateway_contract *contract, struct str raw, struct arena *arena)
{
    struct spplus_pairs pairs;
    uint8_t claimed[DIGEST_SHA1_LEN], computed[DIGEST_SHA1_LEN];

    if (spplus_read_pairs(raw, &pairs) != 0 || pairs.seals != 1)
        return GATEWAY_SEAL_BAD;
    if (decode_hex(pairs.seal, claimed, sizeof claimed) != 0)
        return GATEWAY_SEAL_BAD;
    struct str *values = ARENA_ARRAY(arena, pairs.count, struct str);
    for (size_t i = 0; i < pairs.count; i++)
        values[i] = pairs.items[i].value;
    digest_hmac(contract->key->hmac, values, pairs.count, computed);
    bool equal = str_eq_secret(str_slice((const char *)claimed, sizeof claimed),
                               str_slice((const char *)computed, sizeof computed));
    return equal ? GATEWAY_SEAL_GOOD : GATEWAY_SEAL_BAD;
}
