#include "server/response.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

#include "common/digits.h"
#include "common/log.h"
#include "server/conn.h"

enum {
    HEADERS_MAX = 16 * 1024, /* of the application */
    HEAD_MAX = HEADERS_MAX + 4096,
    HEAD_ROOM = 1024, /* of a usual one */
    POLICY_SIZE = 2048,
    OVERLOAD_SIZE = POLICY_SIZE + 512,
};

/* --- What every answer carries --- */

static struct {
    char policy[POLICY_SIZE]; /* complete header lines */
    size_t policy_len;        /* 0: not built yet */
    char overload[OVERLOAD_SIZE];
    size_t overload_len;
    time_t date_at; /* the second that `date` shows */
    char date[64];
    size_t date_len;
} common;

static size_t fit(int len, size_t size)
{
    if (len < 0 || (size_t)len >= size)
        log_fatal("response_policy_too_long");
    return (size_t)len;
}

static void build_overload(void)
{
    static const char text[] = "Le service est très demandé. Réessayez dans un instant.\n";
    int len = snprintf(common.overload, sizeof common.overload,
                       "HTTP/1.1 503 Service Unavailable\r\n%sCache-Control: no-store\r\nRetry-After: 5\r\n"
                       "Content-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                       common.policy, sizeof text - 1, text);
    common.overload_len = fit(len, sizeof common.overload);
}

void response_set_policy(bool https, const char *form_action)
{
    static const char hsts[] = "Strict-Transport-Security: max-age=63072000; includeSubDomains\r\n";
    const char *separator = form_action && *form_action ? " " : "";

    if (form_action && str_has_control(str_from(form_action), ""))
        log_fatal("response_policy_has_control");
    int len = snprintf(common.policy, sizeof common.policy,
                       "Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; "
                       "form-action 'self'%s%s; base-uri 'none'; frame-ancestors 'none'\r\n"
                       "X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n"
                       "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n%s",
                       separator, form_action ? form_action : "", https ? hsts : "");
    common.policy_len = fit(len, sizeof common.policy);
    build_overload();
}

static struct str policy(void)
{
    if (common.policy_len == 0)
        response_set_policy(false, NULL);
    return (struct str){common.policy, common.policy_len};
}

struct str response_overload(void)
{
    policy();
    return (struct str){common.overload, common.overload_len};
}

/* Made once a second (RFC 9110 §6.6.1). */
static struct str date_line(void)
{
    time_t now = time(NULL);
    struct tm tm;

    if (now != common.date_at) {
        common.date_at = now;
        common.date_len =
            strftime(common.date, sizeof common.date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&now, &tm));
    }
    return (struct str){common.date, common.date_len};
}

static struct str status_line(unsigned status)
{
    static const struct {
        unsigned status;
        struct str line;
    } lines[] = {
        {200, STR("HTTP/1.1 200 OK\r\n")},
        {301, STR("HTTP/1.1 301 Moved Permanently\r\n")},
        {303, STR("HTTP/1.1 303 See Other\r\n")},
        {304, STR("HTTP/1.1 304 Not Modified\r\n")},
        {400, STR("HTTP/1.1 400 Bad Request\r\n")},
        {401, STR("HTTP/1.1 401 Unauthorized\r\n")},
        {403, STR("HTTP/1.1 403 Forbidden\r\n")},
        {404, STR("HTTP/1.1 404 Not Found\r\n")},
        {405, STR("HTTP/1.1 405 Method Not Allowed\r\n")},
        {408, STR("HTTP/1.1 408 Request Timeout\r\n")},
        {409, STR("HTTP/1.1 409 Conflict\r\n")},
        {410, STR("HTTP/1.1 410 Gone\r\n")},
        {413, STR("HTTP/1.1 413 Content Too Large\r\n")},
        {414, STR("HTTP/1.1 414 URI Too Long\r\n")},
        {415, STR("HTTP/1.1 415 Unsupported Media Type\r\n")},
        {417, STR("HTTP/1.1 417 Expectation Failed\r\n")},
        {422, STR("HTTP/1.1 422 Unprocessable Content\r\n")},
        {429, STR("HTTP/1.1 429 Too Many Requests\r\n")},
        {431, STR("HTTP/1.1 431 Request Header Fields Too Large\r\n")},
        {500, STR("HTTP/1.1 500 Internal Server Error\r\n")},
        {501, STR("HTTP/1.1 501 Not Implemented\r\n")},
        {502, STR("HTTP/1.1 502 Bad Gateway\r\n")},
        {503, STR("HTTP/1.1 503 Service Unavailable\r\n")},
        {505, STR("HTTP/1.1 505 HTTP Version Not Supported\r\n")},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (lines[i].status == status)
            return lines[i].line;
    }
    log_fatal("unknown_status", LOG_INT("status", status));
}

