/* school_file: the style sheets and logos of schools as answers. */
#ifndef DP_SERVER_SCHOOL_FILE_H
#define DP_SERVER_SCHOOL_FILE_H

#include "server/request.h"

/* Handler for "/ecole/{fichier}", fichier being "<32 hex digits>.css", ".png" or ".webp". The digits are the content's
 * own (schema/002_school_identity.sql), so the answer may be kept for ever, no session is asked for, and nobody finds a
 * school by guessing; 304 without a look-up when If-None-Match names them; 404 for any other name. */
void school_file_get(struct request *request);

#endif
