/* archive: files packed into one zip, in memory. Wraps libzip; blocks while it compresses (some 10 ms a megabyte), so
 * it is run off the loop. */
#ifndef DP_SERVER_ARCHIVE_H
#define DP_SERVER_ARCHIVE_H

#include "common/buf.h"

struct archive_file {
    const char *name; /* UTF-8, no folder */
    struct str bytes; /* borrowed until archive_pack() returns */
};

/* Appends the zip to `ret_zip`. ERR_TOO_LARGE: it is larger than that buffer may grow; ERR_INTERNAL: libzip failed, and
 * its reason is logged. */
int archive_pack(const struct archive_file *files, unsigned n_files, struct buf *ret_zip);

#endif
