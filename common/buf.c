#include "common/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"

enum { CAP_MIN = 256 };

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_init_in(struct buf *buf, char *room, size_t size, size_t max)
{
    *buf = (struct buf){.ptr = room, .cap = size < max ? size : max, .max = max, .in_room = true};
}

void buf_done(struct buf *buf)
{
    if (!buf->in_room)
        free(buf->ptr);
    *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->overflowed = false;
}

static void grow(struct buf *buf, size_t needed)
{
    size_t cap = buf->cap ? buf->cap : CAP_MIN;
    while (cap < needed)
        cap *= 2;
    if (cap > buf->max && needed <= buf->max)
        cap = buf->max;
    char *ptr = realloc(buf->in_room ? NULL : buf->ptr, cap);
    if (!ptr)
        log_fatal("out_of_memory", LOG_INT("bytes", (int64_t)cap));
    if (buf->in_room)
        memcpy(ptr, buf->ptr, buf->len);
    buf->in_room = false;
    buf->ptr = ptr;
    buf->cap = cap;
}

char *buf_reserve(struct buf *buf, size_t len)
{
    if (buf->overflowed || len > buf->max - buf->len) {
        buf->overflowed = true;
        return NULL;
    }
    if (buf->cap - buf->len < len || !buf->ptr)
        grow(buf, buf->len + len);
    return buf->ptr + buf->len;
}

void buf_commit(struct buf *buf, size_t len)
{
    assert(len <= buf->cap - buf->len);
    buf->len += len;
}

void buf_append(struct buf *buf, struct str s)
{
    char *room = buf_reserve(buf, s.len);
    if (!room || s.len == 0)
        return;
    memcpy(room, s.ptr, s.len);
    buf->len += s.len;
}

void buf_append_text(struct buf *buf, const char *text)
{
    buf_append(buf, str_from(text));
}

void buf_append_char(struct buf *buf, char c)
{
    buf_append(buf, (struct str){&c, 1});
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        log_fatal("bad_format", LOG_STR("format", format));
    /* vsnprintf writes a NUL: it needs a byte that the buffer does not count. */
    char *room = buf_reserve(buf, (size_t)len);
    if (!room)
        return;
    if (buf->cap - buf->len < (size_t)len + 1)
        grow(buf, buf->len + (size_t)len + 1);
    vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, args);
    buf->len += (size_t)len;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

void buf_consume(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    if (len > 0)
        memmove(buf->ptr, buf->ptr + len, buf->len - len);
    buf->len -= len;
}

bool buf_ok(const struct buf *buf)
{
    return !buf->overflowed;
}

struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->ptr, buf->len};
}
