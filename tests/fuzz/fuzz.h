/* fuzz: what the fuzz targets share. A target is one fuzz_NAME.c: it asserts what must hold for every input, whatever
 * its bytes. Built with clang and -DDP_FUZZ=ON it is a libFuzzer program (script/test fuzz); else replay.c runs it over
 * corpus/NAME. */
#ifndef DP_TESTS_FUZZ_FUZZ_H
#define DP_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/str.h"

enum { FUZZ_ARENA_MAX = 1 << 28 };

/* Called once before the first input, and for each input: 0. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property of the target. */
#define FUZZ_CHECK(condition)                                                              \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

static inline struct str fuzz_str(const uint8_t *data, size_t size)
{
    return size ? str_slice((const char *)data, size) : STR("");
}

/* Takes one byte off the front; 0 when nothing is left. */
static inline uint8_t fuzz_byte(struct str *rest)
{
    if (rest->len == 0)
        return 0;
    uint8_t byte = (uint8_t)rest->ptr[0];
    *rest = str_slice(rest->ptr + 1, rest->len - 1);
    return byte;
}

/* Takes up to eight bytes off the front, little-endian. */
static inline uint64_t fuzz_number(struct str *rest)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < 8; i++)
        number |= (uint64_t)fuzz_byte(rest) << (8 * i);
    return number;
}

/* Takes a line off the front, never NULL inside. */
static inline struct str fuzz_line(struct str *rest)
{
    struct str line = str_cut(*rest, '\n', rest);
    return line.ptr ? line : STR("");
}

/* A number that any change of the bytes changes: for choices that need no byte of their own. FNV-1a. */
static inline uint32_t fuzz_hash(struct str s)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (uint8_t)s.ptr[i]) * UINT32_C(16777619);
    return h;
}

#endif
