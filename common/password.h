/* password: Argon2id hashes (libsodium) and the rules for new passwords. Both functions that hash take tens of
 * milliseconds and tens of megabytes: never on the loop. */
#ifndef DP_COMMON_PASSWORD_H
#define DP_COMMON_PASSWORD_H

#include <stdbool.h>

#include "common/str.h"

enum { PASSWORD_LENGTH_MIN = 12, PASSWORD_LENGTH_MAX = 128, PASSWORD_HASH_SIZE = 128 };

/* OWASP and RFC 9106 minimum for a busy evening: t=2, m=19 MiB, p=1 (reliability.md §3 row 1). */
enum { PASSWORD_OPS = 2, PASSWORD_MEMORY_KIB = 19456 };

/* PHC string, NUL-terminated. ERR_UNAVAILABLE when memory is short. */
int password_hash(struct str password, char out[PASSWORD_HASH_SIZE]);
/* 0, or ERR_FORBIDDEN when it does not match. */
int password_verify(const char *hash, struct str password);
/* A hash that no password has, to spend the same time on an unknown login. */
const char *password_dummy_hash(void);

/* Whose password it is: words that it must not be made of. UTF-8; any may be empty. */
struct password_owner {
    struct str login, last_name, first_name, email, school, city;
};

/* NULL when the password may be used, else in French why not and what to do instead (static text). 12 to 128 characters
 * of any kind; not what is tried first (password_guess.h), nor the owner's own words. */
const char *password_refusal(struct str password, const struct password_owner *owner);
/* "karotte-7-velours": three or more easy-to-type parts, at least 12 characters and 60 bits; for letters. */
void password_generate(char *out, size_t size);

#endif
