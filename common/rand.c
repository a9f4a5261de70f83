#include "common/rand.h"

#include <sodium.h>

#include "common/log.h"

void rand_init(void)
{
    if (sodium_init() < 0)
        log_fatal("no_randomness");
}

void rand_bytes(void *out, size_t len)
{
    randombytes_buf(out, len);
}

void rand_base32(char *out, size_t len)
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    rand_bytes(out, len);
    for (size_t i = 0; i < len; i++)
        out[i] = alphabet[out[i] & 31];
    out[len] = '\0';
}
