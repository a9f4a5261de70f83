#include "common/colour.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/encode.h"
#include "common/err.h"

enum { MIX_STEPS = 255 };

const char *const colour_light_surfaces[] = {"#ffffff", "#f5f3ee", "#e4f3ea", "#fcebea", "#fdf1d8", NULL};
const char *const colour_dark_surfaces[] = {"#1c2320", "#131816", "#14301f", "#3b1a1b", "#352811", NULL};

int colour_parse(struct str text, struct colour *ret_colour)
{
    uint8_t parts[3];
    if (!str_starts_with(text, STR("#")) || decode_hex(str_slice(text.ptr + 1, text.len - 1), parts, sizeof parts))
        return ERR_INVALID;
    *ret_colour = (struct colour){parts[0], parts[1], parts[2]};
    return 0;
}

void colour_text(struct colour colour, char out[COLOUR_TEXT_SIZE])
{
    snprintf(out, COLOUR_TEXT_SIZE, "#%02x%02x%02x", colour.red, colour.green, colour.blue);
}

static double linear(uint8_t part)
{
    double value = part / 255.0;
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

static double luminance(struct colour colour)
{
    return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
}

double colour_contrast(struct colour a, struct colour b)
{
    double one = luminance(a) + 0.05, other = luminance(b) + 0.05;
    return one > other ? one / other : other / one;
}

static bool is_readable(struct colour colour, const char *const *surfaces)
{
    for (; *surfaces; surfaces++) {
        struct colour surface;
        if (colour_parse(str_from(*surfaces), &surface) || colour_contrast(colour, surface) < COLOUR_CONTRAST_MIN)
            return false;
    }
    return true;
}

static uint8_t mix_part(uint8_t from, uint8_t to, int step)
{
    return (uint8_t)((from * (MIX_STEPS - step) + to * step) / MIX_STEPS);
}

/* The first of the steps towards `end` (black or white) that reads on all surfaces; the end itself always does. */
static struct colour mix_until_readable(struct colour colour, uint8_t end, const char *const *surfaces)
{
    struct colour mixed = colour;
    for (int step = 1; step <= MIX_STEPS && !is_readable(mixed, surfaces); step++)
        mixed = (struct colour){mix_part(colour.red, end, step), mix_part(colour.green, end, step),
                                mix_part(colour.blue, end, step)};
    return mixed;
}

struct colour colour_on_light(struct colour colour)
{
    return mix_until_readable(colour, 0x00, colour_light_surfaces);
}

struct colour colour_on_dark(struct colour colour)
{
    return mix_until_readable(colour, 0xff, colour_dark_surfaces);
}
