#include "common/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"

enum { CHUNK_SIZE = 4096 - 64, PRINTF_SMALL = 256 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *arena, size_t max)
{
    *arena = (struct arena){.max = max};
}

void arena_done(struct arena *arena)
{
    while (arena->chunks) {
        struct arena_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
    arena->used = 0;
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (!chunk)
        log_fatal("out_of_memory", LOG_INT("bytes", (int64_t)size));
    *chunk = (struct arena_chunk){.next = arena->chunks, .size = size};
    arena->chunks = chunk;
    return chunk;
}

static size_t chunk_size_for(size_t size)
{
#ifdef ARENA_MALLOC_EACH
    return size;
#else
    return size > CHUNK_SIZE ? size : CHUNK_SIZE;
#endif
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    struct arena_chunk *chunk = arena->chunks;

    if (size > arena->max - arena->used)
        log_fatal("arena_limit", LOG_INT("bytes", (int64_t)size));
#ifndef ARENA_MALLOC_EACH
    size = (size + align - 1) / align * align;
#endif
    if (!chunk || chunk->size - chunk->used < size || chunk->size == 0)
        chunk = add_chunk(arena, chunk_size_for(size));
    void *piece = chunk->bytes + chunk->used;
#ifdef ARENA_MALLOC_EACH
    (void)align;
    chunk->used = chunk->size;
#else
    chunk->used += size;
#endif
    arena->used += size;
    if (arena->used > arena->max)
        arena->used = arena->max;
    memset(piece, 0, size);
    return piece;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        log_fatal("arena_overflow", LOG_INT("count", (int64_t)count));
    return arena_alloc(arena, total);
}

char *arena_text(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

struct str arena_str(struct arena *arena, struct str s)
{
    return (struct str){arena_text(arena, s), s.len};
}

/* Most texts are short: they are formatted once, beside the arena, and copied. */
struct str arena_printf(struct arena *arena, const char *format, ...)
{
    char small[PRINTF_SMALL];
    va_list args;
    va_list again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (len < 0)
        log_fatal("bad_format", LOG_STR("format", format));
    char *text = arena_alloc(arena, (size_t)len + 1);
    if ((size_t)len < sizeof small)
        memcpy(text, small, (size_t)len + 1);
    else
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return (struct str){text, (size_t)len};
}
