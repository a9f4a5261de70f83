#include "common/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"

/* A request or job of the usual size fits one chunk. */
enum { CHUNK_SIZE = 8192 - 64, PRINTF_SMALL = 256 };
#ifdef ARENA_MALLOC_EACH
enum { CHUNKS_KEPT_MAX = 0 };
#else
enum { CHUNKS_KEPT_MAX = 64 };
#endif

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

/* Chunks of the usual size that wait for the thread's next arena: a server makes and ends thousands a second. */
static __thread struct {
    struct arena_chunk *first;
    unsigned count;
} kept;

static struct arena_chunk *take_kept(void)
{
    struct arena_chunk *chunk = kept.first;

    if (chunk) {
        kept.first = chunk->next;
        kept.count--;
    }
    return chunk;
}

static void keep_or_free(struct arena_chunk *chunk)
{
    if (chunk->size != CHUNK_SIZE || kept.count == CHUNKS_KEPT_MAX) {
        free(chunk);
        return;
    }
    chunk->next = kept.first;
    kept.first = chunk;
    kept.count++;
}

void arena_init(struct arena *arena, size_t max)
{
    *arena = (struct arena){.max = max};
}

void arena_done(struct arena *arena)
{
    while (arena->chunks) {
        struct arena_chunk *next = arena->chunks->next;
        keep_or_free(arena->chunks);
        arena->chunks = next;
    }
    arena->used = 0;
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = size == CHUNK_SIZE ? take_kept() : NULL;

    if (!chunk)
        chunk = malloc(sizeof *chunk + size);
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

void *arena_room(struct arena *arena, size_t size)
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
    return piece;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(arena_room(arena, size), 0, size);
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
    char *copy = arena_room(arena, s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

struct str arena_str(struct arena *arena, struct str s)
{
    return (struct str){arena_text(arena, s), s.len};
}

struct str arena_concat(struct arena *arena, const struct str *slices, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += slices[i].len;
    char *text = arena_room(arena, len + 1), *end = text;
    for (size_t i = 0; i < count; i++)
        end = str_put(end, slices[i]);
    *end = '\0';
    return (struct str){text, len};
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
    char *text = arena_room(arena, (size_t)len + 1);
    if ((size_t)len < sizeof small)
        memcpy(text, small, (size_t)len + 1);
    else
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return (struct str){text, (size_t)len};
}
