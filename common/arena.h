/* arena: memory that is taken piece by piece and given back all at once, at the end of a request or
 * job.
 *
 * Pieces are never freed alone. Out of memory aborts the program; so does passing the arena's
 * maximum, because every input is bounded before it reaches an arena (passing it is our bug, not a
 * peer's fault). Compiled with -DARENA_MALLOC_EACH every piece is a malloc of its own, so that the
 * sanitizers see overruns and uses after the end. Not thread-safe: one arena has one owner, and is ended by the thread
 * that began it, which keeps a few chunks for its next arena. */
#ifndef DP_COMMON_ARENA_H
#define DP_COMMON_ARENA_H

#include <stddef.h>

#include "common/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* owned; newest first */
    size_t used;                /* bytes handed out */
    size_t max;                 /* bytes */
};

/* Nothing is allocated before the first piece. */
void arena_init(struct arena *arena, size_t max);
/* Frees every piece. The arena may be used again; calling it twice is harmless. */
void arena_done(struct arena *arena);

/* `size` bytes aligned for any type, zeroed. Size 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size);
/* The same, not zeroed: for what is written before it is read. */
void *arena_room(struct arena *arena, size_t size);
/* `count` items of `size`, zeroed; aborts on overflow of the product. */
void *arena_array(struct arena *arena, size_t count, size_t size);
/* A copy with a NUL after it; the slice does not count the NUL. */
struct str arena_str(struct arena *arena, struct str s);
/* The slices one behind the other, with a NUL after them. */
struct str arena_concat(struct arena *arena, const struct str *slices, size_t count);
#define ARENA_CONCAT(arena, ...)                             \
    arena_concat((arena), (const struct str[]){__VA_ARGS__}, \
                 sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))
char *arena_text(struct arena *arena, struct str s);
struct str arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_array((arena), (count), sizeof(type)))

#endif
