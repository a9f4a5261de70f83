#include "common/encode.h"

#include <sodium.h>

#include "common/err.h"

/* The digits lie in one cache line: what is encoded cannot be told by which of them are read. */
void encode_hex(const void *bytes, size_t len, char *out)
{
    static const char digits[16]
        __attribute__((aligned(16))) = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
    const uint8_t *from = bytes;

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[from[i] >> 4];
        *out++ = digits[from[i] & 15];
    }
    *out = '\0';
}

int decode_hex(struct str text, void *out, size_t out_len)
{
    size_t len;
    if (text.len != out_len * 2)
        return ERR_INVALID;
    if (sodium_hex2bin(out, out_len, text.ptr, text.len, NULL, &len, NULL) != 0 || len != out_len)
        return ERR_INVALID;
    return 0;
}

void encode_base64url(const void *bytes, size_t len, char *out)
{
    sodium_bin2base64(out, sodium_base64_encoded_len(len, sodium_base64_VARIANT_URLSAFE_NO_PADDING), bytes, len,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80)
            return false;
    }
    return true;
}

/* libsodium 1.0.18 takes some bytes above 0x7f for digits. */
int decode_base64url(struct str text, void *out, size_t out_len)
{
    size_t len;
    const char *end;
    if (text.len != ENCODE_BASE64URL_SIZE(out_len) - 1 || !is_ascii(text))
        return ERR_INVALID;
    if (sodium_base642bin(out, out_len, text.ptr, text.len, NULL, &len, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        len != out_len || end != text.ptr + text.len)
        return ERR_INVALID;
    return 0;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

void encode_percent(struct buf *out, struct str s)
{
    size_t run = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (is_unreserved(s.ptr[i]))
            continue;
        buf_append(out, str_slice(s.ptr + run, i - run));
        buf_printf(out, "%%%02X", (unsigned char)s.ptr[i]);
        run = i + 1;
    }
    if (run < s.len)
        buf_append(out, str_slice(s.ptr + run, s.len - run));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int decode_percent(struct arena *arena, struct str s, bool plus_is_space, struct str *ret)
{
    char *out = arena_alloc(arena, s.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            if (s.len - i < 3)
                return ERR_INVALID;
            int high = hex_digit(s.ptr[i + 1]);
            int low = hex_digit(s.ptr[i + 2]);
            if (high < 0 || low < 0)
                return ERR_INVALID;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0')
            return ERR_INVALID;
        out[len++] = c;
    }
    if (!str_is_utf8(str_slice(out, len)))
        return ERR_INVALID;
    *ret = str_slice(out, len);
    return 0;
}
