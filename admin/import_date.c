#include "admin/import_date.h"

#include "common/clock.h"

struct day {
    int64_t year, month, day;
};

static bool day_exists(const struct day *day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (day->year < 2000 || day->year > 2099 || day->month < 1 || day->month > 12)
        return false;
    bool leap = day->month == 2 && day->year % 4 == 0;
    return day->day >= 1 && day->day <= days[day->month - 1] + leap;
}

static bool read_numbers(struct str text, char separator, size_t count, int64_t *ret_numbers)
{
    for (size_t i = 0; i < count; i++) {
        if (str_to_u63(str_cut(text, separator, &text), &ret_numbers[i]))
            return false;
    }
    return !text.ptr;
}

static bool read_day(struct str text, struct day *ret_day)
{
    int64_t numbers[3];
    char separator = str_find(text, '/') >= 0 ? '/' : '-';

    if (!read_numbers(text, separator, 3, numbers))
        return false;
    *ret_day = separator == '/' ? (struct day){numbers[2], numbers[1], numbers[0]}
                                : (struct day){numbers[0], numbers[1], numbers[2]};
    return day_exists(ret_day);
}

bool import_date_read(struct str text, struct arena *arena, struct str *ret_date)
{
    struct day day;
    if (!read_day(text, &day))
        return false;
    *ret_date = arena_printf(arena, "%04d-%02d-%02d", (int)day.year, (int)day.month, (int)day.day);
    return true;
}

bool import_moment_read(struct str text, int64_t *ret_us)
{
    struct str time;
    struct day day;
    int64_t clock[2] = {0, 0};

    if (!read_day(str_cut(text, ' ', &time), &day))
        return false;
    if (time.ptr && (!read_numbers(time, ':', 2, clock) || clock[0] > 23 || clock[1] > 59))
        return false;
    *ret_us = clock_from_local(&(struct clock_local){.year = (int)day.year,
                                                     .month = (int)day.month,
                                                     .day = (int)day.day,
                                                     .hour = (int)clock[0],
                                                     .minute = (int)clock[1]});
    return true;
}

struct str import_moment_sql(struct arena *arena, int64_t us)
{
    char text[CLOCK_RFC3339_SIZE];
    struct str time, day;

    clock_to_rfc3339(us, text);
    day = str_cut(str_from(text), 'T', &time);
    return arena_printf(arena, "%.*s %.*s", STR_ARG(day), (int)time.len - 1, time.ptr);
}
