/* memory_file: the files of a program under test, in memory. A target fills memory_files and includes the .c that opens
 * files after this header. */
#ifndef DP_TESTS_FUZZ_MEMORY_FILE_H
#define DP_TESTS_FUZZ_MEMORY_FILE_H

#include <errno.h>

#include "fuzz/fuzz.h"

enum { MEMORY_FILES_MAX = 8 };

static struct {
    const char *name; /* how the path ends */
    struct str bytes;
} memory_files[MEMORY_FILES_MAX];

static FILE *memory_fopen(const char *path, const char *mode)
{
    (void)mode;
    for (size_t i = 0; i < MEMORY_FILES_MAX && memory_files[i].name; i++) {
        struct str bytes = memory_files[i].bytes;
        if (str_ends_with(str_from(path), str_from(memory_files[i].name)))
            return fmemopen((void *)(uintptr_t)bytes.ptr, bytes.len, "r");
    }
    errno = ENOENT;
    return NULL;
}

#define fopen(path, mode) memory_fopen(path, mode)

#endif
