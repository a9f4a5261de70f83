#include "server/csrf.h"

#include <sodium.h>

#include "common/encode.h"

void csrf_init(struct csrf *csrf, const struct vault *vault)
{
    uint8_t key[VAULT_KEY_LEN];
    vault_derive(vault, "csrf", key);
    csrf->hmac = digest_hmac_new_sha256(key, sizeof key);
    sodium_memzero(key, sizeof key);
}

void csrf_done(struct csrf *csrf)
{
    digest_hmac_free(csrf->hmac); /* NULL when the start failed before */
    csrf->hmac = NULL;
}

struct str csrf_token(const struct csrf *csrf, struct arena *arena, struct str cookie)
{
    uint8_t digest[DIGEST_SHA256_LEN];
    char *text = arena_alloc(arena, ENCODE_BASE64URL_SIZE(sizeof digest));

    digest_hmac(csrf->hmac, &cookie, 1, digest);
    encode_base64url(digest, sizeof digest, text);
    return str_from(text);
}

bool csrf_matches(const struct csrf *csrf, struct arena *arena, struct str cookie, struct str token)
{
    return cookie.len > 0 && token.len > 0 && str_eq_secret(csrf_token(csrf, arena, cookie), token);
}
