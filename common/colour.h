/* colour: a school's colour, made readable. Contrast is that of WCAG 2.2, "contrast ratio" and "relative luminance". */
#ifndef DP_COMMON_COLOUR_H
#define DP_COMMON_COLOUR_H

#include <stdint.h>

#include "common/str.h"

enum { COLOUR_TEXT_SIZE = 8 };

struct colour {
    uint8_t red, green, blue; /* sRGB */
};

/* "#RRGGBB" in either case. ERR_INVALID. */
int colour_parse(struct str text, struct colour *ret_colour);
/* "#rrggbb" with its NUL. */
void colour_text(struct colour colour, char out[COLOUR_TEXT_SIZE]);
/* 1 (no difference) to 21 (black on white). */
double colour_contrast(struct colour a, struct colour b);

/* The same hue, as dark (light) as it must be to read as text on every light (dark) surface of
 * templates/assets/site.css and to carry white (COLOUR_DARK_INK) letters: at least COLOUR_CONTRAST_MIN. A colour that
 * is so already is unchanged. */
struct colour colour_on_light(struct colour colour);
struct colour colour_on_dark(struct colour colour);

#define COLOUR_LIGHT_INK "#ffffff" /* letters of a button on light pages */
#define COLOUR_DARK_INK  "#101413" /* … and on dark ones */
/* Level AA asks for 4.5; a button under the pointer is a little brighter (site.css) and must still have it. */
#define COLOUR_CONTRAST_MIN 5.0

/* What may stand behind text in site.css: --surface and each --…paper; ends with NULL. */
extern const char *const colour_light_surfaces[];
extern const char *const colour_dark_surfaces[];

#endif
