#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/digits.h"
#include "common/err.h"

int clock_set_zone(const char *zone)
{
    char path[256];
    int len = snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone);
    if (len < 0 || (size_t)len >= sizeof path || strstr(zone, "..") || access(path, R_OK) != 0)
        return ERR_INVALID;
    if (setenv("TZ", zone, 1) != 0)
        return ERR_INVALID;
    tzset();
    return 0;
}

int64_t clock_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * CLOCK_SECOND_US + now.tv_nsec / 1000;
}

int64_t clock_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static time_t floor_seconds(int64_t us)
{
    int64_t seconds = us / CLOCK_SECOND_US;
    return (time_t)(us % CLOCK_SECOND_US < 0 ? seconds - 1 : seconds);
}

struct clock_local clock_to_local(int64_t us)
{
    time_t seconds = floor_seconds(us);
    struct tm tm;

    localtime_r(&seconds, &tm);
    return (struct clock_local){
        .year = tm.tm_year + 1900,
        .month = tm.tm_mon + 1,
        .day = tm.tm_mday,
        .hour = tm.tm_hour,
        .minute = tm.tm_min,
        .second = tm.tm_sec,
        .weekday = tm.tm_wday,
        .utc_offset_minutes = (int)(tm.tm_gmtoff / 60),
    };
}

int64_t clock_from_local(const struct clock_local *local)
{
    struct tm tm = {
        .tm_year = local->year - 1900,
        .tm_mon = local->month - 1,
        .tm_mday = local->day,
        .tm_hour = local->hour,
        .tm_min = local->minute,
        .tm_sec = local->second,
        .tm_isdst = -1,
    };
    return (int64_t)mktime(&tm) * CLOCK_SECOND_US;
}

/* Days since 1970-01-01. Years are counted from March, so that the day that some have comes last; 400 of them have
 * 146097 days (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t days_from_date(int64_t year, int month, int day)
{
    int64_t from_march = year - (month <= 2);
    int64_t era = (from_march >= 0 ? from_march : from_march - 399) / 400;
    int64_t year_of_era = from_march - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

int64_t clock_from_utc(const struct clock_utc *utc)
{
    int64_t minutes = days_from_date(utc->year, utc->month, utc->day) * 1440 + utc->hour * 60 + utc->minute;
    return (minutes * 60 + utc->second) * CLOCK_SECOND_US;
}

/* "YYYY-MM-DDTHH:MM:SS." */
static void make_seconds(time_t seconds, char out[CLOCK_RFC3339_SIZE])
{
    struct tm tm;

    gmtime_r(&seconds, &tm);
    memcpy(out, "0000-00-00T00:00:00.", sizeof "0000-00-00T00:00:00.");
    digits_fixed(out, 4, (unsigned)(tm.tm_year + 1900)); /* the format has no more digits */
    digits_fixed(out + 5, 2, (unsigned)tm.tm_mon + 1);
    digits_fixed(out + 8, 2, (unsigned)tm.tm_mday);
    digits_fixed(out + 11, 2, (unsigned)tm.tm_hour);
    digits_fixed(out + 14, 2, (unsigned)tm.tm_min);
    digits_fixed(out + 17, 2, (unsigned)tm.tm_sec);
}

void clock_to_local_iso(int64_t us, char out[CLOCK_LOCAL_ISO_SIZE])
{
    struct clock_local at = clock_to_local(us);
    unsigned offset = (unsigned)abs(at.utc_offset_minutes);

    memcpy(out, "0000-00-00T00:00:00+00:00", CLOCK_LOCAL_ISO_SIZE);
    digits_fixed(out, 4, (unsigned)at.year);
    digits_fixed(out + 5, 2, (unsigned)at.month);
    digits_fixed(out + 8, 2, (unsigned)at.day);
    digits_fixed(out + 11, 2, (unsigned)at.hour);
    digits_fixed(out + 14, 2, (unsigned)at.minute);
    digits_fixed(out + 17, 2, (unsigned)at.second);
    out[19] = at.utc_offset_minutes < 0 ? '-' : '+';
    digits_fixed(out + 20, 2, offset / 60);
    digits_fixed(out + 23, 2, offset % 60);
}

/* What changes once a second is made once a second: a server writes the same one thousands of times. */
void clock_to_rfc3339(int64_t us, char out[CLOCK_RFC3339_SIZE])
{
    static __thread struct {
        time_t seconds;
        char text[CLOCK_RFC3339_SIZE];
    } made;
    time_t seconds = floor_seconds(us);

    if (seconds != made.seconds || made.text[0] == '\0') {
        make_seconds(seconds, made.text);
        made.seconds = seconds;
    }
    memcpy(out, made.text, 20);
    digits_fixed(out + 20, 6, (uint64_t)(us - (int64_t)seconds * CLOCK_SECOND_US));
    memcpy(out + 26, "Z", 2);
}

/* Reads exactly `digits` digits at `text[at]`. */
static int read_number(struct str text, size_t at, size_t digits, int *ret)
{
    int64_t value;
    if (at + digits > text.len || str_to_u63(str_slice(text.ptr + at, digits), &value) != 0)
        return ERR_INVALID;
    *ret = (int)value;
    return 0;
}

static int read_fraction(struct str text, int *ret_micros)
{
    int micros = 0;
    size_t at = 20;

    if (text.ptr[19] == 'Z' && text.len == 20) {
        *ret_micros = 0;
        return 0;
    }
    if (text.ptr[19] != '.' || text.len < 22 || text.len > 27 || text.ptr[text.len - 1] != 'Z')
        return ERR_INVALID;
    for (int scale = 100000; at < text.len - 1; at++, scale /= 10) {
        if (text.ptr[at] < '0' || text.ptr[at] > '9')
            return ERR_INVALID;
        micros += (text.ptr[at] - '0') * scale;
    }
    *ret_micros = micros;
    return 0;
}

int clock_from_rfc3339(struct str text, int64_t *ret_us)
{
    int year, month, day, hour, minute, second, micros;

    if (text.len < 20 || text.ptr[4] != '-' || text.ptr[7] != '-' || text.ptr[10] != 'T' || text.ptr[13] != ':' ||
        text.ptr[16] != ':')
        return ERR_INVALID;
    if (read_number(text, 0, 4, &year) || read_number(text, 5, 2, &month) || read_number(text, 8, 2, &day) ||
        read_number(text, 11, 2, &hour) || read_number(text, 14, 2, &minute) || read_number(text, 17, 2, &second) ||
        read_fraction(text, &micros))
        return ERR_INVALID;
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};
    time_t seconds = timegm(&tm);
    /* timegm() normalises 31 February into March: what it changed was not a date. */
    if (tm.tm_mon != month - 1 || tm.tm_mday != day || tm.tm_hour != hour || tm.tm_min != minute || tm.tm_sec != second)
        return ERR_INVALID;
    *ret_us = (int64_t)seconds * CLOCK_SECOND_US + micros;
    return 0;
}
