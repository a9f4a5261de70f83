/* digest and rand: published vectors (FIPS 180-4, RFC 2202, RFC 4231), and the alphabet of references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/digest.c"
#include "common/encode.h"
#include "common/rand.c"

static void assert_digest(const uint8_t *digest, size_t len, const char *expected)
{
    char hex[2 * DIGEST_SHA256_LEN + 1];
    encode_hex(digest, len, hex);
    assert_string_equal(hex, expected);
}

static void sha256(void **state)
{
    static const struct {
        const char *message, *digest;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    uint8_t digest[DIGEST_SHA256_LEN];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str message = str_from(cases[i].message);
        const struct str parts[] = {str_slice(message.ptr, message.len / 2), STR_NULL,
                                    str_slice(message.ptr + message.len / 2, message.len - message.len / 2)};
        digest_sha256(message, digest);
        assert_digest(digest, sizeof digest, cases[i].digest);
        digest_sha256_parts(parts, 3, digest);
        assert_digest(digest, sizeof digest, cases[i].digest);
    }
    digest_sha256(STR_NULL, digest);
    assert_digest(digest, sizeof digest, cases[0].digest);
}

static void hmac(void **state)
{
    static const struct {
        const char *key, *message, *sha1, *sha256;
    } cases[] = {
        {"Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
         "b617318655057264e28bc0b6fb378c8ef146be00",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    };
    uint8_t digest[DIGEST_SHA256_LEN];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct digest_hmac *sha1 = digest_hmac_new_sha1(cases[i].key, strlen(cases[i].key));
        struct digest_hmac *sha2 = digest_hmac_new_sha256(cases[i].key, strlen(cases[i].key));
        const struct str parts[] = {str_slice(cases[i].message, 3), STR_NULL, str_from(cases[i].message + 3)};
        for (int again = 0; again < 2; again++) { /* a keyed HMAC serves many messages */
            digest_hmac(sha1, parts, 3, digest);
            assert_digest(digest, DIGEST_SHA1_LEN, cases[i].sha1);
            digest_hmac(sha2, parts, 3, digest);
            assert_digest(digest, DIGEST_SHA256_LEN, cases[i].sha256);
        }
        digest_hmac_free(sha1);
        digest_hmac_free(sha2);
    }
    digest_hmac_free(NULL);
}

static void random_texts(void **state)
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned seen[32] = {0};
    char text[65], again[65];
    (void)state;
    for (int i = 0; i < 50; i++) {
        rand_base32(text, 64);
        assert_int_equal(strlen(text), 64);
        for (size_t c = 0; c < 64; c++) {
            const char *at = strchr(alphabet, text[c]);
            assert_non_null(at);
            seen[at - alphabet]++;
        }
    }
    for (size_t i = 0; i < 32; i++)
        assert_in_range(seen[i], 40, 180); /* 100 expected; eight standard deviations up, six down */
    rand_base32(again, 64);
    assert_string_not_equal(text, again);
    rand_base32(text, 0);
    assert_string_equal(text, "");
    rand_bytes(text, 32);
    rand_bytes(again, 32);
    assert_memory_not_equal(text, again, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256),
        cmocka_unit_test(hmac),
        cmocka_unit_test(random_texts),
    };
    rand_init();
    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
