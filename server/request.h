/* request: one HTTP request from its first byte to the last byte of its answer. Wire floor: knows no store.
 *
 * Memory is one arena, the request itself and what is usual of its head and body included, freed when the last
 * reference goes. Who starts an asynchronous operation for a request takes a reference and drops it in the
 * continuation; the connection may be gone by then, and answering is then a no-op. */
#ifndef DP_SERVER_REQUEST_H
#define DP_SERVER_REQUEST_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/str.h"

/* HTTP_OTHER_: a known method that no route takes; the router answers 405 or 404, no handler ever sees it. */
enum http_method { HTTP_GET_, HTTP_HEAD_, HTTP_POST_, HTTP_OTHER_ };

enum { REQUEST_HEADERS_MAX = 64, REQUEST_PARAMS_MAX = 4, REQUEST_ARENA_MAX = 2 << 20 };

struct header {
    struct str name; /* as received; compare with str_eq_nocase() */
    struct str value;
};

struct conn;
struct response;
struct router;

struct request {
    struct arena arena;
    uint64_t id;        /* in logs and in error pages, as 16 hex digits */
    int64_t started_ms; /* monotonic */
    enum http_method method;
    struct str path;                       /* as sent, starts with "/", without the query */
    struct str query;                      /* raw bytes after "?", empty when there is none */
    struct str body;                       /* raw; complete before any handler runs */
    unsigned n_headers;                    /* of `headers`, below */
    struct str params[REQUEST_PARAMS_MAX]; /* what matched {…} in the route, percent-decoded */
    char address[INET6_ADDRSTRLEN];        /* the client's, behind trusted proxies too */
    void *app;                             /* what router_init() was given */
    void *page;                            /* the pages' own context */

    /* --- private to the wire --- */
    struct conn *conn;           /* NULL once the connection is gone */
    struct buf head_bytes;       /* owned: path, query and headers are slices of it */
    struct buf body_bytes;       /* owned: body is a slice of it */
    struct response *responses;  /* owned buffers, newest first */
    const struct router *router; /* borrowed */
    const char *route;           /* the matched route's path: what the log may show; NULL: none */
    void (*gone)(void *data);    /* called when the last reference has gone; NULL: nobody waits for that */
    void *gone_data;
    int64_t dispatched_ms; /* monotonic; 0: refused before routing */
    unsigned refs;
    bool answered;
    bool close_after; /* the answer ends the connection */
    bool is_http_1_0;

    struct header headers[REQUEST_HEADERS_MAX]; /* last: not zeroed with the rest */
};

/* A request with one reference, no connection and empty texts (an error page may be drawn for it before its head is
 * complete). */
struct request *request_new(uint64_t id);
/* "GET" …; "OTHER" for HTTP_OTHER_. */
const char *request_method_name(const struct request *request);

/* The first header of that name, or STR_NULL. */
struct str request_header(const struct request *request, const char *name);
/* The value of a cookie, or STR_NULL; malformed pairs are skipped (RFC 6265 §5.4 order: first wins). */
struct str request_cookie(const struct request *request, const char *name);

void request_ref(struct request *request);
void request_unref(struct request *request); /* frees at the last one */

#endif
