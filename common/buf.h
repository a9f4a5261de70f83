/* buf: a growing byte buffer that states its maximum at birth.
 *
 * Appending past the maximum changes nothing and marks the buffer as overflowed for good: check
 * once, at the end, with buf_ok(). Out of memory aborts. */
#ifndef DP_COMMON_BUF_H
#define DP_COMMON_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

struct buf {
    char *ptr; /* owned, unless `in_room`; NULL while nothing was appended */
    size_t len;
    size_t cap;
    size_t max;
    bool overflowed;
    bool in_room; /* `ptr` is not the buffer's own yet: buf_init_in() */
};

void buf_init(struct buf *buf, size_t max);
/* Begins in `room`, `size` bytes that outlive it; memory of its own is taken only for what does not fit. */
void buf_init_in(struct buf *buf, char *room, size_t size, size_t max);
/* Frees the bytes; the buffer may be used again with the same maximum. Harmless twice. */
void buf_done(struct buf *buf);
/* Forgets the content and the overflow, keeps the memory. */
void buf_clear(struct buf *buf);

void buf_append(struct buf *buf, struct str s);
void buf_append_text(struct buf *buf, const char *text);
void buf_append_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* Room for `len` more bytes at the returned address (not counted yet), or NULL on overflow; follow
 * with buf_commit(). */
char *buf_reserve(struct buf *buf, size_t len);
void buf_commit(struct buf *buf, size_t len);
/* Removes `len` bytes at the front (len <= buf->len). */
void buf_consume(struct buf *buf, size_t len);

bool buf_ok(const struct buf *buf);
/* Borrowed until the next change of the buffer. */
struct str buf_str(const struct buf *buf);

#endif
