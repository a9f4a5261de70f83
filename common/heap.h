/* heap: zeroed memory that is there, or the program ends (house rule: out of memory aborts). Freed with free(). */
#ifndef DP_COMMON_HEAP_H
#define DP_COMMON_HEAP_H

#include <stdlib.h>

#include "common/log.h"

static inline void *heap_array(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        log_fatal("out_of_memory", LOG_INT("bytes", (int64_t)(count * size)));
    return memory;
}

#define HEAP_NEW(type)          ((type *)heap_array(1, sizeof(type)))
#define HEAP_ARRAY(count, type) ((type *)heap_array((count), sizeof(type)))

#endif
