/* A school's colour: any colour becomes one that reads on every surface of the pages, and stays as it is then. */
#include "common/colour.h"
#include "fuzz/fuzz.h"

static void check_readable(struct colour colour, const char *const *surfaces, const char *ink)
{
    struct colour other;
    for (; *surfaces; surfaces++) {
        FUZZ_CHECK(colour_parse(str_from(*surfaces), &other) == 0);
        FUZZ_CHECK(colour_contrast(colour, other) >= COLOUR_CONTRAST_MIN);
    }
    FUZZ_CHECK(colour_parse(str_from(ink), &other) == 0);
    FUZZ_CHECK(colour_contrast(colour, other) >= COLOUR_CONTRAST_MIN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_str(data, size);
    struct colour colour = {0}, again;
    char text[COLOUR_TEXT_SIZE];

    if (colour_parse(rest, &colour) == 0) {
        colour_text(colour, text);
        FUZZ_CHECK(str_eq_nocase(rest, str_from(text)));
    } else {
        colour.red = fuzz_byte(&rest);
        colour.green = fuzz_byte(&rest);
        colour.blue = fuzz_byte(&rest);
    }
    struct colour light = colour_on_light(colour), dark = colour_on_dark(colour);
    check_readable(light, colour_light_surfaces, COLOUR_LIGHT_INK);
    check_readable(dark, colour_dark_surfaces, COLOUR_DARK_INK);
    again = colour_on_light(light);
    FUZZ_CHECK(memcmp(&again, &light, sizeof light) == 0);
    again = colour_on_dark(dark);
    FUZZ_CHECK(memcmp(&again, &dark, sizeof dark) == 0);
    return 0;
}
