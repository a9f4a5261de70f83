#include "common/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/heap.h"
#include "common/log.h"

struct digest_hmac {
    EVP_MAC *mac;     /* owned */
    EVP_MAC_CTX *ctx; /* owned; keeps the key from message to message */
    size_t len;       /* bytes of a digest */
};

/* Fetched once for the whole program: EVP_sha256() looks the algorithm up again for each message (OpenSSL 3, crypto(7),
 * "Performance"). */
static EVP_MD *sha256_method;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void digest_sha256_parts(const struct str *parts, size_t n_parts, uint8_t out[DIGEST_SHA256_LEN])
{
    pthread_once(&sha256_once, fetch_sha256);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && sha256_method && EVP_DigestInit_ex(ctx, sha256_method, NULL);

    for (size_t i = 0; ok && i < n_parts; i++)
        ok = parts[i].len == 0 || EVP_DigestUpdate(ctx, parts[i].ptr, parts[i].len);
    ok = ok && EVP_DigestFinal_ex(ctx, out, NULL);
    EVP_MD_CTX_free(ctx);
    if (!ok)
        log_fatal("sha256_failed");
}

void digest_sha256(struct str message, uint8_t out[DIGEST_SHA256_LEN])
{
    digest_sha256_parts(&message, 1, out);
}

static struct digest_hmac *new_hmac(const char *hash, const void *key, size_t key_len, size_t len)
{
    struct digest_hmac *hmac = HEAP_NEW(struct digest_hmac);
    char name[16];
    OSSL_PARAM params[2];

    snprintf(name, sizeof name, "%s", hash);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
    params[1] = OSSL_PARAM_construct_end();
    hmac->len = len;
    hmac->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    hmac->ctx = hmac->mac ? EVP_MAC_CTX_new(hmac->mac) : NULL;
    if (!hmac->ctx || !EVP_MAC_init(hmac->ctx, key, key_len, params))
        log_fatal("hmac_failed");
    return hmac;
}

struct digest_hmac *digest_hmac_new_sha1(const void *key, size_t key_len)
{
    return new_hmac("SHA1", key, key_len, DIGEST_SHA1_LEN);
}

struct digest_hmac *digest_hmac_new_sha256(const void *key, size_t key_len)
{
    return new_hmac("SHA256", key, key_len, DIGEST_SHA256_LEN);
}

void digest_hmac_free(struct digest_hmac *hmac)
{
    if (!hmac)
        return;
    EVP_MAC_CTX_free(hmac->ctx);
    EVP_MAC_free(hmac->mac);
    free(hmac);
}

void digest_hmac(struct digest_hmac *hmac, const struct str *parts, size_t n_parts, uint8_t *out)
{
    /* Without a key the context begins anew with the one it has (EVP_MAC(3)). */
    bool ok = EVP_MAC_init(hmac->ctx, NULL, 0, NULL);
    size_t len;

    for (size_t i = 0; ok && i < n_parts; i++)
        ok = parts[i].len == 0 || EVP_MAC_update(hmac->ctx, (const unsigned char *)parts[i].ptr, parts[i].len);
    if (!ok || !EVP_MAC_final(hmac->ctx, out, &len, hmac->len))
        log_fatal("hmac_failed");
}
