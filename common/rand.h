/* rand: random bytes from the kernel's generator (libsodium). */
#ifndef DP_COMMON_RAND_H
#define DP_COMMON_RAND_H

#include <stddef.h>

/* Initialises libsodium; once, before any thread is started. Aborts if the system has no
 * randomness. */
void rand_init(void);
void rand_bytes(void *out, size_t len);
/* `len` characters of the 32-letter alphabet "0123456789abcdefghjkmnpqrstvwxyz" (Crockford, without
 * i l o u: nothing to confuse when read aloud), then a NUL. */
void rand_base32(char *out, size_t len);

#endif
