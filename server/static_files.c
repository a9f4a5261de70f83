#include "server/static_files.h"

#include "server/response.h"
#include "server/router.h"
#include "templates/assets.h"

bool static_files_etag_matches(const struct request *request, struct str etag)
{
    struct str candidates = request_header(request, "If-None-Match");
    while (candidates.len > 0) {
        struct str candidate = str_trim(str_cut(candidates, ',', &candidates));
        if (str_eq(candidate, STR("*")))
            return true;
        if (str_starts_with(candidate, STR("W/")))
            candidate = (struct str){candidate.ptr + 2, candidate.len - 2};
        if (str_eq(candidate, etag))
            return true;
    }
    return false;
}

static void send_asset(struct request *request, const struct asset *asset, enum response_cache cache)
{
    struct str etag = str_from(asset->etag);
    bool unchanged = static_files_etag_matches(request, etag);
    struct response *response = response_new(request, unchanged ? 304 : 200);

    response->cache = cache;
    response_header(response, "ETag", etag);
    if (!unchanged) {
        response->content_type = asset->content_type;
        response->static_body = asset->bytes;
    }
    response_send(response);
}

void static_files_get(struct request *request)
{
    for (unsigned i = 0; i < n_assets; i++) {
        if (str_eq_text(request->path, assets[i].path)) {
            send_asset(request, &assets[i], RESPONSE_IMMUTABLE);
            return;
        }
    }
    router_error(request, 404);
}

void static_files_get_by_name(struct request *request)
{
    struct str name = {request->path.ptr + 1, request->path.len - 1};

    for (unsigned i = 0; i < n_assets; i++) {
        if (str_eq_text(name, assets[i].name)) {
            send_asset(request, &assets[i], RESPONSE_REVALIDATE);
            return;
        }
    }
    router_error(request, 404);
}
