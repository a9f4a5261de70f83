/* views: of the golden templates; everything that docs/templates.md lists stands in one of them. */
#ifndef DP_TESTS_GOLDEN_VIEWS_H
#define DP_TESTS_GOLDEN_VIEWS_H

#include "common/template.h"

struct heading_view {
    struct str title;
    bool logged_in;
};

struct line_view {
    struct str label;
    int64_t amount_cents;
    struct safe_url url;
    const struct str *tags;
    unsigned n_tags;
};

struct everything_view {
    struct heading_view heading;
    const struct heading_view *second; /* may be NULL */
    struct str text;
    const char *plain_text;
    char reference[21];
    int number;
    size_t size;
    bool checked;
    struct str field_error;
    struct safe_html help;
    struct safe_url url;
    const struct line_view *lines;
    unsigned n_lines;
};

struct notice_view {
    struct str name, comment;
    const struct line_view *lines;
    unsigned n_lines;
    struct safe_url url;
};

#endif
