#include "common/password.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>

#include "common/err.h"
#include "common/password_list.h"

static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "a PHC string must fit");

enum {
    DIGITS_LENGTH_MIN = 16, /* characters, where all are digits */
    DISTINCT_MIN = 5,       /* different bytes */
    WORD_LENGTH_MIN = 3,    /* shorter words of login and school count for nothing */
    OWN_LENGTH_MIN = 5,     /* letters and digits beside login and school words */
    GENERATED_PARTS = 3,    /* of three syllables each */
};

static const size_t memory_bytes = (size_t)PASSWORD_MEMORY_KIB * 1024;

int password_hash(struct str password, char out[PASSWORD_HASH_SIZE])
{
    if (crypto_pwhash_str(out, password.ptr ? password.ptr : "", password.len, PASSWORD_OPS, memory_bytes))
        return ERR_UNAVAILABLE;
    return 0;
}

/* libsodium reads a hash as an array of its full size: shorter texts are padded with NULs. False for a longer one. */
static bool pad_hash(const char *hash, char out[crypto_pwhash_STRBYTES])
{
    size_t len = strlen(hash);
    memset(out, 0, crypto_pwhash_STRBYTES);
    if (len >= crypto_pwhash_STRBYTES)
        return false;
    memcpy(out, hash, len);
    return true;
}

int password_verify(const char *hash, struct str password)
{
    char padded[crypto_pwhash_STRBYTES];
    if (!pad_hash(hash, padded))
        return ERR_FORBIDDEN;
    return crypto_pwhash_str_verify(padded, password.ptr ? password.ptr : "", password.len) ? ERR_FORBIDDEN : 0;
}

const char *password_dummy_hash(void)
{
    /* Salt and tag were drawn at random; the parameters are today's, so that it costs what a real one costs. */
    return "$argon2id$v=19$m=19456,t=2,p=1$VnqduEAHdMow7hxPQrg7dQ$bw2SG21tgEO883FLvlRPUp5HlzwXHTEInTncMRQZ3cU";
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Letters of any alphabet: what is not ASCII counts as one. */
static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]))
            return false;
    }
    return true;
}

static unsigned distinct_bytes(struct str s)
{
    bool seen[256] = {false};
    unsigned count = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        count += !seen[c];
        seen[c] = true;
    }
    return count;
}

/* A text in lower case (ASCII) of which parts can be struck out. */
struct sheet {
    char text[PASSWORD_LENGTH_MAX * 4];
    size_t len;
};

