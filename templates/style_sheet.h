/* style_sheet: a style sheet without what only its writers read. */
#ifndef DP_TEMPLATES_STYLE_SHEET_H
#define DP_TEMPLATES_STYLE_SHEET_H

#include "common/arena.h"
#include "common/str.h"

/* The same rules (CSS Syntax Level 3) without comments, without white space that separates nothing, and without the
 * last semicolon of a block. Strings stay as they are. In `arena`. */
struct str style_sheet_squeeze(struct arena *arena, struct str css);

#endif
