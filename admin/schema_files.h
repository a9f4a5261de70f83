/* schema_files: the files of schema/, compiled in (admin/embed.cmake), so that an installed dp-admin needs no others.
 */
#ifndef DP_ADMIN_SCHEMA_FILES_H
#define DP_ADMIN_SCHEMA_FILES_H

#include <stddef.h>

struct schema_file {
    const char *name; /* NULL after the last */
    const unsigned char *bytes;
    size_t len;
};

extern const struct schema_file schema_files[]; /* NNN_name.sql in order */
extern const struct schema_file schema_grants;  /* grants.sql */

#endif
