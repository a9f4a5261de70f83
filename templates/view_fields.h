/* view_fields: what templates/views.h says about the fields of views, by name: enough to know whether a section
 * repeats. Types stay the C compiler's business. */
#ifndef DP_TEMPLATES_VIEW_FIELDS_H
#define DP_TEMPLATES_VIEW_FIELDS_H

#include "common/arena.h"
#include "common/str.h"

enum { VIEW_FIELDS_MAX = 4096 };

enum view_field_kind {
    VIEW_FIELD_VALUE,
    VIEW_FIELD_OBJECT, /* declared as "struct … *name" somewhere */
    VIEW_FIELD_LIST,   /* a field n_name is declared somewhere */
};

struct view_fields {
    struct str *names; /* in the arena */
    bool *is_object;   /* the same order */
    unsigned n_names;
};

/* Reads the declarations in `header` (the text of views.h; comments and # lines are skipped).
 * ERR_TOO_LARGE with more than VIEW_FIELDS_MAX fields. */
int view_fields_read(struct arena *arena, struct str header, struct view_fields *ret);
/* An unknown name is a value: the C compiler will say that it is unknown. */
enum view_field_kind view_fields_kind(const struct view_fields *fields, struct str name);

#endif
