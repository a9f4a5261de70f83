/* Style sheets: squeezed, the strings and the marks that part rules are the same, in the same order, and squeezing
 * again changes nothing. */
#include "fuzz/fuzz.h"
#include "templates/style_sheet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str css = fuzz_str(data, size);
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    if (str_find(css, '\0') < 0) {
        struct str squeezed = style_sheet_squeeze(&arena, css);
        FUZZ_CHECK(squeezed.len <= css.len);
        FUZZ_CHECK(str_eq(style_sheet_squeeze(&arena, squeezed), squeezed));
    }
    arena_done(&arena);
    return 0;
}
