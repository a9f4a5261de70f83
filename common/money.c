#include "common/money.h"

#include <assert.h>

#include "common/digits.h"
#include "common/err.h"

enum { GROUP_DIGITS = 3, DECIMALS_MAX = 2 };

/* Length of the space at the front: U+0020, U+00A0, U+2009 or U+202F; 0 for anything else. */
static size_t space_length(struct str s)
{
    static const struct str spaces[] = {
        {" ", 1},
        {"\u00a0", 2},
        {"\u2009", 3},
        {"\u202f", 3},
    };
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
        if (str_starts_with(s, spaces[i]))
            return spaces[i].len;
    }
    return 0;
}

static void advance(struct str *s, size_t len)
{
    s->ptr += len;
    s->len -= len;
}

static void skip_spaces(struct str *s)
{
    for (size_t len = space_length(*s); len > 0; len = space_length(*s))
        advance(s, len);
}

/* Takes the digits at the front. Past MONEY_CENTS_MAX the value stands still there, so that it never overflows. */
static size_t take_digits(struct str *s, int64_t *value)
{
    size_t count = 0;
    while (s->len > 0 && s->ptr[0] >= '0' && s->ptr[0] <= '9') {
        *value = *value * 10 + (s->ptr[0] - '0');
        if (*value > MONEY_CENTS_MAX)
            *value = MONEY_CENTS_MAX + 1;
        advance(s, 1);
        count++;
    }
    return count;
}

/* "1158", or "1 158" with a group of exactly three digits after each space. */
static int take_euros(struct str *s, int64_t *ret_euros)
{
    int64_t euros = 0;
    size_t digits = take_digits(s, &euros);

    if (digits == 0)
        return ERR_INVALID;
    for (bool first = true;; first = false) {
        struct str group = *s;
        advance(&group, space_length(*s));
        if (group.len == s->len || group.len == 0 || group.ptr[0] < '0' || group.ptr[0] > '9')
            break;
        if ((first && digits > GROUP_DIGITS) || take_digits(&group, &euros) != GROUP_DIGITS)
            return ERR_INVALID;
        *s = group;
    }
    *ret_euros = euros;
    return 0;
}

/* Nothing, or the separator and one or two digits. */
static int take_cents(struct str *s, const char *separators, int64_t *ret_cents)
{
    int64_t cents = 0;

    if (s->len > 0 && s->ptr[0] != '\0' && strchr(separators, s->ptr[0])) {
        advance(s, 1);
        size_t digits = take_digits(s, &cents);
        if (digits == 0 || digits > DECIMALS_MAX)
            return ERR_INVALID;
        if (digits == 1)
            cents *= 10;
    }
    *ret_cents = cents;
    return 0;
}

static void skip_currency(struct str *s)
{
    if (str_starts_with(*s, STR("€")))
        advance(s, STR("€").len);
    else if (s->len >= 3 && str_eq_nocase(str_slice(s->ptr, 3), STR("EUR")))
        advance(s, 3);
}

static int join(int64_t euros, int64_t cents, int64_t *ret_cents)
{
    if (euros * 100 + cents > MONEY_CENTS_MAX)
        return ERR_TOO_LARGE;
    *ret_cents = euros * 100 + cents;
    return 0;
}

int money_parse(struct str text, int64_t *ret_cents)
{
    int64_t euros, cents;

    skip_spaces(&text);
    if (take_euros(&text, &euros) != 0 || take_cents(&text, ".,", &cents) != 0)
        return ERR_INVALID;
    skip_spaces(&text);
    skip_currency(&text);
    skip_spaces(&text);
    return text.len == 0 ? join(euros, cents, ret_cents) : ERR_INVALID;
}

int money_parse_signed(struct str text, int64_t *ret_cents)
{
    struct str sign = str_starts_with(text, STR("\u2212")) ? STR("\u2212") : STR("-");
    int64_t cents;

    if (!str_starts_with(text, sign))
        return money_parse(text, ret_cents);
    advance(&text, sign.len);
    int err = money_parse(text, &cents);
    if (err == 0)
        *ret_cents = -cents;
    return err;
}

int money_parse_bank(struct str text, int64_t *ret_cents)
{
    int64_t euros = 0;
    int64_t cents;

    if (take_digits(&text, &euros) == 0 || take_cents(&text, ".", &cents) != 0 || text.len > 0)
        return ERR_INVALID;
    return join(euros, cents, ret_cents);
}

static uint64_t magnitude(int64_t cents)
{
    return cents < 0 ? -(uint64_t)cents : (uint64_t)cents;
}

void money_format(int64_t cents, char out[MONEY_TEXT_SIZE])
{
    char digits[DIGITS_MAX];
    size_t count = (size_t)(digits_least(digits, 1, magnitude(cents) / 100) - digits);

    if (cents < 0)
        out = str_put(out, STR("\u2212"));
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (count - i) % GROUP_DIGITS == 0)
            out = str_put(out, STR("\u202f"));
        *out++ = digits[i];
    }
    *out++ = ',';
    out = digits_fixed(out, 2, magnitude(cents) % 100);
    memcpy(out, "\u00a0€", sizeof "\u00a0€");
}

static void format_plain(int64_t cents, char separator, char out[MONEY_TEXT_SIZE])
{
    if (cents < 0)
        *out++ = '-';
    out = digits_least(out, 1, magnitude(cents) / 100);
    *out++ = separator;
    out = digits_fixed(out, 2, magnitude(cents) % 100);
    *out = '\0';
}

void money_format_input(int64_t cents, char out[MONEY_TEXT_SIZE])
{
    format_plain(cents, ',', out);
}

void money_format_bank(int64_t cents, char out[MONEY_TEXT_SIZE])
{
    assert(cents >= 0);
    format_plain(cents, '.', out);
}
