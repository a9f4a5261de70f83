/* form: strict decoding of application/x-www-form-urlencoded bodies and of queries. Wire floor. */
#ifndef DP_SERVER_FORM_H
#define DP_SERVER_FORM_H

#include "common/arena.h"
#include "common/str.h"

enum { FORM_FIELDS_MAX = 128 };

struct form_field {
    struct str name, value; /* decoded, UTF-8, no NUL */
};

struct form {
    struct form_field fields[FORM_FIELDS_MAX];
    unsigned n_fields;
};

/* ERR_INVALID: duplicate name, bad %-escape, NUL, invalid UTF-8 (400: no browser would send that);
 * ERR_TOO_LARGE: too many fields. */
int form_parse(struct arena *arena, struct str encoded, struct form *ret_form);
/* The same, but the field `repeated` may be there several times, as ticked boxes of one name are sent. */
int form_parse_repeated(struct arena *arena, struct str encoded, const char *repeated, struct form *ret_form);
/* STR_NULL (ptr NULL) when absent, ptr non-NULL and len 0 when empty. */
struct str form_get(const struct form *form, const char *name);
/* Browsers send line ends as CR LF; this is the text with LF alone. */
struct str form_unix_lines(struct arena *arena, struct str text);

#endif
