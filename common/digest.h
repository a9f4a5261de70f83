/* digest: SHA-256 and keyed digests (OpenSSL libcrypto). */
#ifndef DP_COMMON_DIGEST_H
#define DP_COMMON_DIGEST_H

#include <stdint.h>

#include "common/str.h"

enum { DIGEST_SHA256_LEN = 32, DIGEST_SHA1_LEN = 20 };

void digest_sha256(struct str message, uint8_t out[DIGEST_SHA256_LEN]);
/* SHA-256 over the parts one after the other. */
void digest_sha256_parts(const struct str *parts, size_t n_parts, uint8_t out[DIGEST_SHA256_LEN]);

/* An HMAC key made ready once and used for many messages: fetching and keying the MAC is two thirds
 * of the cost of OpenSSL 3's one-shot HMAC(). Not to be used by two threads at once. */
struct digest_hmac;
struct digest_hmac *digest_hmac_new_sha1(const void *key, size_t key_len);
struct digest_hmac *digest_hmac_new_sha256(const void *key, size_t key_len);
void digest_hmac_free(struct digest_hmac *hmac); /* NULL allowed; wipes the key */
/* HMAC over the parts one after the other; `out` has room for 20 or 32 bytes. */
void digest_hmac(struct digest_hmac *hmac, const struct str *parts, size_t n_parts, uint8_t *out);

#endif
