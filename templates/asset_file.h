/* asset_file: one file of templates/assets/ with its public name.
 *
 * The address holds the hash of the content, so the compiler (which writes addresses into pages) and embed (which
 * serves them) agree by reading the same bytes. */
#ifndef DP_TEMPLATES_ASSET_FILE_H
#define DP_TEMPLATES_ASSET_FILE_H

#include "common/arena.h"
#include "common/str.h"

struct asset_file {
    struct str name;          /* "site.css" */
    struct str path;          /* "/statique/site.3f9a1c….css" */
    struct str hash;          /* 16 hex digits */
    const char *content_type; /* static */
    struct str bytes;         /* as served: of a style sheet, its rules (style_sheet.h) */
};

/* Everything in `arena`. `ret_why` (static text) is set with every error.
 * ERR_NOT_FOUND: no such file, or not a plain file name; ERR_INVALID: an unknown extension, or a style sheet that
 * names another file (it cannot know that file's hash); ERR_TOO_LARGE, ERR_IO. */
int asset_file_load(struct arena *arena, const char *dir, struct str name, struct asset_file *ret,
                    const char **ret_why);

#endif
