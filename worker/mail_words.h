/* mail_words: a text of ours in the head of a mail, where only ASCII may stand. */
#ifndef DP_WORKER_MAIL_WORDS_H
#define DP_WORKER_MAIL_WORDS_H

#include "common/arena.h"
#include "common/str.h"

/* As it is where letters, digits and single spaces are all there is; else as encoded words (RFC 2047), each a line of
 * at most 76 characters behind a field's name of at most ten. Control characters become spaces. Right as unstructured
 * text and as the name before an address. UTF-8; in `arena`. */
struct str mail_words(struct arena *arena, struct str text);

#endif
