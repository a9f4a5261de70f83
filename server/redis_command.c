#include "server/redis_command.h"

enum { DIGITS_MAX = 20, COUNT_MAX = 1 + DIGITS_MAX + 2, END_LEN = 2 };

static char *put(char *out, const char *bytes, size_t len)
{
    if (len > 0)
        memcpy(out, bytes, len);
    return out + len;
}

/* "*3\r\n" or "$11\r\n". */
static char *put_count(char *out, char type, size_t count)
{
    char text[COUNT_MAX], *at = text + sizeof text;

    *--at = '\n';
    *--at = '\r';
    do
        *--at = (char)('0' + count % 10);
    while ((count /= 10) > 0);
    *--at = type;
    return put(out, at, (size_t)(text + sizeof text - at));
}

void redis_command_format(struct buf *out, unsigned argc, const struct str *argv)
{
    size_t size_max = COUNT_MAX;
    char *start, *at;

    for (unsigned i = 0; i < argc; i++)
        size_max += COUNT_MAX + argv[i].len + END_LEN;
    start = buf_reserve(out, size_max);
    if (!start)
        return;
    at = put_count(start, '*', argc);
    for (unsigned i = 0; i < argc; i++) {
        at = put_count(at, '$', argv[i].len);
        at = put(at, argv[i].ptr, argv[i].len);
        at = put(at, "\r\n", END_LEN);
    }
    buf_commit(out, (size_t)(at - start));
}
