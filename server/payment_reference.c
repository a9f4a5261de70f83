#include "server/payment_reference.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/rand.h"

enum { PREFIX_LEN = 3, RANDOM_LEN = 3 };

void payment_reference_make(struct str prefix, int64_t now_us, char out[PAYMENT_REFERENCE_LEN + 1])
{
    struct clock_local at = clock_to_local(now_us);
    char random[RANDOM_LEN + 1];
    char time[32];

    rand_base32(random, RANDOM_LEN);
    snprintf(time, sizeof time, "%04d%02d%02d%02d%02d%02d", at.year, at.month, at.day, at.hour, at.minute, at.second);
    snprintf(out, PAYMENT_REFERENCE_LEN + 1, "%.*s%.14s%.3s", (int)(prefix.len < PREFIX_LEN ? prefix.len : PREFIX_LEN),
             prefix.ptr, time, random);
}

bool payment_reference_is_plausible(struct str text)
{
    if (text.len == 0 || text.len > PAYMENT_REFERENCE_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return true;
}
