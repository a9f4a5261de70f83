#include "server/request.h"

#include <assert.h>

#include "common/clock.h"
#include "server/http_parser.h"
#include "server/response.h"

/* Of a head and a body of the usual size; longer ones take memory of their own. */
enum { HEAD_ROOM = 1024, BODY_ROOM = 512 };

struct request *request_new(uint64_t id)
{
    struct arena arena;
    struct request *request;

    arena_init(&arena, REQUEST_ARENA_MAX);
    request = arena_room(&arena, sizeof *request);
    memset(request, 0, offsetof(struct request, headers));
    request->id = id;
    request->path = request->query = request->body = STR("");
    request->started_ms = clock_monotonic_ms();
    request->refs = 1;
    buf_init_in(&request->head_bytes, arena_room(&arena, HEAD_ROOM), HEAD_ROOM, HEAD_SCAN_BYTES_MAX);
    buf_init_in(&request->body_bytes, arena_room(&arena, BODY_ROOM), BODY_ROOM, HTTP_PARSER_BODY_MAX);
    request->arena = arena;
    return request;
}

void request_ref(struct request *request)
{
    assert(request->refs > 0);
    request->refs++;
}

void request_unref(struct request *request)
{
    void (*gone)(void *data) = request->gone;
    void *gone_data = request->gone_data;
    struct arena arena;

    assert(request->refs > 0);
    if (--request->refs > 0)
        return;
    response_free_all(request->responses);
    buf_done(&request->head_bytes);
    buf_done(&request->body_bytes);
    arena = request->arena; /* the request is in it */
    arena_done(&arena);
    if (gone)
        gone(gone_data);
}

const char *request_method_name(const struct request *request)
{
    static const char *const names[] = {
        [HTTP_GET_] = "GET", [HTTP_HEAD_] = "HEAD", [HTTP_POST_] = "POST", [HTTP_OTHER_] = "OTHER"};
    return names[request->method];
}

struct str request_header(const struct request *request, const char *name)
{
    for (unsigned i = 0; i < request->n_headers; i++) {
        if (str_eq_nocase(request->headers[i].name, str_from(name)))
            return request->headers[i].value;
    }
    return STR_NULL;
}

/* RFC 6265 §4.1.1 cookie-octet: no control, space, quote, comma, semicolon, backslash. */
static bool is_cookie_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c <= ' ' || c > '~' || c == '"' || c == ',' || c == ';' || c == '\\')
            return false;
    }
    return true;
}

static struct str unquote(struct str value)
{
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        return (struct str){value.ptr + 1, value.len - 2};
    return value;
}

static bool find_cookie(struct str pairs, struct str name, struct str *ret_value)
{
    while (pairs.len > 0) {
        struct str value;
        struct str pair = str_cut(pairs, ';', &pairs);
        struct str key = str_trim(str_cut(pair, '=', &value));
        if (!value.ptr || !str_eq(key, name))
            continue;
        value = unquote(str_trim(value));
        if (!is_cookie_value(value))
            continue;
        *ret_value = value;
        return true;
    }
    return false;
}

/* All Cookie headers are searched: a proxy that speaks HTTP/2 may split them (RFC 9113 §8.2.3). */
struct str request_cookie(const struct request *request, const char *name)
{
    struct str value = STR_NULL;
    for (unsigned i = 0; i < request->n_headers; i++) {
        const struct header *header = &request->headers[i];
        if (str_eq_nocase(header->name, STR("Cookie")) && find_cookie(header->value, str_from(name), &value))
            break;
    }
    return value;
}
