/* source: the text of one template file, read tag by tag. */
#ifndef DP_TEMPLATES_SOURCE_H
#define DP_TEMPLATES_SOURCE_H

#include "common/str.h"

struct source {
    const char *path; /* borrowed */
    struct str text;  /* borrowed */
    size_t pos;
    unsigned line; /* of pos, from 1 */
};

struct source_tag {
    size_t begin; /* with the white space before it, if it is alone on its line */
    size_t end;   /* after its line, if it is alone there */
    unsigned line;
    char sigil;      /* # ^ / > ! @ { or '\0' */
    struct str body; /* trimmed */
};

/* The next tag from `pos` on; `pos` stays. ERR_NOT_FOUND when only text is left. ERR_INVALID: not a tag; *ret_why
 * (static text) says why and ret->line where. */
int source_find_tag(const struct source *source, struct source_tag *ret, const char **ret_why);
/* Goes on at `end`, counting lines. */
void source_skip_to(struct source *source, size_t end);

#endif
