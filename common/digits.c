#include "common/digits.h"

char *digits_fixed(char *out, unsigned count, uint64_t number)
{
    for (char *at = out + count; at > out; number /= 10)
        *--at = (char)('0' + number % 10);
    return out + count;
}

char *digits_least(char *out, unsigned least, uint64_t number)
{
    unsigned count = 1;

    for (uint64_t rest = number / 10; rest > 0; rest /= 10)
        count++;
    return digits_fixed(out, count > least ? count : least, number);
}

char *digits_signed(char *out, int64_t number)
{
    if (number >= 0)
        return digits_least(out, 1, (uint64_t)number);
    *out++ = '-';
    return digits_least(out, 1, -(uint64_t)number);
}

struct str digits_text(struct arena *arena, int64_t number)
{
    char text[DIGITS_MAX + 1];
    return arena_str(arena, str_slice(text, (size_t)(digits_signed(text, number) - text)));
}
