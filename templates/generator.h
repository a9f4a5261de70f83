/* generator: one template after the other into C functions; the language is described in docs/templates.md. */
#ifndef DP_TEMPLATES_GENERATOR_H
#define DP_TEMPLATES_GENERATOR_H

#include "common/arena.h"
#include "common/buf.h"
#include "templates/scanner.h"
#include "templates/view_fields.h"

enum { GENERATOR_SECTIONS_MAX = 16, GENERATOR_PARTIALS_MAX = 8 };

struct generator {
    struct arena *arena;              /* borrowed */
    const struct view_fields *fields; /* borrowed */
    const char *assets_dir;           /* borrowed; NULL: there are no assets */
    struct buf code;                  /* the functions */
    struct buf prototypes;
    struct buf errors; /* lines "file:line: message" */

    /* Of the template under way. */
    struct scanner html;
    bool is_plain;       /* a text mail: no HTML, no escaping */
    unsigned scope;      /* 0: names are fields of `view`; n: of `itemN` */
    unsigned n_partials; /* open, one in the other */
    struct buf literal;  /* text not yet written as code */
};

void generator_init(struct generator *generator, struct arena *arena, const struct view_fields *fields,
                    const char *assets_dir);
void generator_done(struct generator *generator);
/* Appends the function of the page or mail at `path` (…/pages/x.html, …/mail/x.html, …/mail/x.txt).
 * ERR_INVALID: refused; the first reason was appended to `errors`, `code` is then incomplete. */
int generator_compile(struct generator *generator, const char *path);

#endif
