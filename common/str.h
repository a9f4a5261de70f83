/* str: a slice of bytes that somebody else owns. Not NUL-terminated, may hold any byte. */
#ifndef DP_COMMON_STR_H
#define DP_COMMON_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr; /* borrowed; NULL only together with len 0 */
    size_t len;
};

#define STR(literal) ((struct str){("" literal), sizeof(literal) - 1})
#define STR_NULL     ((struct str){NULL, 0})
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).len, ((s).ptr ? (s).ptr : "")

/* The slice over a NUL-terminated text; NULL gives STR_NULL. */
struct str str_from(const char *text);
struct str str_slice(const char *ptr, size_t len);
/* Copies the bytes to `out`, which has room for them; gives the end. */
char *str_put(char *out, struct str s);

bool str_eq(struct str a, struct str b);
bool str_eq_text(struct str a, const char *text);
/* ASCII letters compare without case (header names, schemes, e-mail domains). */
bool str_eq_nocase(struct str a, struct str b);
bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);

/* Index of the first `c`, or -1. */
ptrdiff_t str_find(struct str s, char c);
/* Cuts `s` at the first `c`: returns what stands before it and leaves what follows in *rest.
 * Without `c`: returns all of `s` and leaves STR_NULL in *rest. `rest` may be &s. */
struct str str_cut(struct str s, char c, struct str *rest);
/* Without ASCII white space (space, \t, \r, \n, \f, \v) at both ends. */
struct str str_trim(struct str s);

/* Decimal digits only, no sign, no space, at most 18 digits. ERR_INVALID otherwise; *ret untouched.
 */
int str_to_u63(struct str s, int64_t *ret);

/* Well-formed UTF-8 (RFC 3629: no overlong form, no surrogate, at most U+10FFFF). NUL is accepted
 * here: who refuses it says so. */
bool str_is_utf8(struct str s);
/* Number of code points of a well-formed UTF-8 slice. */
size_t str_utf8_length(struct str s);
/* True if a control character stands in `s` (below 0x20 and 0x7f, other than those listed in `allowed`, NUL-terminated;
 * U+0080 to U+009F), a line end of Unicode's, or a mark that turns the direction of what follows (Unicode Standard
 * Annex 9 §2: a name with such a mark rewrites the amount beside it). */
bool str_has_control(struct str s, const char *allowed);

/* Equal in constant time for equal lengths (secrets). */
bool str_eq_secret(struct str a, struct str b);

#endif
