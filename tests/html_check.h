/* html_check: a strict reader of the pages that the templates make. It knows what our pages promise: balanced elements,
 * quoted attributes, nothing that runs or loads from elsewhere, a csrf field in every POST form, labels, and French
 * spacing. */
#ifndef DP_TESTS_HTML_CHECK_H
#define DP_TESTS_HTML_CHECK_H

#include <stdbool.h>

#include "common/str.h"

enum html_kind {
    HTML_PAGE, /* one h1, one main, no style attribute */
    HTML_MAIL, /* one h1, inline styles */
};

/* NULL if all is well; else what is wrong, valid until the next call. */
const char *html_check(struct str html, enum html_kind kind);

#endif
