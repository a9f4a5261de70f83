/* What the product allocates is linked to the process that runs, so that a crash leaves nothing behind: the linker
 * sends its malloc(), calloc(), realloc() and free() here (--wrap). */
#include "simulator/memory.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/sim.h"

enum { WORLD_SIZE = 4 * 1024 * 1024 };

struct sim_block {
    struct sim_block *prev, *next;
    struct process *owner; /* NULL: the simulator's own */
    size_t size;
    alignas(max_align_t) char bytes[];
};

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static char *world;
static size_t world_used;

static void *link_block(struct sim_block *block, size_t size)
{
    if (!block)
        sim_unable("out of memory");
    block->owner = sim_self;
    block->size = size;
    block->prev = NULL;
    block->next = sim_self ? sim_self->blocks : NULL;
    if (block->next)
        block->next->prev = block;
    if (sim_self)
        sim_self->blocks = block;
    return block->bytes;
}

void *__wrap_malloc(size_t size)
{
    return link_block(__real_malloc(sizeof(struct sim_block) + size), size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return link_block(__real_calloc(1, sizeof(struct sim_block) + count * size), count * size);
}

void __wrap_free(void *memory)
{
    if (!memory)
        return;
    struct sim_block *block = (struct sim_block *)((char *)memory - offsetof(struct sim_block, bytes));
    if (block->prev)
        block->prev->next = block->next;
    else if (block->owner)
        block->owner->blocks = block->next;
    if (block->next)
        block->next->prev = block->prev;
    __real_free(block);
}

void *__wrap_realloc(void *memory, size_t size)
{
    void *moved = __wrap_malloc(size);
    if (!memory)
        return moved;
    struct sim_block *block = (struct sim_block *)((char *)memory - offsetof(struct sim_block, bytes));
    memcpy(moved, memory, block->size < size ? block->size : size);
    __wrap_free(memory);
    return moved;
}

void memory_free_all(struct process *process)
{
    while (process->blocks) {
        struct sim_block *next = process->blocks->next;
        __real_free(process->blocks);
        process->blocks = next;
    }
}

void *world_alloc(size_t size)
{
    size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (!world)
        world = __real_malloc(WORLD_SIZE);
    if (!world || world_used + size > WORLD_SIZE)
        sim_unable("a schedule needs more than %d bytes", WORLD_SIZE);
    void *piece = world + world_used;
    world_used += size;
    memset(piece, 0, size);
    return piece;
}

struct str world_str(struct str s)
{
    char *copy = world_alloc(s.len + 1);
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    return str_slice(copy, s.len);
}

void world_reset(void)
{
    world_used = 0;
}
