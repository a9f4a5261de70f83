/* pdf: a tagged PDF of A4 pages, written from top to bottom: headings, paragraphs, facts, tables, each with its
 * structure element (ISO 32000-1 §14.8), so that a screen reader gets the same document. Cairo writes the file, Pango
 * shapes and breaks the text.
 *
 * The same calls give the same bytes, on any host with the same libraries: one font family and no other, no hinting, no
 * clock. Texts are UTF-8 from anybody: control characters and marks that turn the direction of what follows are left
 * out, and each text is laid out alone, so no name reorders an amount. */
#ifndef DP_WORKER_PDF_H
#define DP_WORKER_PDF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/str.h"

#define PDF_FONT_FAMILY "DejaVu Sans" /* Debian: fonts-dejavu-core */

enum { PDF_CELLS_MAX = 4, PDF_LINES_MAX = 12 /* of one text; what is longer ends in "…" */ };

enum pdf_style { PDF_TITLE, PDF_HEADING, PDF_STRONG, PDF_BODY, PDF_MUTED, PDF_STYLE_COUNT };

/* The font, found once. Used by one thread at a time. */
struct pdf_fonts;

/* ERR_NOT_FOUND: the family is not installed. */
int pdf_fonts_new(struct pdf_fonts **ret_fonts);
void pdf_fonts_free(struct pdf_fonts *fonts); /* NULL allowed */

/* A column of a table; widths are parts of the page's width and add up to 1. */
struct pdf_column {
    const char *heading;
    double width;
    bool is_number; /* set against the right edge */
};

struct pdf;

/* Begins the document. `title` and `created_us` become its metadata; `out` gets the bytes; all are borrowed until
 * pdf_finish(). `language` is a tag of BCP 47 made of letters and "-". */
struct pdf *pdf_new(struct pdf_fonts *fonts, struct str title, const char *language, int64_t created_us,
                    struct buf *out);
void pdf_text(struct pdf *pdf, enum pdf_style style, struct str text);
void pdf_gap(struct pdf *pdf, double mm);
/* "Payé par   Jean Durand": a list in two columns; a fact without a value is left out. */
struct pdf_fact {
    struct str label, value;
};
void pdf_facts(struct pdf *pdf, const struct pdf_fact *facts, unsigned n_facts);
/* A table: its headings stand again on each page. `columns` is borrowed until the table's end. `caption` is said above
 * the table on each page but the first. At most PDF_CELLS_MAX columns. */
void pdf_table_begin(struct pdf *pdf, const struct pdf_column *columns, unsigned n_columns, struct str caption);
void pdf_table_row(struct pdf *pdf, const struct str *cells, enum pdf_style style);
void pdf_table_end(struct pdf *pdf);
/* Ends the document and frees it. ERR_TOO_LARGE: `out` was too small; ERR_INTERNAL: Cairo failed. */
int pdf_finish(struct pdf *pdf);

#endif
