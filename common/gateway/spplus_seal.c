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
        if (str_eq(pair.name, STR(SEAL_NAME))) {
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

static struct str leave_seals_out(struct str raw, struct arena *arena)
{
    char *out = arena_alloc(arena, raw.len + 1);
    struct str rest = raw;
    size_t len = 0;
    bool first = true;

    while (rest.ptr) {
        struct str value;
        struct str pair = str_cut(rest, '&', &rest);
        if (str_eq(str_cut(pair, '=', &value), STR(SEAL_NAME)))
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

/* The bank puts its seal last: what stands before it needs no copy. */
static bool ends_with_only_seal(struct str raw, const struct spplus_pairs *pairs)
{
    return pairs && pairs->seals == 1 && pairs->seal.ptr && pairs->seal.ptr + pairs->seal.len == raw.ptr + raw.len;
}

struct str spplus_unseal(struct str raw, const struct spplus_pairs *pairs, struct arena *arena)
{
    if (!ends_with_only_seal(raw, pairs))
        return leave_seals_out(raw, arena);
    size_t len = raw.len - pairs->seal.len - sizeof SEAL_NAME; /* with its "=" */
    return str_slice(raw.ptr, len > 0 ? len - 1 : 0);          /* nor the "&" before it */
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

/* The values one after the other: one piece is sealed faster than many. */
static struct str join_values(const struct spplus_pairs *pairs, char out[GATEWAY_RAW_MAX])
{
    char *end = out;

    for (size_t i = 0; i < pairs->count; i++)
        end = str_put(end, pairs->items[i].value);
    return str_slice(out, (size_t)(end - out));
}

/* The bank writes upper-case digits. Either case is taken: the case of a digit proves nothing, and a genuine call lost
 * over it would be money lost. */
static void upper_digits(struct str digits, char *out)
{
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.ptr[i];
        out[i] = c >= 'a' && c <= 'f' ? (char)(c - ('a' - 'A')) : c;
    }
}

enum gateway_verdict spplus_verify(const struct gateway_contract *contract, const struct gateway_call *call)
{
    const struct spplus_pairs *pairs = call->parts;
    char joined[GATEWAY_RAW_MAX], claimed[SPPLUS_SEAL_DIGITS], computed[SPPLUS_SEAL_DIGITS + 1];

    if (!pairs || pairs->seals != 1 || pairs->seal.len != SPPLUS_SEAL_DIGITS)
        return GATEWAY_SEAL_BAD;
    upper_digits(pairs->seal, claimed);
    struct str values = join_values(pairs, joined);
    spplus_seal(contract->key, &values, 1, computed);
    bool equal = str_eq_secret(str_slice(claimed, sizeof claimed), str_slice(computed, SPPLUS_SEAL_DIGITS));
    return equal ? GATEWAY_SEAL_GOOD : GATEWAY_SEAL_BAD;
}
