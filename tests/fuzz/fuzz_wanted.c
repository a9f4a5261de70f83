/* Where a login may lead, from a cookie or a request: always a page of the table, in characters that every browser and
 * proxy reads alike; and what is kept of a request comes back from its cookie. */
#include "common/encode.h"
#include "fuzz/fuzz.h"
#include "server/wanted.h"

static void handle(struct request *request)
{
    (void)request;
}

static const struct route routes[] = {
    {"/", handle, NULL, 0},
    {"/connexion", handle, handle, 0},
    {"/crediter", handle, handle, ROUTE_LANDING},
    {"/mot-de-passe", handle, handle, ROUTE_LANDING},
    {"/mot-de-passe/{token}", handle, handle, 0},
    {"/paiement/{reference}", handle, NULL, ROUTE_LANDING},
    {"/paiement/{reference}/payer", NULL, handle, 0},
    {NULL, NULL, NULL, 0},
};
static const struct router router = {.routes = routes};

static void check_address(struct str address, struct arena *arena)
{
    struct str decoded, query, path = str_cut(address, '?', &query);
    const struct route *route = router_find(&router, path);

    FUZZ_CHECK(address.len <= WANTED_MAX && route && route->get && route->flags & ROUTE_LANDING);
    FUZZ_CHECK(path.len > 1 && path.ptr[0] == '/' && path.ptr[1] != '/' && path.ptr[1] != '\\');
    for (size_t i = 0; i < address.len; i++)
        FUZZ_CHECK(address.ptr[i] > ' ' && address.ptr[i] < 0x7f && !memchr("\"',;<>\\#@:", address.ptr[i], 10));
    FUZZ_CHECK(!memchr(path.ptr, '%', path.len) && !memmem(path.ptr, path.len, "//", 2) &&
               !memmem(path.ptr, path.len, "/.", 2));
    if (query.len > 0 && decode_percent(arena, query, true, &decoded) == 0)
        FUZZ_CHECK(!str_has_control(decoded, ""));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request *request = request_new(1);
    struct str all = fuzz_str(data, size);
    struct wanted wanted = wanted_from_cookie(&router, all);

    if (wanted.address.ptr)
        check_address(wanted.address, &request->arena);
    FUZZ_CHECK(wanted_is_page(&router, all) == (wanted.address.ptr && !wanted.was_form));
    request->method = size % 2 ? HTTP_POST_ : HTTP_GET_;
    request->path = str_cut(all, '?', &request->query);
    wanted = wanted_of_request(&router, request);
    if (wanted.address.ptr) {
        check_address(wanted.address, &request->arena);
        struct wanted again = wanted_from_cookie(&router, wanted_to_cookie(&request->arena, &wanted));
        FUZZ_CHECK(str_eq(again.address, wanted.address) && again.was_form == wanted.was_form);
    }
    request_unref(request);
    return 0;
}
