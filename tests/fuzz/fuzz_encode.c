/* Bytes to text and back: hex, base64url and percent, and UTF-8 itself against a decoder by arithmetic. */
#include "common/encode.h"
#include "fuzz/fuzz.h"

/* The code point at the front by its bits, or -1; *ret_len bytes of it. */
static int64_t decode_character(const unsigned char *p, size_t left, size_t *ret_len)
{
    static const struct {
        unsigned mask, mark;
        int64_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    for (size_t len = 1; len <= 4; len++) {
        if ((p[0] & forms[len - 1].mask) != forms[len - 1].mark)
            continue;
        int64_t c = p[0] & ~forms[len - 1].mask & 0xff;
        for (size_t i = 1; i < len; i++) {
            if (i >= left || (p[i] & 0xc0) != 0x80)
                return -1;
            c = c * 64 + (p[i] & 0x3f);
        }
        *ret_len = len;
        return c < forms[len - 1].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? -1 : c;
    }
    return -1;
}

static bool is_invisible(int64_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

static void check_utf8(struct str s)
{
    size_t count = 0, len = 0;
    bool good = true, invisible = false;

    for (size_t at = 0; at < s.len && good; at += len, count++) {
        int64_t c = decode_character((const unsigned char *)s.ptr + at, s.len - at, &len);
        good = c >= 0;
        invisible |= good && is_invisible(c);
    }
    FUZZ_CHECK(str_is_utf8(s) == good);
    FUZZ_CHECK(!good || str_utf8_length(s) == count);
    FUZZ_CHECK(!good || str_has_control(s, "") == invisible);
}

static void check_bytes(struct str bytes, struct arena *arena)
{
    char *text = arena_alloc(arena, 2 * bytes.len + 3);
    uint8_t *again = arena_alloc(arena, bytes.len + 1);

    encode_hex(bytes.ptr, bytes.len, text);
    FUZZ_CHECK(decode_hex(str_from(text), again, bytes.len) == 0 && memcmp(again, bytes.ptr, bytes.len) == 0);
    encode_base64url(bytes.ptr, bytes.len, text);
    FUZZ_CHECK(decode_base64url(str_from(text), again, bytes.len) == 0 && memcmp(again, bytes.ptr, bytes.len) == 0);
}

/* As text: what decodes is the one text of its bytes (hex: but for case). */
static void check_text(struct str text, struct arena *arena)
{
    uint8_t *bytes = arena_alloc(arena, text.len + 1);
    char *again = arena_alloc(arena, text.len + 3);
    size_t len = text.len / 4 * 3 + (text.len % 4 > 1 ? text.len % 4 - 1 : 0);

    if (decode_hex(text, bytes, text.len / 2) == 0) {
        encode_hex(bytes, text.len / 2, again);
        FUZZ_CHECK(str_eq_nocase(text, str_from(again)));
    }
    if (decode_base64url(text, bytes, len) == 0) {
        encode_base64url(bytes, len, again);
        FUZZ_CHECK(str_eq(text, str_from(again)));
    }
}

static void check_percent(struct str s, struct arena *arena)
{
    struct str decoded = STR_NULL;
    struct buf encoded;

    buf_init(&encoded, 1 << 20);
    encode_percent(&encoded, s);
    bool is_text = str_is_utf8(s) && str_find(s, '\0') < 0;
    FUZZ_CHECK((decode_percent(arena, buf_str(&encoded), true, &decoded) == 0) == is_text);
    FUZZ_CHECK(!is_text || str_eq(decoded, s));
    for (size_t i = 0; i < encoded.len; i++)
        FUZZ_CHECK(memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%", encoded.ptr[i], 67));
    buf_done(&encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = fuzz_str(data, size);
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    check_utf8(bytes);
    check_bytes(bytes, &arena);
    check_text(bytes, &arena);
    check_percent(bytes, &arena);
    arena_done(&arena);
    return 0;
}
