/* Requests as they come off a connection: however the bytes are cut, the same requests and refusals come out; what was
 * accepted is written anew, in its plainest form, and reads the same. */
#include "fuzz/fuzz.h"
#include "server/http_parser.h"

enum { REQUESTS_MAX = 8, RECORD_MAX = 1 << 22 };

static void put_text(struct buf *record, struct str s)
{
    buf_append(record, str_slice((const char *)&s.len, sizeof s.len));
    buf_append(record, s);
}

static void put_request(struct buf *record, const struct request *request)
{
    buf_append_char(record, (char)request->method);
    put_text(record, request->path);
    put_text(record, request->query);
    put_text(record, request->body);
    for (unsigned i = 0; i < request->n_headers; i++) {
        put_text(record, request->headers[i].name);
        put_text(record, request->headers[i].value);
    }
}

static void put_outcome(struct buf *record, const struct http_parser *parser, enum http_parser_result result, size_t at)
{
    buf_append_char(record, (char)result);
    if (result == HTTP_PARSER_REFUSED) {
        put_text(record, str_slice((const char *)&parser->status, sizeof parser->status));
        return;
    }
    put_text(record, str_slice((const char *)&at, sizeof at));
    buf_append_char(record, (char)(parser->expects_continue | parser->is_http_1_0 << 1 | parser->head_complete << 2));
    if (result == HTTP_PARSER_COMPLETE) {
        buf_append_char(record, parser->keep_alive);
        put_request(record, parser->request);
    }
}

/* Feeds one request from *at on, in pieces that end at `cuts` (ascending). */
static enum http_parser_result feed(struct http_parser *parser, struct str bytes, const size_t *cuts, size_t n_cuts,
                                    size_t *at)
{
    enum http_parser_result result = HTTP_PARSER_MORE;

    while (*at < bytes.len && (result == HTTP_PARSER_MORE || result == HTTP_PARSER_HEAD)) {
        size_t end = bytes.len;
        for (size_t i = n_cuts; i > 0 && cuts[i - 1] > *at; i--)
            end = cuts[i - 1];
        *at += http_parser_feed(parser, str_slice(bytes.ptr + *at, end - *at), &result);
    }
    return result;
}

static bool is_framing(struct str name)
{
    return str_eq_nocase(name, STR("Content-Length")) || str_eq_nocase(name, STR("Transfer-Encoding"));
}

/* The request with one Content-Length in the place of whatever framed it. */
static void write_plainly(const struct request *request, struct buf *out)
{
    struct str head = str_trim(buf_str(&request->head_bytes)), rest;
    bool framed = false;

    buf_append(out, str_cut(head, '\r', &rest));
    for (unsigned i = 0; i < request->n_headers; i++) {
        struct header header = request->headers[i];
        bool is_frame = is_framing(header.name);
        framed |= is_frame;
        if (is_frame)
            continue;
        buf_append_text(out, "\r\n");
        buf_append(out, header.name);
        buf_append_text(out, ": ");
        buf_append(out, header.value);
    }
    if (framed)
        buf_printf(out, "\r\nContent-Length: %zu", request->body.len);
    buf_append_text(out, "\r\n\r\n");
    buf_append(out, request->body);
}

static struct str header_without_framing(const struct request *request, unsigned *i)
{
    while (*i < request->n_headers && is_framing(request->headers[*i].name))
        (*i)++;
    return *i < request->n_headers ? request->headers[(*i)++].value : STR_NULL;
}

static void check_same(const struct request *one, const struct request *other)
{
    FUZZ_CHECK(one->method == other->method);
    FUZZ_CHECK(str_eq(one->path, other->path));
    FUZZ_CHECK(str_eq(one->query, other->query));
    FUZZ_CHECK(str_eq(one->body, other->body));
    for (unsigned i = 0, j = 0; i < one->n_headers || j < other->n_headers;)
        FUZZ_CHECK(str_eq(header_without_framing(one, &i), header_without_framing(other, &j)));
}

