/* Amounts: what money_parse reads is what a regular expression and decimal arithmetic on the digits read; every amount
 * is written so that it reads back. */
#include <inttypes.h>
#include <regex.h>

#include "common/money.h"
#include "fuzz/fuzz.h"

enum { TOKENS_MAX = 256 };

static regex_t french, bank;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return regcomp(&french, "^ *([0-9]+|[0-9]{1,3}( [0-9]{3})+)([.,]([0-9]{1,2}))? *E? *$", REG_EXTENDED) |
           regcomp(&bank, "^([0-9]+)()([.]([0-9]{1,2}))?$", REG_EXTENDED);
}

/* Every kind of space becomes " ", every sign of the currency "E", every other odd character "?". */
static bool simplify(struct str s, char out[TOKENS_MAX])
{
    static const struct {
        const char *text;
        char token;
    } tokens[] = {{"\u00a0", ' '}, {"\u202f", ' '}, {"\u2009", ' '}, {"€", 'E'}, {"EUR", 'E'}};
    size_t len = 0;

    while (s.len > 0) {
        size_t taken = 1;
        if (len + 1 == TOKENS_MAX)
            return false;
        out[len] = s.ptr[0] != '\0' && strchr("0123456789., ", s.ptr[0]) ? s.ptr[0] : '?';
        for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
            size_t n = strlen(tokens[i].text);
            if (s.len >= n && str_eq_nocase(str_slice(s.ptr, n), str_from(tokens[i].text))) {
                out[len] = tokens[i].token;
                taken = n;
            }
        }
        len++;
        s = str_slice(s.ptr + taken, s.len - taken);
    }
    out[len] = '\0';
    return true;
}

/* The digits of the euros and two for the cents, as one decimal number. -1: too large for any. */
static int64_t decimal(const char *text, const regmatch_t *match)
{
    char digits[TOKENS_MAX + 2];
    size_t len = 0, skipped;

    for (regoff_t i = match[1].rm_so; i < match[1].rm_eo; i++) {
        if (text[i] != ' ')
            digits[len++] = text[i];
    }
    for (regoff_t i = 0; i < 2; i++)
        digits[len++] = match[4].rm_so >= 0 && match[4].rm_so + i < match[4].rm_eo ? text[match[4].rm_so + i] : '0';
    digits[len] = '\0';
    skipped = strspn(digits, "0");
    return len - skipped > 18 ? -1 : strtoll(digits, NULL, 10);
}

static void compare(struct str text, const regex_t *grammar, int (*parse)(struct str, int64_t *), const char *simple)
{
    regmatch_t match[5];
    int64_t cents = -1;
    int err = parse(text, &cents);

    if (regexec(grammar, simple, 5, match, 0) != 0) {
        FUZZ_CHECK(err == ERR_INVALID && cents == -1);
        return;
    }
    int64_t expected = decimal(simple, match);
    if (expected < 0 || expected > MONEY_CENTS_MAX)
        FUZZ_CHECK(err == ERR_TOO_LARGE && cents == -1);
    else
        FUZZ_CHECK(err == 0 && cents == expected);
}

/* The digits of a written amount are those of its number. */
static void check_digits(const char *text, int64_t cents)
{
    char digits[MONEY_TEXT_SIZE], expected[MONEY_TEXT_SIZE];
    size_t len = 0;

    for (; *text; text++) {
        if (*text >= '0' && *text <= '9')
            digits[len++] = *text;
    }
    digits[len] = '\0';
    snprintf(expected, sizeof expected, "%03" PRIu64, cents < 0 ? -(uint64_t)cents : (uint64_t)cents);
    FUZZ_CHECK(strcmp(digits, expected) == 0);
}

static void check_written(int64_t cents)
{
    char shown[MONEY_TEXT_SIZE], input[MONEY_TEXT_SIZE], sent[MONEY_TEXT_SIZE];
    int64_t again = -1;

    money_format(cents, shown);
    money_format_input(cents, input);
    check_digits(shown, cents);
    check_digits(input, cents);
    if (cents < 0 || cents > MONEY_CENTS_MAX)
        return;
    money_format_bank(cents, sent);
    FUZZ_CHECK(money_parse(str_from(shown), &again) == 0 && again == cents);
    FUZZ_CHECK(money_parse(str_from(input), &again) == 0 && again == cents);
    FUZZ_CHECK(money_parse_bank(str_from(sent), &again) == 0 && again == cents);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_str(data, size), rest = text;
    char simple[TOKENS_MAX];

    if (simplify(text, simple)) {
        compare(text, &french, money_parse, simple);
        /* The bank's grammar knows no space and no sign, so the simplified text serves it too. */
        compare(text, &bank, money_parse_bank, simple);
    }
    int64_t cents = (int64_t)fuzz_number(&rest);
    check_written(cents);
    check_written(cents & 0x3fffffff);
    return 0;
}
