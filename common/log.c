#include "common/log.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"

enum { LINE_MAX_BYTES = 4096 };

static const char *const level_texts[] = {
    [LOG_LEVEL_DEBUG] = " level=debug program=",
    [LOG_LEVEL_INFO] = " level=info program=",
    [LOG_LEVEL_WARN] = " level=warn program=",
    [LOG_LEVEL_ERROR] = " level=error program=",
};

static const char hex_digits[] = "0123456789abcdef";

static const char *program_name = "dp";
static enum log_level least_level = LOG_LEVEL_INFO;

/* The logger stands below every other module: it uses no buf, so that a failing buf can still log.
 */
struct line {
    char bytes[LINE_MAX_BYTES];
    size_t len;
};

/* Lines that wait for log_flush(), of one thread. */
static __thread struct {
    bool on;
    size_t len;
    char bytes[LOG_HELD_MAX];
} held;

void log_init(const char *program, enum log_level least)
{
    program_name = program;
    least_level = least;
}

static void put_char(struct line *line, char c)
{
    if (line->len < sizeof line->bytes - 1) /* the last byte is the newline's */
        line->bytes[line->len++] = c;
}

static void put_bytes(struct line *line, const char *bytes, size_t len)
{
    size_t room = sizeof line->bytes - 1 - line->len;

    if (len > room)
        len = room;
    memcpy(line->bytes + line->len, bytes, len);
    line->len += len;
}

static void put_text(struct line *line, const char *text)
{
    put_bytes(line, text, strlen(text));
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
            return false;
    }
    return s.len > 0;
}

static void put_escaped(struct line *line, unsigned char c)
{
    char hex[5];
    if (c == '"' || c == '\\') {
        put_char(line, '\\');
        put_char(line, (char)c);
    } else if (c < 0x20 || c == 0x7f) {
        snprintf(hex, sizeof hex, "\\x%02x", c);
        put_text(line, hex);
    } else {
        put_char(line, (char)c);
    }
}

static void put_value(struct line *line, struct str s)
{
    if (is_plain(s)) {
        put_bytes(line, s.ptr, s.len);
        return;
    }
    put_char(line, '"');
    for (size_t i = 0; i < s.len; i++)
        put_escaped(line, (unsigned char)s.ptr[i]);
    put_char(line, '"');
}

static void put_hex(struct line *line, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        const char digits[] = {hex_digits[c >> 4], hex_digits[c & 15]};
        put_bytes(line, digits, sizeof digits);
    }
}

static void put_mail(struct line *line, struct str s)
{
    ptrdiff_t at = str_find(s, '@');
    if (at <= 0) {
        put_text(line, "(hidden)");
        return;
    }
    struct str first = str_slice(s.ptr, 1), domain = str_slice(s.ptr + at, s.len - (size_t)at);
    const char *quote = is_plain(first) && is_plain(domain) ? "" : "\"";
    put_text(line, quote);
    if ((unsigned char)s.ptr[0] < 0x80) /* not the first half of a character */
        put_escaped(line, (unsigned char)s.ptr[0]);
    put_text(line, "…");
    for (size_t i = 0; i < domain.len; i++)
        put_escaped(line, (unsigned char)domain.ptr[i]);
    put_text(line, quote);
}

static void put_number(struct line *line, int64_t number)
{
    char digits[20], *at = digits + sizeof digits;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        put_char(line, '-');
    put_bytes(line, at, (size_t)(digits + sizeof digits - at));
}

/* As %016llx. */
static void put_id(struct line *line, uint64_t id)
{
    char digits[16];

    for (size_t i = 0; i < sizeof digits; i++)
        digits[i] = hex_digits[id >> (60 - 4 * i) & 15];
    put_bytes(line, digits, sizeof digits);
}

static void put_field(struct line *line, const struct log_field *field)
{
    put_bytes(line, field->key.ptr, field->key.len);
    switch (field->kind) {
    case LOG_KIND_STR:
        put_value(line, field->text);
        break;
    case LOG_KIND_INT:
        put_number(line, field->number);
        break;
    case LOG_KIND_ID:
        put_id(line, (uint64_t)field->number);
        break;
    case LOG_KIND_HEX:
        put_hex(line, field->text);
        break;
    case LOG_KIND_ERR:
        put_text(line, err_name((int)field->number));
        break;
    case LOG_KIND_MAIL:
        put_mail(line, field->text);
        break;
    case LOG_KIND_NONE:
        break;
    }
}

/* The part that changes once a second is made once a second. */
static void put_time(struct line *line)
{
    static __thread struct {
        time_t second;
        char text[40];
    } made;
    struct timespec now;
    struct tm utc;

    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != made.second) {
        gmtime_r(&now.tv_sec, &utc);
        strftime(made.text, sizeof made.text, "ts=%Y-%m-%dT%H:%M:%S.", &utc);
        made.second = now.tv_sec;
    }
    int ms = (int)(now.tv_nsec / 1000000);
    const char fraction[] = {(char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10), 'Z'};
    put_text(line, made.text);
    put_bytes(line, fraction, sizeof fraction);
}

/* A lost log line is not worth failing for. */
static void write_out(const char *bytes, size_t len)
{
    if (len > 0 && write(STDERR_FILENO, bytes, len) < 0)
        return;
}

void log_hold(void)
{
    held.on = true;
}

void log_flush(void)
{
    write_out(held.bytes, held.len);
    held.len = 0;
}

static void put_out(enum log_level level, const struct line *line)
{
    if (held.len + line->len > sizeof held.bytes)
        log_flush();
    if (!held.on) {
        write_out(line->bytes, line->len);
        return;
    }
    memcpy(held.bytes + held.len, line->bytes, line->len);
    held.len += line->len;
    if (level >= LOG_LEVEL_WARN)
        log_flush();
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    struct line line;

    if (level < least_level)
        return;
    line.len = 0;
    put_time(&line);
    put_text(&line, level_texts[level]);
    put_text(&line, program_name);
    put_text(&line, " event=");
    put_text(&line, event);
    for (; fields->kind != LOG_KIND_NONE; fields++)
        put_field(&line, fields);
    line.bytes[line.len++] = '\n';
    put_out(level, &line);
}

void log_abort(const char *event, const struct log_field *fields)
{
    log_write(LOG_LEVEL_ERROR, event, fields);
    abort();
}
