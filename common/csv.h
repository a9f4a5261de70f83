/* csv: fields for French spreadsheets: ";" between fields, CR LF between lines, decimal comma, UTF-8 with a byte order
 * mark. */
#ifndef DP_COMMON_CSV_H
#define DP_COMMON_CSV_H

#include <stdint.h>

#include "common/buf.h"
#include "common/str.h"

/* U+FEFF in UTF-8: without it Excel reads UTF-8 as Windows-1252. */
#define CSV_MARK "\xef\xbb\xbf"

/* Appends a text: quoted where RFC 4180 asks for it, and with an apostrophe in front where a spreadsheet would take it
 * for a formula (first character = + - @, tab or CR). Control characters become spaces. */
void csv_text(struct buf *out, struct str text);
/* "1158,50": no thousands mark, no sign of currency. */
void csv_money(struct buf *out, int64_t cents);
void csv_next_field(struct buf *out);
void csv_end_line(struct buf *out);

#endif
