#include "common/password_guess.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/password_list.h"

enum {
    PIECE_LENGTH_MIN = 3, /* shorter words, walks and repetitions are chance */
    WORD_LENGTH_MAX = 32, /* of a person's or school's word */
    YEAR_LENGTH = 4,
    DECORATION_LENGTH_MAX = 6, /* digits and signs before or after the letters */
    DECORATION_COST_MAX = 2,
};

/* A password in small letters without accents, one number a character. */
struct spelling {
    uint32_t at[PASSWORD_GUESS_CHARACTERS_MAX];
    size_t len;
};

struct word {
    uint32_t at[WORD_LENGTH_MAX];
    size_t len;
};

struct guess {
    struct spelling password;
    struct word words[PASSWORD_GUESS_WORDS_MAX];
    size_t n_words;
    unsigned cost[PASSWORD_GUESS_CHARACTERS_MAX + 1]; /* of the first i characters */
};

/* --- characters --- */

/* The next code point of well-formed UTF-8. */
static uint32_t take_character(struct str *text)
{
    unsigned char first = (unsigned char)text->ptr[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t c = len == 1 ? first : first & (0xffU >> (len + 1));

    for (size_t i = 1; i < len && i < text->len; i++)
        c = c << 6 | ((unsigned char)text->ptr[i] & 0x3f);
    *text = len < text->len ? str_slice(text->ptr + len, text->len - len) : STR_NULL;
    return c;
}

static uint32_t fold(uint32_t c)
{
    /* U+00C0 to U+00FF without accents and case. */
    static const char latin1[] = "aaaaaaaceeeeiiiidnooooo*ouuuuypsaaaaaaaceeeeiiiidnooooo/ouuuuypy";
    if (c >= 'A' && c <= 'Z')
        return c + ('a' - 'A');
    if (c >= 0xc0 && c <= 0xff)
        return (unsigned char)latin1[c - 0xc0];
    return c;
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

/* Letters of any alphabet: what is not ASCII counts as one. */
static bool is_letter(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || c >= 0x80;
}

static bool is_sign(uint32_t c)
{
    return !is_letter(c) && !is_digit(c);
}

/* Whether `typed` stands for `letter`, as in "m0td3p4$$e". */
static bool stands_for(uint32_t typed, uint32_t letter)
{
    static const char *const pairs[] = {"0o", "1i", "1l", "3e", "4a", "@a", "5s", "$s", "7t"};
    for (size_t i = 0; typed != letter && i < sizeof pairs / sizeof pairs[0]; i++) {
        if (typed == (unsigned char)pairs[i][0] && letter == (unsigned char)pairs[i][1])
            return true;
    }
    return typed == letter;
}

/* --- what is known about the person --- */

static void add_word(struct guess *guess, const struct word *word)
{
    if (word->len >= PIECE_LENGTH_MIN && guess->n_words < PASSWORD_GUESS_WORDS_MAX)
        guess->words[guess->n_words++] = *word;
}

static void add_words(struct guess *guess, struct str text)
{
    struct word word = {.len = 0};
    while (text.len > 0) {
        uint32_t c = fold(take_character(&text));
        if (is_sign(c)) {
            add_word(guess, &word);
            word.len = 0;
        } else if (word.len < WORD_LENGTH_MAX) {
            word.at[word.len++] = c;
        }
    }
    add_word(guess, &word);
}

/* --- pieces that begin at character i --- */

static void offer(struct guess *guess, size_t end, unsigned cost)
{
    if (end <= guess->password.len && cost < guess->cost[end])
        guess->cost[end] = cost;
}

/* Every length from the shortest that counts, because another piece may begin inside. */
static void offer_run(struct guess *guess, size_t i, size_t len)
{
    for (size_t n = PIECE_LENGTH_MIN; n <= len; n++)
        offer(guess, i + n, guess->cost[i] + 1);
}

static void find_own_words(struct guess *guess, size_t i)
{
    for (size_t w = 0; w < guess->n_words; w++) {
        const struct word *word = &guess->words[w];
        size_t n = 0;
        while (n < word->len && i + n < guess->password.len && stands_for(guess->password.at[i + n], word->at[n]))
            n++;
        if (n == word->len)
            offer(guess, i + n, guess->cost[i] + 1);
    }
}

static void find_common_words(struct guess *guess, size_t i)
{
    const char *word;
    for (size_t w = 0; (word = password_list_word(w)); w++) {
        size_t n = 0;
        while (word[n] && i + n < guess->password.len && stands_for(guess->password.at[i + n], (unsigned char)word[n]))
            n++;
        if (!word[n])
            offer(guess, i + n, guess->cost[i] + 1);
    }
}

static size_t walk_length(const struct spelling *password, size_t i, const char *row, size_t from, int step)
{
    ptrdiff_t at = (ptrdiff_t)from, end = (ptrdiff_t)strlen(row);
    size_t n = 0;
    for (; at >= 0 && at < end && i + n < password->len; at += step, n++) {
        if (password->at[i + n] != (unsigned char)row[at])
            break;
    }
    return n;
}

static void find_walks(struct guess *guess, size_t i)
{
    static const char *const rows[] = {
        "abcdefghijklmnopqrstuvwxyz",
        "0123456789",
        "1234567890",
        "azertyuiop",
        "qsdfghjklm",
        "wxcvbn",
        "qwertyuiop",
        "asdfghjkl",
        "zxcvbnm",
        /* column after column */
        "aqwzsxedcrfvtgbyhnuj",
        "1aqw2zsx3edc4rfv5tgb6yhn7uj8ik9ol0pm",
        "qazwsxedcrfvtgbyhnujm",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        for (size_t from = 0; rows[r][from]; from++) {
            if ((unsigned char)rows[r][from] != guess->password.at[i])
                continue;
            offer_run(guess, i, walk_length(&guess->password, i, rows[r], from, 1));
            offer_run(guess, i, walk_length(&guess->password, i, rows[r], from, -1));
        }
    }
}

/* What stood there before may overlap what it repeats: "xyxyxyxy" is "xy" and its repetition. */
static void find_repetitions(struct guess *guess, size_t i)
{
    const struct spelling *password = &guess->password;
    for (size_t earlier = 0; earlier < i; earlier++) {
        size_t n = 0;
        while (i + n < password->len && password->at[earlier + n] == password->at[i + n])
            n++;
        offer_run(guess, i, n);
    }
}

static void find_year(struct guess *guess, size_t i)
{
    const uint32_t *at = guess->password.at + i;
    if (i + YEAR_LENGTH > guess->password.len)
        return;
    bool century = (at[0] == '1' && at[1] == '9') || (at[0] == '2' && at[1] == '0');
    if (century && is_digit(at[2]) && is_digit(at[3]))
        offer(guess, i + YEAR_LENGTH, guess->cost[i] + 1);
}

static bool stood_before(const struct spelling *password, size_t i)
{
    for (size_t earlier = 0; earlier < i; earlier++) {
        if (password->at[earlier] == password->at[i])
            return true;
    }
    return false;
}

static void find_character(struct guess *guess, size_t i)
{
    bool is_free = is_sign(guess->password.at[i]) && stood_before(&guess->password, i);
    offer(guess, i + 1, guess->cost[i] + !is_free);
}

/* --- the whole --- */

/* How many digits and signs there are, from one end on; 0 when there is nothing else. */
static size_t decoration_length(const struct spelling *password, bool at_end)
{
    for (size_t n = 0; n < password->len; n++) {
        if (is_letter(password->at[at_end ? password->len - 1 - n : n]))
            return n;
    }
    return 0;
}

unsigned password_guess_cost(struct str password, const struct str *texts, size_t n_texts)
{
    struct guess guess = {.n_words = 0};

    while (password.len > 0 && guess.password.len < PASSWORD_GUESS_CHARACTERS_MAX)
        guess.password.at[guess.password.len++] = fold(take_character(&password));
    for (size_t i = 0; i < n_texts; i++)
        add_words(&guess, texts[i]);
    size_t len = guess.password.len;
    size_t before = decoration_length(&guess.password, false), after = decoration_length(&guess.password, true);
    memset(guess.cost + 1, 0xff, len * sizeof guess.cost[0]); /* as dear as can be */
    for (size_t i = 0; i < len; i++) {
        if (i == 0 && before <= DECORATION_LENGTH_MAX)
            offer(&guess, before, DECORATION_COST_MAX);
        if (i == len - after && after <= DECORATION_LENGTH_MAX)
            offer(&guess, len, guess.cost[i] + DECORATION_COST_MAX);
        find_character(&guess, i);
        find_common_words(&guess, i);
        find_own_words(&guess, i);
        find_walks(&guess, i);
        find_repetitions(&guess, i);
        find_year(&guess, i);
    }
    unsigned cost = guess.cost[len];
    explicit_bzero(&guess, sizeof guess);
    return cost;
}
