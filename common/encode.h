/* encode: bytes to text and back: hex, base64url, percent (RFC 3986) and form encoding. */
#ifndef DP_COMMON_ENCODE_H
#define DP_COMMON_ENCODE_H

#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/str.h"

/* Lower-case hex; `out` has room for 2 * len + 1 and ends with a NUL. */
void encode_hex(const void *bytes, size_t len, char *out);
/* Either case, exactly 2 * out_len digits. ERR_INVALID otherwise, `out` then undefined. */
int decode_hex(struct str text, void *out, size_t out_len);

/* RFC 4648 §5 without padding. `out` has room for ENCODE_BASE64URL_SIZE(len), NUL included. */
#define ENCODE_BASE64URL_SIZE(len) (((len)*4 + 2) / 3 + 1)
void encode_base64url(const void *bytes, size_t len, char *out);
/* Exactly out_len bytes, canonical. ERR_INVALID otherwise. */
int decode_base64url(struct str text, void *out, size_t out_len);

/* Appends `s` with everything but RFC 3986 "unreserved" as %XX: right in a path, query or form
 * value. */
void encode_percent(struct buf *out, struct str s);
/* The decoded value, in `arena`. `plus_is_space` for form and query values. A bad %-escape, a NUL
 * or text that is not UTF-8 gives ERR_INVALID. */
int decode_percent(struct arena *arena, struct str s, bool plus_is_space, struct str *ret);

#endif
