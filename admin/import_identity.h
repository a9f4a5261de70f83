/* import_identity: a school's colour and logo, as files that its pages load. */
#ifndef DP_ADMIN_IMPORT_IDENTITY_H
#define DP_ADMIN_IMPORT_IDENTITY_H

#include "common/arena.h"
#include "common/colour.h"

/* A first visitor fetches at most 30 kB for a page: what the longest history leaves is a logo's. */
enum { LOGO_BYTES_MAX = 4 << 10, LOGO_SIDE_MIN = 32, LOGO_SIDE_MAX = 1024, LOGO_WIDTH_RATIO_MAX = 4 };

/* One row of school_files. */
struct import_file {
    struct str hash; /* of the content; empty: there is no such file */
    const char *kind;
    struct str bytes;
    unsigned width, height; /* of an image */
};

/* The style sheet that a colour makes: the accents for light and for dark pages. */
struct import_file import_sheet(struct colour colour, struct arena *arena);
/* Reads a logo. NULL, or what is expected of it, in words. */
const char *import_logo(const char *path, struct arena *arena, struct import_file *ret_logo);

#endif
