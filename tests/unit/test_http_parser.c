/* http_parser: what is a request and what is refused, each input whole, cut in two at every byte, and byte by byte. The
 * rows are those of the llhttp accept/reject comparison: every way in which 8.1, 9.2 or a loose build differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/http_parser.c"

enum { STATUS_COMPLETE = 200, STATUS_MORE = 0 };

#define POST "POST /a HTTP/1.1\r\nHost: x\r\n"
#define GET  "GET /a HTTP/1.1\r\nHost: x\r\n"
#define TE   "Transfer-Encoding: "
#define ROW(literal)                 \
    {                                \
        literal, sizeof(literal) - 1 \
    }

struct row {
    struct str bytes;
    unsigned status;  /* 200: a request; 0: more bytes are needed; else why it is refused */
    const char *body; /* of a request */
    unsigned left;    /* bytes that belong to the next request */
};

static const struct row rows[] = {
    /* Sound requests. */
    {ROW(GET "\r\n"), 200, "", 0},
    {ROW("\r\n" GET "\r\n"), 200, "", 0},
    {ROW("HEAD /?a=b HTTP/1.1\r\nhost: x\r\n\r\n"), 200, "", 0},
    {ROW(GET "\r\nGET /b"), 200, "", 6},
    {ROW(GET "X:\r\nY: \xe9\xff\r\n\r\n"), 200, "", 0},
    {ROW(POST "Content-Length: 3\r\n\r\nabc"), 200, "abc", 0},
    {ROW(POST "Content-Length: 3\r\n\r\nabcGET"), 200, "abc", 3},
    {ROW(POST "Content-Length: 0\r\n\r\n"), 200, "", 0},
    {ROW(POST "Content-Length: 4\r\n\r\nabc"), 0, NULL, 0},
    {ROW(POST TE "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), 200, "abcde", 0},
    {ROW(POST TE "Chunked\r\n\r\n0\r\n\r\nX"), 200, "", 1},
    {ROW(POST TE "chunked\r\n\r\n3\r\nabc\r\n"), 0, NULL, 0},
    {ROW("GET / HTTP/1.0\r\n\r\n"), 200, "", 0},
    {ROW("GET / HTTP/1.0\r\nHost: x\r\n\r\n"), 200, "", 0},
    {ROW(GET "Connection: upgrade\r\nUpgrade: websocket\r\n\r\nxyz"), 200, "", 3},
    {ROW(GET "Connection: close\r\n\r\nGET / HTTP/1.1\r\n"), 200, "", 16},
    {ROW(POST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\na"), 200, "a", 0},
    {ROW("POST / HTTP/1.0\r\nExpect: odd\r\nContent-Length: 1\r\n\r\na"), 200, "a", 0},
    {ROW("PUT /a HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n"), 200, "", 0},
    {ROW("DELETE /a HTTP/1.1\r\nHost: x\r\n\r\n"), 200, "", 0},

    /* Bare CR and LF, folds, NUL and controls. */
    {ROW(GET "X:\rTransfer-Encoding: chunked\r\n\r\n"), 400, NULL, 0}, /* CVE-2023-30589 */
    {ROW(GET "\r\n\rX"), 200, "", 2},
    {ROW(GET "\rX"), 400, NULL, 0}, /* CVE-2025-23167 */
    {ROW(GET "\r\r"), 400, NULL, 0},
    {ROW(GET "X: y\r\n Content-Length: 3\r\n\r\nabc"), 400, NULL, 0}, /* CVE-2024-27982 */
    {ROW("GET /a HTTP/1.1\r\n Content-Length: 3\r\nHost: x\r\n\r\n"), 400, NULL, 0},
    {ROW(GET "X: a\r\n\tb\r\n\r\n"), 400, NULL, 0},
    {ROW(POST TE "\r\n chunked\r\n\r\n0\r\n\r\n"), 400, NULL, 0},
    {ROW(POST "Content-Length:\r\n 3\r\n\r\nabc"), 400, NULL, 0},
    {ROW("GET /a HTTP/1.1\nHost: x\n\n"), 400, NULL, 0},
    {ROW(GET "X: a\0b\r\n\r\n"), 400, NULL, 0},
    {ROW(GET "X: a\x01\r\n\r\n"), 400, NULL, 0},
    {ROW("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"), 400, NULL, 0},

    /* Header names. */
    {ROW("GET /a HTTP/1.1\r\nHost : x\r\n\r\n"), 400, NULL, 0},
    {ROW(GET "A B: x\r\n\r\n"), 400, NULL, 0},
    {ROW(GET ": x\r\n\r\n"), 400, NULL, 0},
    {ROW(GET "no colon\r\n\r\n"), 400, NULL, 0},
    {ROW(POST "Content-Length : 3\r\n\r\nabc"), 400, NULL, 0},
    {ROW(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), 400, NULL, 0},

    /* Framing. */
    {ROW(POST "Content-Length: 3\r\n" TE "chunked\r\n\r\n0\r\n\r\n"), 400, NULL, 0},
    {ROW(POST TE "chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"), 400, NULL, 0},
    {ROW(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), 400, NULL, 0},
    {ROW(POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"), 400, NULL, 0},
    {ROW(POST "Content-Length: 3,3\r\n\r\nabc"), 400, NULL, 0},
    {ROW(POST "Content-Length: +3\r\n\r\nabc"), 400, NULL, 0},
    {ROW(POST "Content-Length: -3\r\n\r\nabc"), 400, NULL, 0},
    {ROW(POST "Content-Length: 0x3\r\n\r\nabc"), 400, NULL, 0},
    {ROW(POST "Content-Length: \r\n\r\nabc"), 400, NULL, 0},
    {ROW(POST "Content-Length: 18446744073709551619\r\n\r\nabc"), 400, NULL, 0},
    {ROW(POST "Content-Length: 65537\r\n\r\n"), 413, NULL, 0},
    {ROW(POST TE "identity\r\n\r\n"), 400, NULL, 0},
    {ROW(POST TE "xchunked\r\n\r\n"), 400, NULL, 0},
    {ROW(POST TE "chunked, identity\r\n\r\n"), 400, NULL, 0},
    {ROW(POST TE "chunked, chunked\r\n\r\n0\r\n\r\n"), 400, NULL, 0},
    {ROW(POST TE "chunked\r\n" TE "chunked\r\n\r\n0\r\n\r\n"), 400, NULL, 0},
    {ROW(POST TE "\x0b"
                 "chunked\r\n\r\n0\r\n\r\n"),
     400, NULL, 0},
    {ROW(POST TE "chunked\t\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), 400, NULL, 0}, /* sound, but llhttp knows no tab there */
    {ROW(POST TE "gzip, chunked\r\n\r\n0\r\n\r\n"), 400, NULL, 0},
    {ROW(POST TE "gzip\r\n\r\n"), 400, NULL, 0},
    {ROW("POST /a HTTP/1.0\r\nHost: x\r\n" TE "chunked\r\n\r\n0\r\n\r\n"), 400, NULL, 0},

    /* Chunks. */
    {ROW(POST TE "chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n"), 400, NULL, 0},
    {ROW(POST TE "chunked\r\n\r\n3;a\rX\nabc\r\n0\r\n\r\n"), 400, NULL, 0},
    {ROW(POST TE "chunked\r\n\r\n3\r\nabc\rX0\r\n\r\n"), 400, NULL, 0},
    {ROW(POST TE "chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n"), 400, NULL, 0},
    {ROW(POST TE "chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n"), 400, NULL, 0},
    {ROW(POST TE "chunked\r\n\r\nffffffffffffffffff\r\n"), 400, NULL, 0},
    {ROW(POST TE "chunked\r\n\r\n3\nabc\n0\n\n"), 400, NULL, 0},
    {ROW(POST TE "chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\nabc"), 400, NULL, 0},
    {ROW(POST TE "chunked\r\n\r\n0\r\nX: y\r\n\r\n"), 400, NULL, 0},

    /* Request lines. */
    {ROW("GET /\r\n\r\n"), 400, NULL, 0}, /* HTTP/0.9 */
    {ROW("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"), 400, NULL, 0},
    {ROW("GET /  HTTP/1.1\r\nHost: x\r\n\r\n"), 400, NULL, 0},
    {ROW("GET / HTTP/1.1 \r\nHost: x\r\n\r\n"), 400, NULL, 0},
    {ROW("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), 505, NULL, 0},
    {ROW("GET / HTTP/1.2\r\nHost: x\r\n\r\n"), 505, NULL, 0},
    {ROW("GET / HTTP/11\r\nHost: x\r\n\r\n"), 400, NULL, 0},
    {ROW("GET / RTSP/1.0\r\nHost: x\r\n\r\n"), 400, NULL, 0},
    {ROW("PRI * HTTP/2.0\r\n\r\n"), 505, NULL, 0},
    {ROW("get / HTTP/1.1\r\nHost: x\r\n\r\n"), 501, NULL, 0},
    {ROW("DESCRIBE / HTTP/1.1\r\nHost: x\r\n\r\n"), 501, NULL, 0},
    {ROW("CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n"), 501, NULL, 0},
    {ROW("SOURCE / HTTP/1.1\r\nHost: x\r\n\r\n"), 501, NULL, 0},
    {ROW("G@T / HTTP/1.1\r\nHost: x\r\n\r\n"), 400, NULL, 0},
    {ROW("GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n"), 400, NULL, 0},
    {ROW("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), 400, NULL, 0},
    {ROW("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n"), 400, NULL, 0},
    {ROW("GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n"), 400, NULL, 0},
    {ROW("GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n"), 400, NULL, 0},

    /* Host and Expect. */
    {ROW("GET / HTTP/1.1\r\n\r\n"), 400, NULL, 0},
    {ROW("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"), 400, NULL, 0},
    {ROW("GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n"), 400, NULL, 0},
    {ROW("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400, NULL, 0},
    {ROW("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400, NULL, 0},
    {ROW("GET / HTTP/1.1\r\nHost: u@x\r\n\r\n"), 400, NULL, 0},
    {ROW(POST "Expect: 200-ok\r\nContent-Length: 1\r\n\r\na"), 417, NULL, 0},
    {ROW(POST "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na"), 417, NULL, 0},
};

struct outcome {
    unsigned status;
    size_t used;
    struct request *request; /* to be let go */
    struct http_parser parser;
};

/* Feeds `bytes` in pieces that end at `cut` (0: byte by byte), as a connection would. */
static void parse(struct str bytes, size_t cut, struct outcome *out)
{
    enum http_parser_result result = HTTP_PARSER_MORE;

    *out = (struct outcome){.request = request_new(1)};
    http_parser_init(&out->parser, out->request);
    while (out->used < bytes.len && (result == HTTP_PARSER_MORE || result == HTTP_PARSER_HEAD)) {
        size_t end = cut == 0 ? out->used + 1 : out->used < cut ? cut : bytes.len;
        /* A copy of its own size lets the sanitizer see a read past the piece. */
        size_t len = end - out->used;
        char *piece = malloc(len);
        memcpy(piece, bytes.ptr + out->used, len);
        out->used += http_parser_feed(&out->parser, (struct str){piece, len}, &result);
        free(piece);
    }
    out->status = result == HTTP_PARSER_COMPLETE ? STATUS_COMPLETE : out->parser.status;
}

static void check_row(const struct row *row, size_t cut)
{
    struct outcome out;

    parse(row->bytes, cut, &out);
    if (out.status != row->status)
        fail_msg("cut %zu: %u instead of %u for %.*s", cut, out.status, row->status, STR_ARG(row->bytes));
    if (row->status == STATUS_COMPLETE) {
        assert_true(str_eq_text(out.request->body, row->body));
        assert_int_equal(row->bytes.len - out.used, row->left);
    }
    if (row->status >= 400)
        assert_int_equal(out.request->n_headers, 0);
    request_unref(out.request);
}

static void accept_and_refuse_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t cut = 0; cut <= rows[i].bytes.len; cut++)
            check_row(&rows[i], cut);
    }
}

static void request_is_filled(void **state)
{
    static const char text[] = "POST /a%20b/c?d=e&f HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nX-Long:  v w \t\r\n"
                               "Content-Length: 2\r\n\r\nhi";
    (void)state;
    for (size_t cut = 0; cut < sizeof text; cut++) {
        struct outcome out;
        parse(str_from(text), cut, &out);
        const struct request *request = out.request;
        assert_int_equal(out.status, STATUS_COMPLETE);
        assert_int_equal(request->method, HTTP_POST_);
        assert_true(str_eq_text(request->path, "/a%20b/c"));
        assert_true(str_eq_text(request->query, "d=e&f"));
        assert_int_equal(request->n_headers, 4);
        assert_true(str_eq_text(request_header(request, "host"), "x"));
        assert_true(str_eq_text(request_header(request, "x-empty"), ""));
        assert_non_null(request_header(request, "X-EMPTY").ptr);
        assert_true(str_eq_text(request_header(request, "x-long"), "v w"));
        assert_true(str_eq_text(request->body, "hi"));
        assert_true(out.parser.keep_alive);
        request_unref(out.request);
    }
}

static void methods_and_keep_alive(void **state)
{
    static const struct {
        struct str bytes;
        enum http_method method;
        bool keep_alive, expects_continue;
    } cases[] = {
        {ROW(GET "\r\n"), HTTP_GET_, true, false},
        {ROW("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), HTTP_HEAD_, false, false},
        {ROW("PATCH / HTTP/1.1\r\nHost: x\r\nConnection: x, close\r\n\r\n"), HTTP_OTHER_, false, false},
        {ROW("PATCH / HTTP/1.1\r\nHost: x\r\nConnection: x ,close\t\r\n\r\n"), HTTP_OTHER_, false, false},
        {ROW("GET / HTTP/1.1\r\nHost: x\r\nConnection: x\r\nConnection: CLOSE\r\n\r\n"), HTTP_GET_, false, false},
        {ROW("GET / HTTP/1.1\r\nHost: x\r\nConnection: closed,, \"close\"\r\n\r\n"), HTTP_GET_, true, false},
        {ROW("GET / HTTP/1.0\r\nConnection: keep-alive\t\r\n\r\n"), HTTP_GET_, true, false},
        {ROW("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"), HTTP_GET_, false, false},
        {ROW("GET / HTTP/1.0\r\n\r\n"), HTTP_GET_, false, false},
        {ROW("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), HTTP_GET_, true, false},
        {ROW(POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\na"), HTTP_POST_, true, true},
        {ROW(POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n"), HTTP_POST_, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome out;
        parse(cases[i].bytes, 0, &out);
        assert_int_equal(out.status, STATUS_COMPLETE);
        assert_int_equal(out.request->method, cases[i].method);
        assert_int_equal(out.parser.keep_alive, cases[i].keep_alive);
        assert_int_equal(out.parser.expects_continue, cases[i].expects_continue);
        request_unref(out.request);
    }
}

static unsigned parse_repeated(const char *head, const char *repeated, size_t times, const char *tail, size_t *ret_body)
{
    struct buf text;
    struct outcome out;

    buf_init(&text, 4 << 20);
    buf_append_text(&text, head);
    for (size_t i = 0; i < times; i++)
        buf_append_text(&text, repeated);
    buf_append_text(&text, tail);
    parse(buf_str(&text), text.len / 2, &out);
    *ret_body = out.request->body.len;
    request_unref(out.request);
    buf_done(&text);
    return out.status;
}

static void size_limits(void **state)
{
    static const char chunked[] = POST TE "chunked\r\n\r\n";
    size_t body;
    (void)state;
    assert_int_equal(parse_repeated(POST "Content-Length: 65536\r\n\r\n", "a", 65536, "", &body), 200);
    assert_int_equal(body, HTTP_PARSER_BODY_MAX);
    assert_int_equal(parse_repeated(chunked, "1\r\na\r\n", 65536, "0\r\n\r\n", &body), 200);
    assert_int_equal(body, HTTP_PARSER_BODY_MAX);
    assert_int_equal(parse_repeated(chunked, "1\r\na\r\n", 65537, "0\r\n\r\n", &body), 413);
    assert_int_equal(parse_repeated(chunked, "0000000000000000000000000000000", 30000, "", &body), 413);
    assert_int_equal(parse_repeated(GET, "A: b\r\n", 63, "\r\n", &body), 200);
    assert_int_equal(parse_repeated(GET, "A: b\r\n", 64, "\r\n", &body), 431);
    assert_int_equal(parse_repeated("GET /", "a", 4096, " HTTP/1.1\r\nHost: x\r\n\r\n", &body), 414);
    assert_int_equal(parse_repeated(GET "X: ", "a", 16384, "\r\n\r\n", &body), 431);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_and_refuse_table),
        cmocka_unit_test(request_is_filled),
        cmocka_unit_test(methods_and_keep_alive),
        cmocka_unit_test(size_limits),
    };
    return cmocka_run_group_tests_name("http_parser", tests, NULL, NULL);
}
