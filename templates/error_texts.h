/* error_texts: what a person reads on the page of an error, in plain words: what happened and what to do. */
#ifndef DP_TEMPLATES_ERROR_TEXTS_H
#define DP_TEMPLATES_ERROR_TEXTS_H

#include <stdbool.h>

#include "common/str.h"

struct error_text {
    unsigned status;
    struct str title;
    struct str advice;
    bool money_may_move; /* the visitor may have been paying: the page then warns against paying twice */
};

/* Never NULL: a status that has no text of its own gets that of 400 (below 500) or of 500. Lives for ever. */
const struct error_text *error_text_find(unsigned status);

#endif
