/* pdf_fonts: the one font family of our PDFs. Private to pdf.c. */
#ifndef DP_WORKER_PDF_FONTS_H
#define DP_WORKER_PDF_FONTS_H

#include <pango/pango.h>

#include "worker/pdf.h"

/* For laying out texts: left to right, not hinted. The caller releases it with g_object_unref(). */
PangoContext *pdf_fonts_context(struct pdf_fonts *fonts);

#endif
