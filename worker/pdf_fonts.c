#include "worker/pdf_fonts.h"

#include <pango/pangocairo.h>

#include "common/err.h"
#include "common/heap.h"

enum { POINTS_PER_INCH = 72 };

struct pdf_fonts {
    PangoFontMap *map; /* owned */
};

#ifdef __SANITIZE_ADDRESS__
/* Fontconfig keeps its configuration as long as the process lives and finds parts of it by offsets, which LeakSanitizer
 * does not follow. Ending the library instead is no way: Pango's own threads may still use it, and Cairo then aborts.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig.so\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
#endif

int pdf_fonts_new(struct pdf_fonts **ret_fonts)
{
    PangoFontMap *map = pango_cairo_font_map_new();
    /* Pango would take any other family, and abort where there is none at all. */
    if (!pango_font_map_get_family(map, PDF_FONT_FAMILY)) {
        g_object_unref(map);
        return ERR_NOT_FOUND;
    }
    pango_cairo_font_map_set_resolution(PANGO_CAIRO_FONT_MAP(map), POINTS_PER_INCH);
    struct pdf_fonts *fonts = HEAP_NEW(struct pdf_fonts);
    fonts->map = map;
    *ret_fonts = fonts;
    return 0;
}

void pdf_fonts_free(struct pdf_fonts *fonts)
{
    if (!fonts)
        return;
    g_object_unref(fonts->map);
    free(fonts);
}

PangoContext *pdf_fonts_context(struct pdf_fonts *fonts)
{
    PangoContext *context = pango_font_map_create_context(fonts->map);
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(context, options);
    pango_context_set_base_dir(context, PANGO_DIRECTION_LTR);
    cairo_font_options_destroy(options);
    return context;
}
