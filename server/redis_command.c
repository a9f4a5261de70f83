#include "server/redis_command.h"

enum { DIGITS_MAX = 20 };

/* "*3\r\n" or "$11\r\n". */
static void append_count(struct buf *out, char type, size_t count)
{
    char text[1 + DIGITS_MAX + 2], *at = text + sizeof text;

    *--at = '\n';
    *--at = '\r';
    do
        *--at = (char)('0' + count % 10);
    while ((count /= 10) > 0);
    *--at = type;
    buf_append(out, str_slice(at, (size_t)(text + sizeof text - at)));
}

void redis_command_format(struct buf *out, unsigned argc, const struct str *argv)
{
    append_count(out, '*', argc);
    for (unsigned i = 0; i < argc; i++) {
        append_count(out, '$', argv[i].len);
        buf_append(out, argv[i]);
        buf_append(out, STR("\r\n"));
    }
}
