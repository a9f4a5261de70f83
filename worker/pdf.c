#include "worker/pdf.h"

#include <assert.h>
#include <cairo-pdf.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/heap.h"
#include "worker/pdf_fonts.h"
#include "worker/pdf_language.h"

#define POINTS_PER_MM (72.0 / 25.4)
#define PAGE_WIDTH    (210 * POINTS_PER_MM)
#define PAGE_HEIGHT   (297 * POINTS_PER_MM)
#define MARGIN        (20 * POINTS_PER_MM)
#define TEXT_WIDTH    (PAGE_WIDTH - 2 * MARGIN)
#define LABEL_WIDTH   (52 * POINTS_PER_MM)
#define CELL_PADDING  5.0
#define LINE_WIDTH    0.5

struct pdf {
    struct pdf_fonts *fonts; /* borrowed */
    const char *language;    /* borrowed */
    struct buf *out;         /* borrowed */
    cairo_t *cr;             /* owned, as the next two */
    cairo_surface_t *surface;
    PangoContext *context;
    double y;
    const struct pdf_column *columns; /* borrowed; NULL outside a table */
    unsigned n_columns;
    struct str caption; /* borrowed */
};

/* One weight only: the bold one would add a third to each file. Size and shade tell parts from each other. */
static const struct {
    const char *tag, *font;
    double grey; /* 0: black; what is muted still has a contrast of 7 to 1 */
    double space_after;
} styles[PDF_STYLE_COUNT] = {
    [PDF_TITLE] = {"H1", PDF_FONT_FAMILY " 20", 0, 10},  [PDF_HEADING] = {"H2", PDF_FONT_FAMILY " 13", 0, 6},
    [PDF_STRONG] = {"P", PDF_FONT_FAMILY " 11.5", 0, 5}, [PDF_BODY] = {"P", PDF_FONT_FAMILY " 10", 0, 5},
    [PDF_MUTED] = {"P", PDF_FONT_FAMILY " 10", 0.33, 5},
};

static cairo_status_t write_bytes(void *data, const unsigned char *bytes, unsigned length)
{
    struct buf *out = data;
    buf_append(out, str_slice((const char *)bytes, length));
    return buf_ok(out) ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

/* ---- texts ---- */

/* Marks that turn or embed directions (Unicode Standard Annex 9 §2), and the byte order mark. */
static bool turns_text(gunichar c)
{
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
           c == 0xfeff;
}

/* What may be shown of a text: one paragraph, valid UTF-8. The caller frees it with g_string_free(). */
static GString *clean(struct str text)
{
    GString *shown = g_string_sized_new(text.len + 1);
    char *valid = g_utf8_make_valid(text.ptr ? text.ptr : "", (gssize)text.len);
    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (g_unichar_iscntrl(c) || c == 0x2028 || c == 0x2029)
            g_string_append_c(shown, ' ');
        else if (!turns_text(c))
            g_string_append_unichar(shown, c);
    }
    g_free(valid);
    return shown;
}

/* Pango draws nothing for the space at which it broke a line, and Cairo then writes it as a marked part of its own,
 * where some readers stop. A space of no width is a text like any other. */
static void keep_final_spaces(PangoLayout *layout)
{
    for (GSList *line = pango_layout_get_lines(layout); line; line = line->next) {
        for (GSList *run = ((PangoLayoutLine *)line->data)->runs; run; run = run->next) {
            const PangoGlyphItem *item = run->data;
            hb_codepoint_t space;
            if (!hb_font_get_nominal_glyph(pango_font_get_hb_font(item->item->analysis.font), ' ', &space))
                continue;
            for (int i = 0; i < item->glyphs->num_glyphs; i++) {
                if (item->glyphs->glyphs[i].glyph == PANGO_GLYPH_EMPTY)
                    item->glyphs->glyphs[i].glyph = space;
            }
        }
    }
}

static PangoLayout *layout_new(struct pdf *pdf, struct str text, enum pdf_style style, double width)
{
    PangoLayout *layout = pango_layout_new(pdf->context);
    PangoFontDescription *font = pango_font_description_from_string(styles[style].font);
    GString *shown = clean(text);
    PangoAttrList *attributes = pango_attr_list_new();
    pango_attr_list_insert(attributes, pango_attr_fallback_new(FALSE)); /* no other family, whatever the host has */
    pango_layout_set_attributes(layout, attributes);
    pango_layout_set_font_description(layout, font);
    pango_layout_set_auto_dir(layout, FALSE);
    pango_layout_set_text(layout, shown->str, (int)shown->len);
    pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_height(layout, -PDF_LINES_MAX);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    pango_attr_list_unref(attributes);
    pango_font_description_free(font);
    g_string_free(shown, TRUE);
    keep_final_spaces(layout);
    return layout;
}

