/* colour: WCAG's contrast, and accents that read on every surface of the style sheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/colour.c"
#include "templates/assets.h"

static struct colour colour(const char *text)
{
    struct colour parsed;
    assert_int_equal(colour_parse(str_from(text), &parsed), 0);
    return parsed;
}

static void parsing(void **state)
{
    static const char *const wrong[] = {"",        "#",        "7b2d5e", "#7b2d5", "#7b2d5e0",     "#7b2d5g",
                                        "#7b2d5 ", " #7b2d5e", "red",    "#fff",   "#7b2d5e;x:y}", "##b2d5e",
                                        "#-12345", "#+12345",  "#0x1234"};
    struct colour parsed = {1, 2, 3};
    char text[COLOUR_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(colour_parse(str_from(wrong[i]), &parsed), ERR_INVALID);
    assert_int_equal(parsed.blue, 3);
    assert_int_equal(colour_parse(STR("#7B2d5E"), &parsed), 0);
    colour_text(parsed, text);
    assert_string_equal(text, "#7b2d5e");
}

/* The values that WCAG's own understanding documents and the usual checkers give. */
static void contrast(void **state)
{
    static const struct {
        const char *a, *b;
        double ratio;
    } cases[] = {
        {"#000000", "#ffffff", 21.0}, {"#ffffff", "#ffffff", 1.0},   {"#777777", "#ffffff", 4.48},
        {"#767676", "#ffffff", 4.54}, {"#ff0000", "#ffffff", 4.00},  {"#0000ff", "#ffffff", 8.59},
        {"#ffff00", "#ffffff", 1.07}, {"#010101", "#000000", 1.006},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double ratio = colour_contrast(colour(cases[i].a), colour(cases[i].b));
        assert_true(fabs(ratio - cases[i].ratio) < 0.005);
        assert_true(colour_contrast(colour(cases[i].b), colour(cases[i].a)) == ratio);
    }
}

static void accents(void **state)
{
    static const struct {
        const char *given, *on_light, *on_dark;
    } cases[] = {
        {"#0b6652", "#0b6652", "#6ea498"}, {"#7b2d5e", "#7b2d5e", "#b78da7"}, {"#000000", "#000000", "#999999"},
        {"#ffffff", "#656565", "#ffffff"}, {"#ffcc00", "#7c6300", "#ffcc00"}, {"#e30613", "#cd0511", "#ef737a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char on_light[COLOUR_TEXT_SIZE], on_dark[COLOUR_TEXT_SIZE];
        colour_text(colour_on_light(colour(cases[i].given)), on_light);
        colour_text(colour_on_dark(colour(cases[i].given)), on_dark);
        print_message("%s: %s %s\n", cases[i].given, on_light, on_dark);
        assert_string_equal(on_light, cases[i].on_light);
        assert_string_equal(on_dark, cases[i].on_dark);
    }
}

static struct colour brightened(struct colour c)
{
    return (struct colour){(uint8_t)fmin(255, c.red * 1.12), (uint8_t)fmin(255, c.green * 1.12),
                           (uint8_t)fmin(255, c.blue * 1.12)};
}

/* Whatever a school gives. */
static void every_colour_becomes_readable(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 0x1000; i++) {
        struct colour given = {(uint8_t)((i >> 8) * 17), (uint8_t)((i >> 4 & 15) * 17), (uint8_t)((i & 15) * 17)};
        struct colour light = colour_on_light(given), dark = colour_on_dark(given);
        assert_true(is_readable(light, colour_light_surfaces) && is_readable(dark, colour_dark_surfaces));
        assert_true(colour_contrast(light, colour(COLOUR_LIGHT_INK)) >= 4.5);
        assert_true(colour_contrast(brightened(light), colour(COLOUR_LIGHT_INK)) >= 4.5);
        assert_true(colour_contrast(dark, colour(COLOUR_DARK_INK)) >= 4.5);
    }
}

/* The surfaces are written in two places, and must be the same. */
static void surfaces_are_those_of_the_style_sheet(void **state)
{
    const char *const *schemes[] = {colour_light_surfaces, colour_dark_surfaces};
    static const char *const names[] = {"surface", "paper", "good-paper", "bad-paper", "warn-paper"};
    struct str sheet = STR_NULL;
    (void)state;
    for (unsigned i = 0; i < n_assets; i++) {
        if (str_eq_text(str_from(assets[i].name), "site.css"))
            sheet = assets[i].bytes;
    }
    assert_true(sheet.len > 0);
    for (size_t scheme = 0; scheme < 2; scheme++) {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            char line[64];
            int len = snprintf(line, sizeof line, "--%s:%s;", names[i], schemes[scheme][i]);
            print_message("%s\n", line);
            assert_non_null(memmem(sheet.ptr, sheet.len, line, (size_t)len));
        }
        assert_null(schemes[scheme][sizeof names / sizeof names[0]]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing),
        cmocka_unit_test(contrast),
        cmocka_unit_test(accents),
        cmocka_unit_test(every_colour_becomes_readable),
        cmocka_unit_test(surfaces_are_those_of_the_style_sheet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
