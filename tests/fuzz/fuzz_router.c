/* Paths to routes: the same answer as decoding each segment first and comparing then; parameters arrive decoded. */
#include "common/encode.h"
#include "fuzz/fuzz.h"
#include "server/router.h"

static struct str seen[REQUEST_PARAMS_MAX];
static unsigned refused;

static void handle(struct request *request)
{
    memcpy(seen, request->params, sizeof seen);
}

static void refuse(struct request *request, unsigned status, const char *allow)
{
    (void)request;
    (void)allow;
    refused = status;
}

static const struct route routes[] = {
    {"/", handle, NULL, 0},
    {"/connexion", handle, handle, 0},
    {"/paiement/{reference}", handle, NULL, 0},
    {"/paiement/{reference}/payer", NULL, handle, 0},
    {"/a/{b}/{c}/{d}/{e}", handle, NULL, 0},
    {NULL, NULL, NULL, 0},
};

/* Whether the decoded path is one that the pattern describes. */
static bool fits(const char *pattern, struct str path, struct arena *arena)
{
    struct str expected = str_from(pattern);

    while (expected.ptr && path.ptr) {
        struct str decoded = STR_NULL;
        struct str literal = str_cut(expected, '/', &expected);
        struct str segment = str_cut(path, '/', &path);
        bool good = decode_percent(arena, segment, false, &decoded) == 0;
        bool is_param = str_starts_with(literal, STR("{"));
        if (is_param ? segment.len == 0 : !good || !str_eq(decoded, literal))
            return false;
    }
    return !expected.ptr && !path.ptr;
}

static const struct route *find_slowly(struct str path, struct arena *arena)
{
    for (const struct route *route = routes; route->path; route++) {
        if (fits(route->path, path, arena))
            return route;
    }
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct router router = {.routes = routes, .error = refuse};
    struct request *request = request_new(1);

    request->path = fuzz_str(data, size);
    const struct route *route = find_slowly(request->path, &request->arena);
    FUZZ_CHECK(router_find(&router, request->path) == route);
    refused = 0;
    request->method = route && route->post ? HTTP_POST_ : HTTP_GET_;
    memset(seen, 0, sizeof seen);
    router_dispatch(&router, request);
    FUZZ_CHECK(route || refused == 404);
    for (unsigned i = 0; i < REQUEST_PARAMS_MAX && refused == 0; i++)
        FUZZ_CHECK(str_is_utf8(seen[i]) && str_find(seen[i], '\0') < 0);
    request_unref(request);
    return 0;
}
