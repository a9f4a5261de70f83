#include "server/http_parser.h"

#include <assert.h>

static int on_header_field(llhttp_t *llhttp, const char *at, size_t len);
static int on_header_value(llhttp_t *llhttp, const char *at, size_t len);
static int on_headers_complete(llhttp_t *llhttp);
static int on_body(llhttp_t *llhttp, const char *at, size_t len);
static int on_chunk_extension(llhttp_t *llhttp, const char *at, size_t len);
static int on_message_complete(llhttp_t *llhttp);

static const llhttp_settings_t settings = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_message_complete = on_message_complete,
};

void http_parser_init(struct http_parser *parser, struct request *request)
{
    *parser = (struct http_parser){.request = request};
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &settings);
    parser->llhttp.data = parser;
}

static int refuse(struct http_parser *parser, unsigned status)
{
    if (parser->status == 0)
        parser->status = status;
    return -1;
}

/* --- llhttp's callbacks. The head is fed in one piece, so that each name and value is one slice of it. --- */

static int on_header_field(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;
    struct request *request = parser->request;

    if (parser->head_complete)
        return refuse(parser, 400); /* a trailer: it could hold what the head was checked for */
    assert(request->n_headers < REQUEST_HEADERS_MAX);
    request->headers[request->n_headers++] = (struct header){.name = {at, len}, .value = STR("")};
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;
    struct request *request = parser->request;

    assert(!parser->head_complete && request->n_headers > 0);
    request->headers[request->n_headers - 1].value = str_trim((struct str){at, len});
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;

    llhttp->upgrade = 0;
    parser->head_complete = true;
    if ((llhttp->flags & F_CONTENT_LENGTH) && llhttp->content_length > HTTP_PARSER_BODY_MAX)
        return refuse(parser, 413);
    return 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;
    struct buf *body = &parser->request->body_bytes;

    buf_append(body, (struct str){at, len});
    return buf_ok(body) ? 0 : refuse(parser, 413);
}

static int on_chunk_extension(llhttp_t *llhttp, const char *at, size_t len)
{
    (void)at;
    (void)len;
    return refuse(llhttp->data, 400);
}

static int on_message_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;

    parser->complete = true;
    return HPE_PAUSED;
}

/* --- The rules of our own, on the whole head --- */

struct method_name {
    const char *name;
    enum http_method method;
};

/* The methods of RFC 9110 §9.3 and RFC 5789 that can carry a path. Any other word is 501. */
static const struct method_name methods[] = {
    {"GET", HTTP_GET_},     {"HEAD", HTTP_HEAD_},    {"POST", HTTP_POST_},     {"PUT", HTTP_OTHER_},
    {"PATCH", HTTP_OTHER_}, {"DELETE", HTTP_OTHER_}, {"OPTIONS", HTTP_OTHER_}, {"TRACE", HTTP_OTHER_},
};

static bool find_method(struct str word, enum http_method *ret)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (str_eq_text(word, methods[i].name)) {
            *ret = methods[i].method;
            return true;
        }
    }
    return false;
}

static bool is_token(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        bool alpha = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alpha && !(c >= '0' && c <= '9') && !memchr("!#$%&'*+-.^_`|~", c, 15))
            return false;
    }
    return word.len > 0;
}

static bool is_target(struct str target)
{
    for (size_t i = 0; i < target.len; i++) {
        if (target.ptr[i] <= ' ' || target.ptr[i] > '~' || target.ptr[i] == '#')
            return false;
    }
    return target.len > 0 && target.ptr[0] == '/';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 0, or the status to refuse the version with. */
static unsigned check_version(struct http_parser *parser, struct str version)
{
    if (version.len != 8 || memcmp(version.ptr, "HTTP/", 5) != 0 || version.ptr[6] != '.' ||
        !is_digit(version.ptr[5]) || !is_digit(version.ptr[7]))
        return 400;
    if (version.ptr[5] != '1' || version.ptr[7] > '1')
        return 505;
    parser->is_http_1_0 = version.ptr[7] == '0';
    return 0;
}

/* RFC 9112 §3: exactly two single spaces; so HTTP/0.9 and what other parsers would guess at are 400. */
static unsigned parse_request_line(struct http_parser *parser, struct str line)
{
    struct request *request = parser->request;
    struct str rest, version;
    struct str method = str_cut(line, ' ', &rest);
    struct str target = str_cut(rest, ' ', &version);

    if (!is_token(method))
        return 400;
    unsigned status = check_version(parser, version);
    if (status != 0)
        return status;
    if (!find_method(method, &request->method))
        return 501;
    if (!is_target(target))
        return 400;
    request->path = str_cut(target, '?', &request->query);
    return 0;
}

/* A name, an IPv4 address or a bracketed IPv6 address, with or without a port: enough to keep odd bytes out. */
static bool is_host(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool alpha = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alpha && !is_digit(c) && !memchr(".-_:[]", c, 6))
            return false;
    }
    return host.len > 0;
}

static unsigned count_headers(const struct request *request, struct str name, struct str *ret_last)
{
    unsigned count = 0;
    for (unsigned i = 0; i < request->n_headers; i++) {
        if (!str_eq_nocase(request->headers[i].name, name))
            continue;
        *ret_last = request->headers[i].value;
        count++;
    }
    return count;
}

static unsigned check_host(const struct http_parser *parser)
{
    struct str host = STR_NULL;
    unsigned count = count_headers(parser->request, STR("Host"), &host);

    if (count == 0)
        return parser->is_http_1_0 ? 0 : 400;
    return count == 1 && is_host(host) ? 0 : 400;
}

