/* Logos: what is taken for a picture is whole: cut anywhere or with a byte more it is none. */
#include "admin/image.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = fuzz_str(data, size);
    struct image image = {.width = 77}, other;
    struct arena arena;

    if (image_read(bytes, &image) != 0) {
        FUZZ_CHECK(image.width == 77); /* untouched */
        return 0;
    }
    FUZZ_CHECK(image.width > 0 && image.height > 0);
    FUZZ_CHECK(image.kind == (bytes.ptr[0] == 'R' ? IMAGE_WEBP : IMAGE_PNG));
    FUZZ_CHECK(image_read(str_slice(bytes.ptr, bytes.len - 1), &other) != 0);
    FUZZ_CHECK(image_read(str_slice(bytes.ptr, fuzz_hash(bytes) % bytes.len), &other) != 0);
    arena_init(&arena, FUZZ_ARENA_MAX);
    const char *longer = arena_text(&arena, bytes);
    FUZZ_CHECK(image_read(str_slice(longer, bytes.len + 1), &other) != 0);
    arena_done(&arena);
    return 0;
}
