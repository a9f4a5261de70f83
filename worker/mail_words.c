#include "worker/mail_words.h"

#include <sodium.h>

#include "common/buf.h"

/* A word has whole characters only, and 39 bytes make 52 of base64, 64 characters in all. */
enum { PLAIN_LEN_MAX = 60, CHARACTER_LEN_MAX = 4, WORD_LEN_MAX = 39 };
enum { WORD_SIZE = sodium_base64_ENCODED_LEN(WORD_LEN_MAX, sodium_base64_VARIANT_ORIGINAL) };

static bool is_plain(struct str text)
{
    bool after_space = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], lower = (char)(c | 0x20);
        bool is_space = c == ' ';
        if (!is_space && !(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z'))
            return false;
        if (is_space && after_space)
            return false;
        after_space = is_space;
    }
    return text.len <= PLAIN_LEN_MAX && (text.len == 0 || !after_space);
}

static struct str without_controls(struct arena *arena, struct str text)
{
    char *copy = arena_text(arena, text);
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)copy[i] < 0x20 || copy[i] == 0x7f)
            copy[i] = ' ';
    }
    return str_slice(copy, text.len);
}

static struct str cut_word(struct str *rest)
{
    size_t len = rest->len < WORD_LEN_MAX ? rest->len : WORD_LEN_MAX;
    while (len < rest->len && len > WORD_LEN_MAX - CHARACTER_LEN_MAX && ((unsigned char)rest->ptr[len] & 0xc0) == 0x80)
        len--;
    struct str word = str_slice(rest->ptr, len);
    *rest = str_slice(rest->ptr + len, rest->len - len);
    return word;
}

struct str mail_words(struct arena *arena, struct str text)
{
    struct str rest = without_controls(arena, text), words;
    struct buf out;

    if (is_plain(rest))
        return rest;
    buf_init(&out, 2 * (size_t)WORD_SIZE + 2 * text.len);
    while (rest.len > 0) {
        struct str word = cut_word(&rest);
        char encoded[WORD_SIZE];
        sodium_bin2base64(encoded, sizeof encoded, (const unsigned char *)word.ptr, word.len,
                          sodium_base64_VARIANT_ORIGINAL);
        buf_printf(&out, "%s=?utf-8?B?%s?=", out.len ? "\r\n " : "", encoded);
    }
    words = arena_str(arena, buf_str(&out));
    buf_done(&out);
    return words;
}
