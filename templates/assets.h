/* assets: the files of templates/assets/, embedded at build time by templates/embed.c. */
#ifndef DP_TEMPLATES_ASSETS_H
#define DP_TEMPLATES_ASSETS_H

#include "common/str.h"

struct asset {
    const char *name;         /* "site.css" */
    const char *path;         /* "/statique/site.3f9a1c….css": the first 16 hex digits of its SHA-256 in the name */
    const char *etag;         /* quoted: "\"3f9a1c…\"" */
    const char *content_type; /* by extension */
    struct str bytes;         /* lives for ever */
};

extern const struct asset assets[];
extern const unsigned n_assets;

#endif