static double height_of(PangoLayout *layout)
{
    int height;
    pango_layout_get_size(layout, NULL, &height);
    return (double)height / PANGO_SCALE;
}

static void show(struct pdf *pdf, PangoLayout *layout, enum pdf_style style, double x)
{
    cairo_set_source_rgb(pdf->cr, styles[style].grey, styles[style].grey, styles[style].grey);
    cairo_move_to(pdf->cr, x, pdf->y);
    pango_cairo_show_layout(pdf->cr, layout);
}

/* ---- pages ---- */

static bool has_room(const struct pdf *pdf, double height)
{
    return pdf->y + height <= PAGE_HEIGHT - MARGIN;
}

static void next_page(struct pdf *pdf)
{
    cairo_show_page(pdf->cr);
    pdf->y = MARGIN;
}

void pdf_gap(struct pdf *pdf, double mm)
{
    pdf->y += mm * POINTS_PER_MM;
}

void pdf_text(struct pdf *pdf, enum pdf_style style, struct str text)
{
    PangoLayout *layout = layout_new(pdf, text, style, TEXT_WIDTH);
    double height = height_of(layout);
    if (!has_room(pdf, height))
        next_page(pdf);
    cairo_tag_begin(pdf->cr, styles[style].tag, "");
    show(pdf, layout, style, MARGIN);
    cairo_tag_end(pdf->cr, styles[style].tag);
    pdf->y += height + styles[style].space_after;
    g_object_unref(layout);
}

static void put_fact(struct pdf *pdf, const struct pdf_fact *fact)
{
    PangoLayout *label = layout_new(pdf, fact->label, PDF_MUTED, LABEL_WIDTH - CELL_PADDING);
    PangoLayout *value = layout_new(pdf, fact->value, PDF_BODY, TEXT_WIDTH - LABEL_WIDTH);
    double height = MAX(height_of(label), height_of(value));
    if (!has_room(pdf, height))
        next_page(pdf);
    cairo_tag_begin(pdf->cr, "LI", "");
    cairo_tag_begin(pdf->cr, "Lbl", "");
    show(pdf, label, PDF_MUTED, MARGIN);
    cairo_tag_end(pdf->cr, "Lbl");
    cairo_tag_begin(pdf->cr, "LBody", "");
    show(pdf, value, PDF_BODY, MARGIN + LABEL_WIDTH);
    cairo_tag_end(pdf->cr, "LBody");
    cairo_tag_end(pdf->cr, "LI");
    pdf->y += height + styles[PDF_BODY].space_after;
    g_object_unref(label);
    g_object_unref(value);
}

void pdf_facts(struct pdf *pdf, const struct pdf_fact *facts, unsigned n_facts)
{
    cairo_tag_begin(pdf->cr, "L", "");
    for (unsigned i = 0; i < n_facts; i++) {
        if (facts[i].value.len > 0)
            put_fact(pdf, &facts[i]);
    }
    cairo_tag_end(pdf->cr, "L");
}

/* ---- tables ---- */

static void rule(struct pdf *pdf)
{
    cairo_set_source_rgb(pdf->cr, 0, 0, 0);
    cairo_set_line_width(pdf->cr, LINE_WIDTH);
    cairo_move_to(pdf->cr, MARGIN, pdf->y);
    cairo_line_to(pdf->cr, PAGE_WIDTH - MARGIN, pdf->y);
    cairo_stroke(pdf->cr);
}

/* A row that has been measured. */
struct row {
    PangoLayout *cells[PDF_CELLS_MAX]; /* owned */
    enum pdf_style style;
    double height;
};

static struct row row_measure(struct pdf *pdf, const struct str *cells, enum pdf_style style)
{
    struct row row = {.style = style};
    for (unsigned i = 0; i < pdf->n_columns; i++) {
        const struct pdf_column *column = &pdf->columns[i];
        row.cells[i] = layout_new(pdf, cells[i], style, column->width * TEXT_WIDTH - CELL_PADDING);
        if (column->is_number)
            pango_layout_set_alignment(row.cells[i], PANGO_ALIGN_RIGHT);
        row.height = MAX(row.height, height_of(row.cells[i]));
    }
    row.height += 2 * CELL_PADDING;
    return row;
}