static struct str cache_line(enum response_cache cache)
{
    switch (cache) {
    case RESPONSE_NO_STORE:
        break;
    case RESPONSE_IMMUTABLE:
        return STR("Cache-Control: public, max-age=31536000, immutable\r\n");
    case RESPONSE_REVALIDATE:
        return STR("Cache-Control: no-cache\r\n");
    }
    return STR("Cache-Control: no-store\r\n");
}

/* --- Making an answer --- */

struct response *response_new(struct request *request, unsigned status)
{
    struct response *response = ARENA_NEW(&request->arena, struct response);

    response->request = request;
    response->status = status;
    buf_init(&response->headers, HEADERS_MAX);
    buf_init(&response->body, RESPONSE_BODY_MAX);
    buf_init_in(&response->head, arena_room(&request->arena, HEAD_ROOM), HEAD_ROOM, HEAD_MAX);
    response->next = request->responses;
    request->responses = response;
    return response;
}

void response_free_all(struct response *responses)
{
    for (struct response *response = responses; response; response = response->next) {
        buf_done(&response->headers);
        buf_done(&response->body);
        buf_done(&response->head);
    }
}

static bool splits_lines(struct str value)
{
    return str_find(value, '\r') >= 0 || str_find(value, '\n') >= 0 || str_find(value, '\0') >= 0;
}

void response_header(struct response *response, const char *name, struct str value)
{
    if (splits_lines(value) || splits_lines(str_from(name)))
        log_fatal("header_injection", LOG_STR("name", name));
    buf_append_text(&response->headers, name);
    buf_append(&response->headers, STR(": "));
    buf_append(&response->headers, value);
    buf_append(&response->headers, STR("\r\n"));
}

static struct str body_of(const struct response *response)
{
    return response->static_body.ptr ? response->static_body : buf_str(&response->body);
}

/* RFC 9110 §8.6: none in a 304; everything else says how long it is, so that the connection can go on. */
static void append_length(struct buf *head, unsigned status, size_t len)
{
    char digits[DIGITS_MAX];

    if (status == 304)
        return;
    buf_append(head, STR("Content-Length: "));
    buf_append(head, str_slice(digits, (size_t)(digits_least(digits, 1, len) - digits)));
    buf_append(head, STR("\r\n"));
}

static void append_connection(struct buf *head, const struct request *request)
{
    if (request->close_after)
        buf_append(head, STR("Connection: close\r\n"));
    else if (request->is_http_1_0)
        buf_append(head, STR("Connection: keep-alive\r\n"));
}

/* The application's lines come last: a Referrer-Policy of theirs wins over ours. */
static void compose_head(struct response *response, size_t body_len)
{
    struct buf *head = &response->head;

    buf_append(head, status_line(response->status));
    buf_append(head, date_line());
    buf_append(head, policy());
    buf_append(head, cache_line(response->cache));
    if (response->content_type) {
        buf_append(head, STR("Content-Type: "));
        buf_append_text(head, response->content_type);
        buf_append(head, STR("\r\n"));
    }
    append_length(head, response->status, body_len);
    append_connection(head, response->request);
    buf_append(head, buf_str(&response->headers));
    buf_append(head, STR("\r\n"));
    assert(buf_ok(head));
}

static void become_internal_error(struct response *response)
{
    log_error("response_too_large", LOG_REQUEST(response->request->id), LOG_STR("route", response->request->route));
    response->status = 500;
    response->cache = RESPONSE_NO_STORE;
    response->content_type = "text/plain; charset=utf-8";
    response->static_body = STR_NULL;
    buf_clear(&response->headers);
    buf_clear(&response->body);
    buf_append_text(&response->body, "Erreur interne. Réessayez plus tard.\n");
}

static void mark_answered(struct request *request)
{
    if (request->answered)
        log_fatal("second_answer", LOG_REQUEST(request->id), LOG_STR("route", request->route));
    request->answered = true;
}

void response_send(struct response *response)
{
    struct request *request = response->request;

    mark_answered(request);
    if (!request->conn)
        return;
    if (!buf_ok(&response->body) || !buf_ok(&response->headers))
        become_internal_error(response);
    struct str body = body_of(response);
    compose_head(response, body.len);
    if (request->method == HTTP_HEAD_)
        body = STR_NULL;
    conn_answer(request->conn, response->status, buf_str(&response->head), body);
}

/* --- Short cuts --- */

static void redirect(struct request *request, unsigned status, struct str location)
{
    struct response *response = response_new(request, status);
    response_header(response, "Location", location);
    response_send(response);
}

void response_redirect(struct request *request, struct str location)
{
    redirect(request, 303, location);
}

void response_redirect_permanent(struct request *request, struct str location)
{
    redirect(request, 301, location);
}

void response_text(struct request *request, unsigned status, struct str text)
{
    struct response *response = response_new(request, status);
    response->content_type = "text/plain; charset=utf-8";
    response->static_body = arena_str(&request->arena, text);
    response_send(response);
}

void response_abandon(struct request *request)
{
    mark_answered(request);
    if (request->conn)
        conn_close(request->conn);
}
