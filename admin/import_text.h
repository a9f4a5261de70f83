/* import_text: a file of a spreadsheet or an editor as UTF-8. */
#ifndef DP_ADMIN_IMPORT_TEXT_H
#define DP_ADMIN_IMPORT_TEXT_H

#include "admin/import_fault.h"
#include "common/arena.h"
#include "common/str.h"

/* Reads DIRECTORY/NAME: UTF-8 (with or without its mark) as it is, anything else as Windows-1252. A file that is
 * neither, too large or not there is a fault, and false. */
bool import_text_read(const char *directory, const char *name, size_t size_max, struct arena *arena,
                      struct import_faults *faults, struct str *ret_text);

#endif
