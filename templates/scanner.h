/* scanner: follows the HTML of a template byte by byte, so that the compiler knows in which place a tag stands.
 *
 * The states are those of the tokenizer of the HTML standard (§13.2.5), made stricter: what browsers repair
 * (quotes in names, no space between attributes, an attribute without its value) is refused, so that the place seen
 * here is the place every browser sees. */
#ifndef DP_TEMPLATES_SCANNER_H
#define DP_TEMPLATES_SCANNER_H

#include <stdbool.h>

enum { SCANNER_NAME_MAX = 32, SCANNER_PREFIX_MAX = 8 };

enum scanner_state {
    SCANNER_TEXT = 0,
    SCANNER_MARKUP,      /* after "<" or "</" */
    SCANNER_DECLARATION, /* "<!doctype …" */
    SCANNER_COMMENT,
    SCANNER_TAG_NAME,
    SCANNER_BEFORE_NAME, /* of an attribute: white space was seen */
    SCANNER_NAME,
    SCANNER_AFTER_NAME,
    SCANNER_BEFORE_VALUE,
    SCANNER_VALUE, /* quoted */
    SCANNER_UNQUOTED,
    SCANNER_AFTER_VALUE, /* white space or the tag's end must follow */
    SCANNER_RAW,         /* the content of <script>, <style> … */
    SCANNER_ESCAPABLE,   /* the content of <textarea>, <title>: no tags, but character references */
};

enum scanner_url {
    SCANNER_URL_NONE = 0, /* the attribute is no URL */
    SCANNER_URL_EMPTY,
    SCANNER_URL_OPEN,  /* literal text that leaves open where the URL leads */
    SCANNER_URL_SAFE,  /* literal text that fixes the scheme and the host */
    SCANNER_URL_WHOLE, /* a complete URL was put: only the closing quote may follow */
};

/* Plain data: a copy is a snapshot. All zero is the start of a document. */
struct scanner {
    enum scanner_state state;
    enum scanner_url url;
    char quote;
    bool closing;                     /* in an end tag */
    unsigned matched;                 /* bytes of "--" or of "</name" seen */
    char element[SCANNER_NAME_MAX];   /* lower case, NUL-terminated; empty in text */
    char attribute[SCANNER_NAME_MAX]; /* the same */
    char prefix[SCANNER_PREFIX_MAX];  /* the first bytes of a URL's literal text */
    unsigned prefix_len;
};

/* Where a value is about to be written. */
enum scanner_place {
    SCANNER_PLACE_TEXT,
    SCANNER_PLACE_QUOTED, /* an attribute, <textarea>, <title> */
    SCANNER_PLACE_URL,    /* all of a URL attribute */
    SCANNER_PLACE_URL_PART,
};

/* All functions return NULL or, for ERR_INVALID, a static text that says why the template is refused. */

/* One byte of literal text. */
const char *scanner_feed(struct scanner *scanner, char c);
/* A value stands here. */
const char *scanner_value(struct scanner *scanner, enum scanner_place *ret);
/* A section or partial begins or ends here: names that were being read are complete. */
const char *scanner_boundary(struct scanner *scanner);
/* At the end of a section: `scanner` must be where the section began, and goes on as whichever of the two demands
 * more. A section that `repeats` must end exactly as it began. */
const char *scanner_join(struct scanner *scanner, const struct scanner *begin, bool repeats);

#endif