static void sheet_fill(struct sheet *sheet, struct str s)
{
    assert(s.len <= sizeof sheet->text);
    for (size_t i = 0; i < s.len; i++)
        sheet->text[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (char)(s.ptr[i] + ('a' - 'A')) : s.ptr[i];
    sheet->len = s.len;
}

static void sheet_strike(struct sheet *sheet, struct str word)
{
    for (size_t i = 0; word.len >= WORD_LENGTH_MIN && i + word.len <= sheet->len; i++) {
        if (!str_eq_nocase(str_slice(sheet->text + i, word.len), word))
            continue;
        memset(sheet->text + i, ' ', word.len);
    }
}

static void sheet_strike_words(struct sheet *sheet, struct str words)
{
    size_t start = 0;
    for (size_t i = 0; i <= words.len; i++) {
        if (i < words.len && strchr(" -'.,_/", words.ptr[i]) == NULL)
            continue;
        sheet_strike(sheet, str_slice(words.ptr + start, i - start));
        start = i + 1;
    }
}

static size_t sheet_count(const struct sheet *sheet, bool with_digits)
{
    size_t count = 0;
    for (size_t i = 0; i < sheet->len; i++)
        count += is_letter(sheet->text[i]) || (with_digits && is_digit(sheet->text[i]));
    return count;
}

/* One common word, however often, with digits and signs around: "Motdepasse123!", "azertyazerty". */
static bool is_common(struct str password)
{
    struct sheet sheet;
    const char *word;
    sheet_fill(&sheet, password);
    size_t letters = sheet_count(&sheet, false);
    for (size_t i = 0; letters > 0 && (word = password_list_word(i)); i++) {
        sheet_fill(&sheet, password);
        sheet_strike(&sheet, str_from(word));
        if (sheet_count(&sheet, false) == 0)
            return true;
    }
    return false;
}

/* "azertyuiop…", "123456…", "abcdef…", "zyxwv…": each byte is the last one's neighbour. */
static bool is_walk(struct str password)
{
    size_t steps = 0;
    for (size_t i = 1; i < password.len; i++) {
        int step = (unsigned char)password.ptr[i] - (unsigned char)password.ptr[i - 1];
        steps += step == 1 || step == -1 || step == 0 || step == -9 || step == 9;
    }
    return steps + 2 >= password.len;
}

static bool is_known_words(struct str password, struct str login, struct str school)
{
    struct sheet sheet;
    sheet_fill(&sheet, password);
    sheet_strike(&sheet, login);
    sheet_strike_words(&sheet, login);
    sheet_strike_words(&sheet, school);
    bool struck = sheet.len != 0 && memchr(sheet.text, ' ', sheet.len) != NULL;
    return struck && sheet_count(&sheet, true) < OWN_LENGTH_MIN;
}

const char *password_refusal(struct str password, struct str login, struct str school)
{
    if (!str_is_utf8(password) || str_has_control(password, ""))
        return "Le mot de passe contient un caractère qui ne peut pas être saisi.";
    size_t length = str_utf8_length(password);
    if (length < PASSWORD_LENGTH_MIN)
        return "Le mot de passe doit compter au moins 12\u00a0caractères.";
    if (length > PASSWORD_LENGTH_MAX)
        return "Le mot de passe doit compter au plus 128\u00a0caractères.";
    if (all_digits(password) && length < DIGITS_LENGTH_MIN)
        return "Un mot de passe fait seulement de chiffres doit en compter au moins\u00a016.";
    if (distinct_bytes(password) < DISTINCT_MIN || is_walk(password) || is_common(password))
        return "Ce mot de passe est trop courant\u00a0: il serait deviné en premier.";
    if (is_known_words(password, login, school))
        return "Le mot de passe ne doit pas être fait de l'identifiant ou du nom de l'établissement.";
    return NULL;
}

/* What a letter from a school had better not say. */
static bool is_rude(const char *part)
{
    static const char *const rude[] = {"bite", "pute", "pipi", "kaka", "zizi", "nike", "pede", "tete", "nene", "gogo"};
    for (size_t i = 0; i < sizeof rude / sizeof rude[0]; i++) {
        if (strstr(part, rude[i]))
            return true;
    }
    return false;
}

/* "rolami": three syllables of 64 each, 18 bits. No letter that looks like another or like a digit. */
static void generate_part(char out[7])
{
    static const char consonants[] = "bdfgjkmnprstvzhc";
    static const char vowels[] = "aeiu";
    do {
        for (size_t i = 0; i < 6; i += 2) {
            out[i] = consonants[randombytes_uniform(sizeof consonants - 1)];
            out[i + 1] = vowels[randombytes_uniform(sizeof vowels - 1)];
        }
        out[6] = '\0';
    } while (is_rude(out));
}

void password_generate(char *out, size_t size)
{
    /* 3 × 18 bits and a number of 6.5 bits. */
    char parts[GENERATED_PARTS][7];
    for (size_t i = 0; i < GENERATED_PARTS; i++)
        generate_part(parts[i]);
    int len = snprintf(out, size, "%s-%u-%s-%s", parts[0], 10 + randombytes_uniform(90), parts[1], parts[2]);
    assert(len > 0 && (size_t)len < size);
    (void)len;
    sodium_memzero(parts, sizeof parts);
}
