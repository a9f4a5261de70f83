#include "server/router.h"

#include <assert.h>

#include "common/encode.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Compares a segment as sent with a literal, decoding on the way: "/conne%78ion" is the same path (RFC 3986 §6.2.2). */
static bool segment_is(struct str raw, struct str literal)
{
    size_t at = 0;

    for (size_t i = 0; i < literal.len; i++) {
        if (at >= raw.len)
            return false;
        char c = raw.ptr[at++];
        if (c == '%') {
            int high = at + 1 < raw.len ? hex_digit(raw.ptr[at]) : -1;
            int low = high >= 0 ? hex_digit(raw.ptr[at + 1]) : -1;
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            at += 2;
        }
        if (c != literal.ptr[i])
            return false;
    }
    return at == raw.len;
}

/* Matches segment by segment; raw segments of {…} go to `params`. */
static bool match(const char *pattern, struct str path, struct str params[REQUEST_PARAMS_MAX], unsigned *ret_n_params)
{
    struct str expected = str_from(pattern);
    unsigned n_params = 0;

    while (expected.ptr && path.ptr) {
        struct str literal = str_cut(expected, '/', &expected);
        struct str segment = str_cut(path, '/', &path);
        if (literal.len > 0 && literal.ptr[0] == '{') {
            if (segment.len == 0)
                return false;
            assert(n_params < REQUEST_PARAMS_MAX);
            params[n_params++] = segment;
        } else if (!segment_is(segment, literal)) {
            return false;
        }
    }
    *ret_n_params = n_params;
    return !expected.ptr && !path.ptr;
}

/* Most routes are told apart by their first letter, before anything is cut. */
static bool may_match(const char *pattern, struct str path)
{
    return path.len < 2 || path.ptr[1] == pattern[1] || path.ptr[1] == '%' || pattern[1] == '{';
}

static const struct route *find(const struct router *router, struct str path, struct str params[REQUEST_PARAMS_MAX],
                                unsigned *ret_n_params)
{
    for (const struct route *route = router->routes; route->path; route++) {
        if (may_match(route->path, path) && match(route->path, path, params, ret_n_params))
            return route;
    }
    return NULL;
}

const struct route *router_find(const struct router *router, struct str path)
{
    struct str params[REQUEST_PARAMS_MAX];
    unsigned n_params;
    return find(router, path, params, &n_params);
}

static const char *allowed_methods(const struct route *route)
{
    if (route->get && route->post)
        return "GET, HEAD, POST";
    return route->get ? "GET, HEAD" : "POST";
}

static route_cb handler_for(const struct route *route, enum http_method method)
{
    switch (method) {
    case HTTP_GET_:
    case HTTP_HEAD_:
        return route->get;
    case HTTP_POST_:
        return route->post;
    case HTTP_OTHER_:
        break;
    }
    return NULL;
}

static bool decode_params(struct request *request, const struct str *raw, unsigned n_params)
{
    for (unsigned i = 0; i < n_params; i++) {
        if (decode_percent(&request->arena, raw[i], false, &request->params[i]) != 0)
            return false;
    }
    return true;
}

void router_error(struct request *request, unsigned status)
{
    request->router->error(request, status, NULL);
}

void router_dispatch(const struct router *router, struct request *request)
{
    struct str params[REQUEST_PARAMS_MAX];
    unsigned n_params = 0;

    request->router = router;
    request->app = router->app;
    const struct route *route = find(router, request->path, params, &n_params);
    if (!route || !decode_params(request, params, n_params)) {
        router_error(request, 404);
        return;
    }
    request->route = route->path;
    route_cb handler = handler_for(route, request->method);
    if (!handler) {
        router->error(request, 405, allowed_methods(route));
        return;
    }
    unsigned status = router->admit ? router->admit(request, route) : 0;
    if (status != 0)
        router_error(request, status);
    else
        handler(request);
}
