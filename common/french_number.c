#include "common/french_number.h"

#include <assert.h>
#include <stdbool.h>

#include "common/buf.h"

enum { TEXT_MAX = 512, TEN = 10, HUNDRED = 100, THOUSAND = 1000, MILLION = 1000000, MILLIARD = 1000000000 };

static const char *const small[] = {"zéro",     "un",     "deux",  "trois",    "quatre",   "cinq",    "six",
                                    "sept",     "huit",   "neuf",  "dix",      "onze",     "douze",   "treize",
                                    "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf"};
/* Soixante-dix counts on from sixty, quatre-vingt-dix from eighty. */
static const char *const tens[] = {"",          "",         "vingt",    "trente",       "quarante",
                                   "cinquante", "soixante", "soixante", "quatre-vingt", "quatre-vingt"};

/* `final`: nothing that counts follows, so vingt and cent may take their s. */
static void put_below_hundred(struct buf *out, unsigned n, bool final)
{
    unsigned ten = n / TEN;
    if (ten < 2) {
        buf_append_text(out, small[n]);
        return;
    }
    unsigned rest = n % TEN + (ten == 7 || ten == 9 ? TEN : 0);
    bool is_eighty = ten >= 8;
    buf_append_text(out, tens[ten]);
    if (rest == 0)
        buf_append_text(out, is_eighty && final ? "s" : "");
    else
        buf_printf(out, "%s%s", rest % TEN == 1 && !is_eighty ? " et " : "-", small[rest]);
}

static void put_below_thousand(struct buf *out, unsigned n, bool final)
{
    unsigned hundreds = n / HUNDRED, rest = n % HUNDRED;
    if (hundreds > 1)
        buf_printf(out, "%s ", small[hundreds]);
    if (hundreds > 0)
        buf_append_text(out, hundreds > 1 && rest == 0 && final ? "cents" : "cent");
    if (hundreds > 0 && rest > 0)
        buf_append_char(out, ' ');
    if (rest > 0)
        put_below_hundred(out, rest, final);
}

/* "deux millions": nouns, after which cents and quatre-vingts keep their s. Returns what is left of `n`. */
static int64_t put_noun(struct buf *out, int64_t n, int64_t unit, const char *noun)
{
    unsigned count = (unsigned)(n / unit);
    if (count == 0)
        return n;
    put_below_thousand(out, count, true);
    buf_printf(out, " %s%s", noun, count > 1 ? "s" : "");
    if (n % unit > 0)
        buf_append_char(out, ' ');
    return n % unit;
}

static void put_number(struct buf *out, int64_t n)
{
    if (n == 0)
        buf_append_text(out, small[0]);
    n = put_noun(out, n, MILLIARD, "milliard");
    n = put_noun(out, n, MILLION, "million");
    unsigned thousands = (unsigned)(n / THOUSAND), rest = (unsigned)(n % THOUSAND);
    if (thousands > 1) {
        put_below_thousand(out, thousands, false);
        buf_append_char(out, ' ');
    }
    if (thousands > 0)
        buf_append_text(out, rest > 0 ? "mille " : "mille");
    put_below_thousand(out, rest, true);
}

static struct str take(struct buf *text, struct arena *arena)
{
    assert(buf_ok(text));
    struct str copy = arena_str(arena, buf_str(text));
    buf_done(text);
    return copy;
}

struct str french_number(struct arena *arena, int64_t number)
{
    struct buf text;
    assert(number >= 0 && number <= FRENCH_NUMBER_MAX);
    buf_init(&text, TEXT_MAX);
    put_number(&text, number);
    return take(&text, arena);
}

struct str french_sum(struct arena *arena, int64_t cents)
{
    struct buf text;
    assert(cents >= 0 && cents / HUNDRED <= FRENCH_NUMBER_MAX);
    int64_t euros = cents / HUNDRED;
    unsigned rest = (unsigned)(cents % HUNDRED);
    buf_init(&text, TEXT_MAX);
    if (euros > 0 || rest == 0) {
        put_number(&text, euros);
        buf_append_text(&text, euros > 0 && euros % MILLION == 0 ? " d'" : " ");
        buf_append_text(&text, euros > 1 ? "euros" : "euro");
    }
    if (rest > 0) {
        buf_append_text(&text, euros > 0 ? " et " : "");
        put_below_hundred(&text, rest, true);
        buf_append_text(&text, rest > 1 ? " centimes" : " centime");
    }
    return take(&text, arena);
}
