/* static_files: the embedded assets (templates/assets.h) as answers. Wire floor. */
#ifndef DP_SERVER_STATIC_FILES_H
#define DP_SERVER_STATIC_FILES_H

#include "server/request.h"

/* Handler for "/statique/{fichier}": the asset with exactly this path, kept by browsers for a year because its content
 * is in its name; 304 when If-None-Match names its ETag (RFC 9110 §13.1.2); 404 for any other path. */
void static_files_get(struct request *request);
/* Handler for addresses that programs guess ("/favicon.ico", "/robots.txt"): the asset of that name, to be revalidated;
 * 404 when there is none. */
void static_files_get_by_name(struct request *request);

/* Whether If-None-Match names `etag` (quoted), so that 304 is the answer. Weak comparison, as RFC 9110 §13.1.2 asks:
 * "W/" does not matter. */
bool static_files_etag_matches(const struct request *request, struct str etag);

#endif
