/* pdf_language: the document's natural language (ISO 32000-1 §14.9.2), which Cairo 1.16 cannot write. */
#ifndef DP_WORKER_PDF_LANGUAGE_H
#define DP_WORKER_PDF_LANGUAGE_H

#include "common/buf.h"

/* Adds /Lang, and that readers show the title instead of the file's name, to the catalog of a PDF as Cairo 1.16 writes
 * it: the catalog is the last object before the cross-reference table, so only that table's address moves. A file of
 * another shape stays as it is. */
void pdf_language_set(struct buf *pdf, const char *language);

#endif
