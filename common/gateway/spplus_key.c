#include "common/gateway/spplus.h"

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdlib.h>

#include "common/encode.h"
#include "common/err.h"
#include "common/heap.h"

enum { NT_KEY_LEN = 24, WORKING_KEY_LEN = 20, DES_BLOCK_LEN = 8 };

/* The constants under which the bank "encrypts" every merchant's key (bank-protocols.md §1.3): an NT key is worth what
 * a clear one is. */
static const uint8_t transport_key[DES_BLOCK_LEN] = {0x45, 0x1f, 0xba, 0x4f, 0x4c, 0x3f, 0xd4, 0x97};
static const uint8_t transport_iv[DES_BLOCK_LEN] = {0x30, 0x78, 0x30, 0x62, 0x2c, 0x30, 0x78, 0x30};

/* The demonstration key that the bank published, as mailed and as used. */
static const uint8_t demonstration_nt_key[NT_KEY_LEN] = {0x58, 0x6d, 0xfc, 0x9c, 0x34, 0x91, 0x9b, 0x86,
                                                         0x3f, 0xfd, 0x64, 0x63, 0xc9, 0x13, 0x4a, 0x26,
                                                         0xba, 0x29, 0x74, 0x1e, 0xc7, 0xe9, 0x80, 0x79};
static const uint8_t demonstration_working_key[WORKING_KEY_LEN] = {0xfa, 0xbd, 0xb8, 0x77, 0xb8, 0xef, 0x70,
                                                                   0x03, 0xf7, 0x03, 0x50, 0xbb, 0x91, 0x09,
                                                                   0x0e, 0x76, 0xc5, 0xc7, 0x5b, 0x29};

/* The bytes that the hex digits of `material` mean, spaces left out: 24 or 20 of them. */
static int read_material(struct str material, uint8_t bytes[NT_KEY_LEN], size_t *ret_len)
{
    char digits[2 * NT_KEY_LEN];
    size_t count = 0;
    int err = ERR_INVALID;

    for (size_t i = 0; i < material.len; i++) {
        if (material.ptr[i] == ' ')
            continue;
        if (count == sizeof digits)
            goto out;
        digits[count++] = material.ptr[i];
    }
    if (count != 2 * NT_KEY_LEN && count != 2 * WORKING_KEY_LEN)
        goto out;
    err = decode_hex(str_slice(digits, count), bytes, count / 2);
    *ret_len = count / 2;
out:
    explicit_bzero(digits, sizeof digits);
    return err;
}

static int decrypt_with(const EVP_CIPHER *des, const uint8_t nt_key[NT_KEY_LEN], uint8_t out[NT_KEY_LEN])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0;
    bool ok = ctx && EVP_DecryptInit_ex2(ctx, des, transport_key, transport_iv, NULL) &&
              EVP_CIPHER_CTX_set_padding(ctx, 0) && EVP_DecryptUpdate(ctx, out, &len, nt_key, NT_KEY_LEN);
    EVP_CIPHER_CTX_free(ctx);
    return ok && len == NT_KEY_LEN ? 0 : ERR_UNAVAILABLE;
}

/* Single DES stands only in OpenSSL's legacy provider. It is loaded into a library context of its own, so that no other
 * use of OpenSSL in the program sees the old ciphers. */
static int decrypt(const uint8_t nt_key[NT_KEY_LEN], uint8_t out[NT_KEY_LEN])
{
    int err = ERR_UNAVAILABLE;
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *legacy = library ? OSSL_PROVIDER_load(library, "legacy") : NULL;
    EVP_CIPHER *des = legacy ? EVP_CIPHER_fetch(library, "DES-CBC", NULL) : NULL;

    if (des)
        err = decrypt_with(des, nt_key, out);
    EVP_CIPHER_free(des);
    if (legacy)
        OSSL_PROVIDER_unload(legacy);
    OSSL_LIB_CTX_free(library);
    return err;
}

static struct gateway_key *new_key(const uint8_t working_key[WORKING_KEY_LEN])
{
    struct gateway_key *key = HEAP_NEW(struct gateway_key);
    key->hmac = digest_hmac_new_sha1(working_key, WORKING_KEY_LEN);
    return key;
}

int spplus_key_new(struct str material, struct gateway_key **ret_key)
{
    uint8_t bytes[NT_KEY_LEN], clear[NT_KEY_LEN];
    size_t len;
    int err = read_material(material, bytes, &len);

    if (err == 0 && len == NT_KEY_LEN) {
        err = decrypt(bytes, clear);
        if (err == 0)
            memcpy(bytes, clear, sizeof bytes);
    }
    if (err == 0)
        *ret_key = new_key(bytes);
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(clear, sizeof clear);
    return err;
}

void spplus_key_free(struct gateway_key *key)
{
    if (!key)
        return;
    digest_hmac_free(key->hmac);
    free(key);
}

bool spplus_key_is_demonstration(struct str material)
{
    uint8_t bytes[NT_KEY_LEN];
    size_t len;
    bool known = false;

    if (read_material(material, bytes, &len) == 0)
        known = memcmp(bytes, len == NT_KEY_LEN ? demonstration_nt_key : demonstration_working_key, len) == 0;
    explicit_bzero(bytes, sizeof bytes);
    return known;
}