static void check_reads_again(const struct http_parser *parser)
{
    struct buf plain;
    struct http_parser again;
    struct request *request = request_new(2);
    size_t at = 0;

    buf_init(&plain, RECORD_MAX);
    write_plainly(parser->request, &plain);
    if (plain.len <= HEAD_SCAN_BYTES_MAX) { /* ": " for ":" may pass the head's limit */
        http_parser_init(&again, request);
        FUZZ_CHECK(feed(&again, buf_str(&plain), NULL, 0, &at) == HTTP_PARSER_COMPLETE);
        FUZZ_CHECK(at == plain.len);
        FUZZ_CHECK(again.keep_alive == parser->keep_alive);
        check_same(parser->request, request);
    }
    buf_done(&plain);
    request_unref(request);
}

static void check_complete(const struct http_parser *parser)
{
    const struct request *request = parser->request;
    FUZZ_CHECK(request->path.len > 0 && request->path.ptr[0] == '/');
    FUZZ_CHECK(!str_has_control(request->path, "") && str_find(request->query, ' ') < 0);
    FUZZ_CHECK(request->body.len <= HTTP_PARSER_BODY_MAX);
    for (unsigned i = 0; i < request->n_headers; i++) {
        FUZZ_CHECK(request->headers[i].name.len > 0);
        FUZZ_CHECK(str_find(request->headers[i].value, '\r') < 0 && str_find(request->headers[i].value, '\n') < 0);
    }
}

/* One connection: all that comes of its bytes goes to `record`. */
static void converse(struct str bytes, const size_t *cuts, size_t n_cuts, struct buf *record)
{
    enum http_parser_result result = HTTP_PARSER_COMPLETE;
    size_t at = 0;

    for (unsigned n = 0; n < REQUESTS_MAX && result == HTTP_PARSER_COMPLETE && at < bytes.len; n++) {
        struct http_parser parser;
        struct request *request = request_new(1);
        http_parser_init(&parser, request);
        result = feed(&parser, bytes, cuts, n_cuts, &at);
        put_outcome(record, &parser, result, at);
        if (result == HTTP_PARSER_COMPLETE && n_cuts == 0) {
            check_complete(&parser);
            check_reads_again(&parser);
        }
        request_unref(request);
    }
}

static void check_cuts(struct str bytes, const size_t *cuts, size_t n_cuts, struct buf *whole)
{
    struct buf record;
    buf_init(&record, RECORD_MAX);
    converse(bytes, cuts, n_cuts, &record);
    FUZZ_CHECK(str_eq(buf_str(whole), buf_str(&record)));
    buf_done(&record);
}

/* Byte by byte: every place is a cut. */
static void check_every_cut(struct str bytes, struct buf *whole)
{
    struct buf record;
    enum http_parser_result result = HTTP_PARSER_COMPLETE;
    size_t at = 0;

    buf_init(&record, RECORD_MAX);
    for (unsigned n = 0; n < REQUESTS_MAX && result == HTTP_PARSER_COMPLETE && at < bytes.len; n++) {
        struct http_parser parser;
        struct request *request = request_new(1);
        http_parser_init(&parser, request);
        for (result = HTTP_PARSER_MORE; at < bytes.len && result <= HTTP_PARSER_HEAD;)
            at += http_parser_feed(&parser, str_slice(bytes.ptr + at, 1), &result);
        put_outcome(&record, &parser, result, at);
        request_unref(request);
    }
    FUZZ_CHECK(str_eq(buf_str(whole), buf_str(&record)));
    buf_done(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = fuzz_str(data, size);
    struct buf whole;

    buf_init(&whole, RECORD_MAX);
    converse(bytes, NULL, 0, &whole);
    if (size > 1) {
        uint32_t h = fuzz_hash(bytes);
        size_t a = 1 + h % (size - 1), b = 1 + (h >> 12) % (size - 1);
        const size_t cuts[] = {a < b ? a : b, a < b ? b : a};
        check_cuts(bytes, cuts, 2, &whole);
        check_every_cut(bytes, &whole);
    }
#ifdef DP_FUZZ_REPLAY
    for (size_t cut = 1; cut < size; cut++)
        check_cuts(bytes, &cut, 1, &whole);
#endif
    buf_done(&whole);
    return 0;
}
