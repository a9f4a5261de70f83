/* http_parser: bytes to one request: head_scan, then rules of our own, then llhttp in strict mode. Wire floor.
 *
 * What is refused beyond llhttp: any request line but "METHOD SP target SP HTTP/1.0|1.1"; a target that does not begin
 * with "/" (absolute-form too: we are an origin, and a proxy in front speaks origin-form) or holds "#" or bytes outside
 * 0x21–0x7e; no Host or two in HTTP/1.1 (RFC 9112 §3.2), a Host that is no host; Transfer-Encoding other than exactly
 * "chunked", once, in HTTP/1.1 and without Content-Length (RFC 9112 §6); chunk extensions; trailers; Expect other than
 * 100-continue (417). Upgrade is ignored (RFC 9110 §7.8). */
#ifndef DP_SERVER_HTTP_PARSER_H
#define DP_SERVER_HTTP_PARSER_H

#include <llhttp.h>

#include "common/str.h"
#include "server/head_scan.h"
#include "server/request.h"

enum {
    HTTP_PARSER_BODY_MAX = 64 * 1024,
    HTTP_PARSER_CHUNKED_MAX = 8 * HTTP_PARSER_BODY_MAX, /* with the chunks' framing: one-byte chunks cost six */
};

enum http_parser_result {
    HTTP_PARSER_MORE,     /* all bytes taken */
    HTTP_PARSER_HEAD,     /* the head is complete and a body follows */
    HTTP_PARSER_COMPLETE, /* the request is complete; bytes that were not taken belong to the next one */
    HTTP_PARSER_REFUSED,  /* answer `status` and close: framing is lost */
};

struct http_parser {
    llhttp_t llhttp;
    struct head_scan scan;
    struct request *request; /* borrowed; filled while parsing */
    size_t body_wire_len;
    unsigned status; /* why it was refused */
    bool head_complete, complete;
    bool expects_continue; /* HTTP/1.1 with Expect: 100-continue and a body to come */
    bool keep_alive;       /* the client wants it; valid once complete */
    bool is_http_1_0;
};

/* Ready for the first byte of a request. Nothing to free: the bytes kept are the request's. */
void http_parser_init(struct http_parser *parser, struct request *request);
/* Takes bytes and returns how many. The outcome does not depend on how they were cut into pieces. */
size_t http_parser_feed(struct http_parser *parser, struct str bytes, enum http_parser_result *ret_result);

#endif
