/* template: the small runtime under the code that templates/compiler.c generates.
 *
 * Generated code writes values through the template_put… macros: they choose by type, so that a type which has no
 * safe form in that place is an error of the C compiler. Nothing here fails; overflow is the buffer's (buf_ok()). */
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

/* Appends with & < > " ' escaped, and U+FFFD for what HTML text cannot hold: control characters (below U+0020 and
 * U+007F) other than \t \n \r. */
void template_escape(struct buf *out, struct str s);
void template_escape_text(struct buf *out, const char *text); /* NULL: nothing */
void template_escape_url(struct buf *out, struct safe_url url);
/* The same for text bodies of mails: as it is, but without control characters other than \n and \t. */
void template_plain(struct buf *out, struct str s);
void template_plain_text(struct buf *out, const char *text); /* NULL: nothing */
void template_plain_url(struct buf *out, struct safe_url url);
/* One value inside a URL that began with literal text: percent-encoded (RFC 3986 §2). */
void template_percent(struct buf *out, struct str s);
void template_percent_text(struct buf *out, const char *text); /* NULL: nothing */
void template_number(struct buf *out, int64_t number);
void template_unsigned(struct buf *out, uint64_t number);
void template_html(struct buf *out, struct safe_html html);

/* Sections: not empty, not NULL, not zero. */
bool template_true_bool(bool flag);
bool template_true_str(struct str s);
bool template_true_text(const char *text);
bool template_true_html(struct safe_html html);
bool template_true_url(struct safe_url url);
bool template_true_number(int64_t number);
bool template_true_unsigned(uint64_t number);
bool template_true_pointer(const void *pointer);

/* clang-format 14 cannot lay out _Generic. */
/* clang-format off */
#define TEMPLATE_TEXTS(text) const char *: text, char *: text
#define TEMPLATE_NUMBERS(signed_, unsigned_) \
    int: signed_, long: signed_, long long: signed_, \
    unsigned: unsigned_, unsigned long: unsigned_, unsigned long long: unsigned_

/* {{x}} in HTML text and quoted attributes. */
#define template_put(out, x) \
    _Generic((x), \
        struct str: template_escape, \
        struct safe_url: template_escape_url, \
        TEMPLATE_TEXTS(template_escape_text), \
        TEMPLATE_NUMBERS(template_number, template_unsigned))((out), (x))
/* {{x}} in a text mail. */
#define template_put_plain(out, x) \
    _Generic((x), \
        struct str: template_plain, \
        struct safe_url: template_plain_url, \
        TEMPLATE_TEXTS(template_plain_text), \
        TEMPLATE_NUMBERS(template_number, template_unsigned))((out), (x))
/* {{x}} after the literal beginning of a URL. */
#define template_put_url_part(out, x) \
    _Generic((x), \
        struct str: template_percent, \
        TEMPLATE_TEXTS(template_percent_text), \
        TEMPLATE_NUMBERS(template_number, template_unsigned))((out), (x))
/* {{#x}} and {{^x}}. */
#define template_is_true(x) \
    _Generic((x), \
        bool: template_true_bool, \
        struct str: template_true_str, \
        struct safe_html: template_true_html, \
        struct safe_url: template_true_url, \
        TEMPLATE_TEXTS(template_true_text), \
        TEMPLATE_NUMBERS(template_true_number, template_true_unsigned), \
        default: template_true_pointer)(x)
/* clang-format on */

#endif
