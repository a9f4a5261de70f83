/* sql_split: the statements of a schema file.
 *
 * A statement ends with a semicolon that is the last thing of its line, outside quotes; a comment runs from "--" and a
 * space (or the line's end) to the end of the line and is left out. So a trigger whose body is one compound statement
 * with inner semicolons inside its lines needs no DELIMITER. */
#ifndef DP_ADMIN_SQL_SPLIT_H
#define DP_ADMIN_SQL_SPLIT_H

#include "common/arena.h"
#include "common/str.h"

/* The next statement without its semicolon, in `arena`; *rest is what follows. STR_NULL when only comments and white
 * space are left. A last statement without semicolon is returned as it is. */
struct str sql_split_next(struct str text, struct arena *arena, struct str *rest);

#endif
