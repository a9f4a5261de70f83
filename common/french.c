#include "common/french.h"

#include "common/clock.h"
#include "common/digits.h"
#include "common/money.h"

#define NBSP "\xc2\xa0"

enum { SHORT_SIZE = 64, RECEIPT_DIGITS = 6 };

static const char *const months[] = {"janvier", "février", "mars",      "avril",   "mai",      "juin",
                                     "juillet", "août",    "septembre", "octobre", "novembre", "décembre"};

const char *french_month(int month)
{
    return months[month - 1];
}

static struct str date_text(struct arena *arena, int year, int month, int day)
{
    return arena_printf(arena, "%d%s" NBSP "%s" NBSP "%d", day, day == 1 ? "er" : "", months[month - 1], year);
}

struct str french_datetime(struct arena *arena, int64_t us)
{
    struct clock_local at = clock_to_local(us);
    struct str date = date_text(arena, at.year, at.month, at.day);
    return arena_printf(arena, "%.*s à %d" NBSP "h" NBSP "%02d", STR_ARG(date), at.hour, at.minute);
}

struct str french_hour(struct arena *arena, int64_t us)
{
    struct clock_local at = clock_to_local(us);
    return arena_printf(arena, "%d" NBSP "h" NBSP "%02d", at.hour, at.minute);
}

struct str french_datetime_short(struct arena *arena, int64_t us)
{
    struct clock_local at = clock_to_local(us);
    char text[SHORT_SIZE];
    char *end = digits_fixed(text, 2, (unsigned)at.day);

    *end++ = '/';
    end = digits_fixed(end, 2, (unsigned)at.month);
    *end++ = '/';
    end = str_put(digits_signed(end, at.year), STR(" à "));
    end = str_put(digits_signed(end, at.hour), STR(NBSP "h" NBSP));
    end = digits_fixed(end, 2, (unsigned)at.minute);
    return arena_str(arena, str_slice(text, (size_t)(end - text)));
}

struct str french_date_from_iso(struct arena *arena, struct str iso)
{
    int64_t year, month, day;
    if (iso.len != 10 || str_to_u63(str_slice(iso.ptr, 4), &year) || str_to_u63(str_slice(iso.ptr + 5, 2), &month) ||
        str_to_u63(str_slice(iso.ptr + 8, 2), &day) || month < 1 || month > 12)
        return iso;
    return date_text(arena, (int)year, (int)month, (int)day);
}

struct str french_time_iso(struct arena *arena, int64_t us)
{
    char text[CLOCK_LOCAL_ISO_SIZE];
    clock_to_local_iso(us, text);
    return arena_str(arena, str_from(text));
}

struct str french_money(struct arena *arena, int64_t cents)
{
    char text[MONEY_TEXT_SIZE];
    money_format(cents, text);
    return arena_str(arena, str_from(text));
}

struct str french_receipt(struct arena *arena, int64_t year, int64_t number)
{
    char text[SHORT_SIZE];
    char *end = digits_signed(text, year);

    *end++ = '-';
    end = digits_least(end, RECEIPT_DIGITS, (uint64_t)number);
    return arena_str(arena, str_slice(text, (size_t)(end - text)));
}

struct str french_claim(struct arena *arena, struct str number, struct str label)
{
    if (memmem(label.ptr, label.len, number.ptr, number.len))
        return label;
    return arena_printf(arena, "n°" NBSP "%.*s, %.*s", STR_ARG(number), STR_ARG(label));
}