static void row_show(struct pdf *pdf, struct row *row, const char *cell_tag)
{
    double x = MARGIN;
    cairo_tag_begin(pdf->cr, "TR", "");
    pdf->y += CELL_PADDING;
    for (unsigned i = 0; i < pdf->n_columns; i++) {
        cairo_tag_begin(pdf->cr, cell_tag, "");
        show(pdf, row->cells[i], row->style, pdf->columns[i].is_number ? x + CELL_PADDING : x);
        cairo_tag_end(pdf->cr, cell_tag);
        x += pdf->columns[i].width * TEXT_WIDTH;
        g_object_unref(row->cells[i]);
    }
    pdf->y += row->height - CELL_PADDING;
    rule(pdf);
    cairo_tag_end(pdf->cr, "TR");
}

static struct row headings_measure(struct pdf *pdf)
{
    struct str headings[PDF_CELLS_MAX];
    for (unsigned i = 0; i < pdf->n_columns; i++)
        headings[i] = str_from(pdf->columns[i].heading);
    return row_measure(pdf, headings, PDF_MUTED);
}

static void open_table(struct pdf *pdf)
{
    struct row headings = headings_measure(pdf);
    cairo_tag_begin(pdf->cr, "Table", "");
    rule(pdf);
    row_show(pdf, &headings, "TH");
}

/* Each page has a table of its own: what says that it goes on cannot stand inside one. */
static void continue_table(struct pdf *pdf)
{
    cairo_tag_end(pdf->cr, "Table");
    next_page(pdf);
    pdf_text(pdf, PDF_MUTED, pdf->caption);
    open_table(pdf);
}

void pdf_table_begin(struct pdf *pdf, const struct pdf_column *columns, unsigned n_columns, struct str caption)
{
    assert(n_columns <= PDF_CELLS_MAX && !pdf->columns);
    pdf->columns = columns;
    pdf->n_columns = n_columns;
    pdf->caption = caption;
    open_table(pdf);
}

void pdf_table_row(struct pdf *pdf, const struct str *cells, enum pdf_style style)
{
    struct row row = row_measure(pdf, cells, style);
    if (!has_room(pdf, row.height))
        continue_table(pdf);
    row_show(pdf, &row, "TD");
}

void pdf_table_end(struct pdf *pdf)
{
    cairo_tag_end(pdf->cr, "Table");
    pdf->columns = NULL;
}

/* ---- the document ---- */

static void set_metadata(struct pdf *pdf, struct str title, int64_t created_us)
{
    GString *shown = clean(title);
    GDateTime *created = g_date_time_new_from_unix_utc(created_us / G_USEC_PER_SEC);
    char *date = created ? g_date_time_format(created, "%Y-%m-%dT%H:%M:%SZ") : NULL;
    cairo_pdf_surface_set_metadata(pdf->surface, CAIRO_PDF_METADATA_TITLE, shown->str);
    if (date)
        cairo_pdf_surface_set_metadata(pdf->surface, CAIRO_PDF_METADATA_CREATE_DATE, date);
    g_free(date);
    if (created)
        g_date_time_unref(created);
    g_string_free(shown, TRUE);
}

struct pdf *pdf_new(struct pdf_fonts *fonts, struct str title, const char *language, int64_t created_us,
                    struct buf *out)
{
    struct pdf *pdf = HEAP_NEW(struct pdf);
    *pdf = (struct pdf){.fonts = fonts, .language = language, .out = out, .y = MARGIN};
    pdf->surface = cairo_pdf_surface_create_for_stream(write_bytes, out, PAGE_WIDTH, PAGE_HEIGHT);
    pdf->cr = cairo_create(pdf->surface);
    pdf->context = pdf_fonts_context(fonts);
    pango_context_set_language(pdf->context, pango_language_from_string(language));
    pango_cairo_update_context(pdf->cr, pdf->context);
    set_metadata(pdf, title, created_us);
    cairo_tag_begin(pdf->cr, "Document", "");
    return pdf;
}

int pdf_finish(struct pdf *pdf)
{
    cairo_tag_end(pdf->cr, "Document");
    cairo_show_page(pdf->cr);
    cairo_status_t status = cairo_status(pdf->cr);
    cairo_destroy(pdf->cr);
    cairo_surface_finish(pdf->surface);
    if (!status)
        status = cairo_surface_status(pdf->surface);
    cairo_surface_destroy(pdf->surface);
    g_object_unref(pdf->context);
    if (!status)
        pdf_language_set(pdf->out, pdf->language);
    int err = !buf_ok(pdf->out) ? ERR_TOO_LARGE : status ? ERR_INTERNAL : 0;
    free(pdf);
    return err;
}