static unsigned check_framing(const struct http_parser *parser)
{
    struct str coding = STR_NULL, length;
    unsigned codings = count_headers(parser->request, STR("Transfer-Encoding"), &coding);
    unsigned lengths = count_headers(parser->request, STR("Content-Length"), &length);

    if (codings == 0)
        return lengths <= 1 ? 0 : 400;
    bool sound = codings == 1 && lengths == 0 && !parser->is_http_1_0 && str_eq_nocase(coding, STR("chunked"));
    return sound ? 0 : 400;
}

/* RFC 9110 §10.1.1: HTTP/1.0 knows no Expect. */
static unsigned check_expect(struct http_parser *parser)
{
    struct str expect = STR_NULL;
    unsigned count = count_headers(parser->request, STR("Expect"), &expect);

    if (count == 0 || parser->is_http_1_0)
        return 0;
    if (count > 1 || !str_eq_nocase(expect, STR("100-continue")))
        return 417;
    parser->expects_continue = !parser->complete;
    return 0;
}

static unsigned check_headers(struct http_parser *parser)
{
    unsigned status = check_host(parser);
    if (status == 0)
        status = check_framing(parser);
    if (status == 0)
        status = check_expect(parser);
    return status;
}

/* --- Feeding --- */

static enum http_parser_result refused(struct http_parser *parser, unsigned status)
{
    refuse(parser, status);
    /* Half a head must not be taken for one by who draws the error page. */
    parser->request->n_headers = 0;
    return HTTP_PARSER_REFUSED;
}

/* Gives llhttp bytes and returns how many it took. */
static size_t execute(struct http_parser *parser, struct str bytes, bool *ret_ok)
{
    llhttp_errno_t code = llhttp_execute(&parser->llhttp, bytes.ptr, bytes.len);

    *ret_ok = code == HPE_OK || (code == HPE_PAUSED && parser->complete);
    return code == HPE_OK ? bytes.len : (size_t)(llhttp_get_error_pos(&parser->llhttp) - bytes.ptr);
}

static bool has_connection_option(const struct request *request, struct str option)
{
    for (unsigned i = 0; i < request->n_headers; i++) {
        struct str options = request->headers[i].value;
        while (str_eq_nocase(request->headers[i].name, STR("Connection")) && options.ptr) {
            if (str_eq_nocase(str_trim(str_cut(options, ',', &options)), option))
                return true;
        }
    }
    return false;
}

/* RFC 9112 §9.3. llhttp knows no option with a tab behind it. */
static bool wants_keep_alive(const struct http_parser *parser)
{
    if (has_connection_option(parser->request, STR("close")))
        return false;
    return !parser->is_http_1_0 || has_connection_option(parser->request, STR("keep-alive"));
}

static enum http_parser_result finish(struct http_parser *parser)
{
    parser->keep_alive = wants_keep_alive(parser);
    parser->request->body = buf_str(&parser->request->body_bytes);
    return HTTP_PARSER_COMPLETE;
}

static enum http_parser_result parse_head(struct http_parser *parser)
{
    struct str head = buf_str(&parser->request->head_bytes), rest;
    bool ok;

    head.ptr += parser->scan.skipped;
    head.len -= parser->scan.skipped;
    struct str line = str_cut(head, '\r', &rest);
    unsigned status = parse_request_line(parser, line);
    if (status != 0)
        return refused(parser, status);
    execute(parser, head, &ok);
    if (!ok)
        return refused(parser, 400);
    status = check_headers(parser);
    if (status != 0)
        return refused(parser, status);
    return parser->complete ? finish(parser) : HTTP_PARSER_HEAD;
}

static enum http_parser_result judge_scan(struct http_parser *parser, enum head_scan_result scanned)
{
    switch (scanned) {
    case HEAD_SCAN_MORE:
        return HTTP_PARSER_MORE;
    case HEAD_SCAN_DONE:
        return parse_head(parser);
    case HEAD_SCAN_LINE_TOO_LONG:
        return refused(parser, 414);
    case HEAD_SCAN_TOO_LARGE:
        return refused(parser, 431);
    case HEAD_SCAN_INVALID:
        break;
    }
    return refused(parser, 400);
}

static size_t feed_head(struct http_parser *parser, struct str bytes, enum http_parser_result *ret_result)
{
    enum head_scan_result scanned;
    size_t taken = head_scan_feed(&parser->scan, bytes, &scanned);

    if (scanned == HEAD_SCAN_MORE || scanned == HEAD_SCAN_DONE)
        buf_append(&parser->request->head_bytes, (struct str){bytes.ptr, taken});
    *ret_result = judge_scan(parser, scanned);
    return taken;
}

static size_t feed_body(struct http_parser *parser, struct str bytes, enum http_parser_result *ret_result)
{
    bool ok;
    size_t taken = execute(parser, bytes, &ok);

    parser->body_wire_len += taken;
    if (!ok)
        *ret_result = refused(parser, 400);
    else if (parser->body_wire_len > HTTP_PARSER_CHUNKED_MAX)
        *ret_result = refused(parser, 413);
    else
        *ret_result = parser->complete ? finish(parser) : HTTP_PARSER_MORE;
    return taken;
}

size_t http_parser_feed(struct http_parser *parser, struct str bytes, enum http_parser_result *ret_result)
{
    assert(!parser->complete && parser->status == 0);
    return parser->head_complete ? feed_body(parser, bytes, ret_result) : feed_head(parser, bytes, ret_result);
}
