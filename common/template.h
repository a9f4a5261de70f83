/* template: the small runtime under the code that templates/compiler.c generates. */
#ifndef DP_COMMON_TEMPLATE_H
#define DP_COMMON_TEMPLATE_H

#include <stdint.h>

#include "common/buf.h"
#include "common/str.h"

/* HTML that is already safe: only our own code makes one. The single type that {{{x}}} accepts. */
struct safe_html {
    struct str html;
};
/* A URL whose scheme or path was built by us; the only type accepted in href, action and src besides literal text. */
struct safe_url {
    struct str url;
};

/* Appends with & < > " ' escaped. */
void template_escape(struct buf *out, struct str s);
/* The same for text bodies of mails: as it is, but without control characters other than \n and \t. */
void template_plain(struct buf *out, struct str s);
void template_number(struct buf *out, int64_t number);

#endif
