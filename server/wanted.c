#include "server/wanted.h"

/* Before the address, when a form was sent: no address begins so. */
#define FORM_MARK "!"

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c);
}

/* Segments of plain characters, none of them empty or hidden ("//", "/.."); nothing encoded, because none of our paths
 * needs it. */
static bool path_is_plain(struct str path)
{
    if (path.len < 2 || path.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < path.len; i++) {
        bool begins_segment = path.ptr[i] == '/';
        if (begins_segment ? i + 1 == path.len || path.ptr[i + 1] == '/' || path.ptr[i + 1] == '.'
                           : path.ptr[i] == '\0' || !is_plain(path.ptr[i]))
            return false;
    }
    return true;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* "%41", but no control character ("%0d", "%7F") and nothing beyond ASCII, where more of them hide ("%c2%90"): no query
 * of ours needs it. */
static bool is_encoded_text(struct str rest)
{
    if (rest.len < 3 || !is_hex(rest.ptr[1]) || !is_hex(rest.ptr[2]))
        return false;
    return rest.ptr[1] >= '2' && rest.ptr[1] <= '7' && !(rest.ptr[1] == '7' && (rest.ptr[2] | 0x20) == 'f');
}

static bool query_is_plain(struct str query)
{
    for (size_t i = 0; i < query.len; i++) {
        char c = query.ptr[i];
        if (c == '%' ? !is_encoded_text(str_slice(query.ptr + i, query.len - i))
                     : c == '\0' || !(is_plain(c) || strchr("=&+", c)))
            return false;
    }
    return true;
}

static bool is_landing(const struct router *router, struct str path)
{
    const struct route *route = path_is_plain(path) ? router_find(router, path) : NULL;
    return route && route->get && route->flags & ROUTE_LANDING;
}

bool wanted_is_page(const struct router *router, struct str address)
{
    struct str query, path = str_cut(address, '?', &query);
    return address.len <= WANTED_MAX && query_is_plain(query) && is_landing(router, path);
}

/* Without its last segment: "/paiement/dem…/payer" becomes "/paiement/dem…". */
static struct str above(struct str path)
{
    while (path.len > 0 && path.ptr[path.len - 1] != '/')
        path.len--;
    return str_slice(path.ptr, path.len > 0 ? path.len - 1 : 0);
}

struct wanted wanted_of_request(const struct router *router, struct request *request)
{
    struct wanted wanted = {.was_form = request->method == HTTP_POST_};
    struct str address = request->path;

    if (request->query.len > 0)
        address = arena_printf(&request->arena, "%.*s?%.*s", STR_ARG(request->path), STR_ARG(request->query));
    if (wanted_is_page(router, address)) {
        wanted.address = address;
        return wanted;
    }
    for (struct str path = request->path; path.len > 0 && !wanted.address.ptr; path = above(path)) {
        if (wanted_is_page(router, path))
            wanted.address = path;
    }
    return wanted;
}

struct str wanted_to_cookie(struct arena *arena, const struct wanted *wanted)
{
    return wanted->was_form ? arena_printf(arena, FORM_MARK "%.*s", STR_ARG(wanted->address)) : wanted->address;
}

struct wanted wanted_from_cookie(const struct router *router, struct str value)
{
    struct wanted wanted = {.was_form = str_starts_with(value, STR(FORM_MARK))};

    if (wanted.was_form)
        value = str_slice(value.ptr + 1, value.len - 1);
    if (wanted_is_page(router, value))
        wanted.address = value;
    return wanted;
}
