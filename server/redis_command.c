#include "server/redis_command.h"

#include "common/digits.h"

#define END STR("\r\n")
enum { END_LEN = 2, COUNT_MAX = 1 + DIGITS_MAX + END_LEN };

/* "*3\r\n" or "$11\r\n". */
static char *put_count(char *out, char type, size_t count)
{
    *out++ = type;
    return str_put(digits_least(out, 1, count), END);
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
        at = str_put(str_put(at, argv[i]), END);
    }
    buf_commit(out, (size_t)(at - start));
}
