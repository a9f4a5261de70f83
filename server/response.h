/* response: the answer to a request: status, headers, body; sent once. Wire floor. */
#ifndef DP_SERVER_RESPONSE_H
#define DP_SERVER_RESPONSE_H

#include "common/buf.h"
#include "server/request.h"

enum { RESPONSE_BODY_MAX = 1 << 20 };

enum response_cache {
    RESPONSE_NO_STORE,   /* personal: Cache-Control: no-store */
    RESPONSE_IMMUTABLE,  /* content-hashed asset: a year, immutable */
    RESPONSE_REVALIDATE, /* no-cache with ETag */
};

/* In the request's arena, released with it. The security headers of reliability.md §3 rows 11–12 are set on every
 * answer (CSP with the bank's host in form-action, nosniff, Referrer-Policy, COOP, frame-ancestors, HSTS on https). */
struct response {
    struct request *request;
    unsigned status;
    struct buf headers; /* complete lines "Name: value\r\n" */
    struct buf body;
    enum response_cache cache;
    const char *content_type; /* NULL: no body */
    struct str static_body;   /* instead of `body`: bytes that outlive the request, or of its arena */

    /* --- private to the wire --- */
    struct buf head;       /* what goes before the body on the wire */
    struct response *next; /* an older, unsent answer to the same request */
};

struct response *response_new(struct request *request, unsigned status);
/* A value with CR, LF or NUL is our bug and aborts. */
void response_header(struct response *response, const char *name, struct str value);
/* Sends and forgets; also when the connection is gone. HEAD sends the headers only. Second answer: aborts. A body over
 * RESPONSE_BODY_MAX is our bug: it is logged and a plain 500 goes out instead. */
void response_send(struct response *response);
/* Frees the buffers of a request's answers; request_unref() calls it. */
void response_free_all(struct response *responses);

/* Short cuts. */
/* 303 with Location (a path of ours or an absolute URL) and an empty body. */
void response_redirect(struct request *request, struct str location);
void response_redirect_permanent(struct request *request, struct str location); /* 301 */
/* text/plain; charset=utf-8 */
void response_text(struct request *request, unsigned status, struct str text);
/* Ends the connection without an answer (a call of the bank that nothing could keep). */
void response_abandon(struct request *request);

/* What every answer carries; set at start. `form_action` are further sources for CSP's form-action
 * ("https://paiement.example"), space-separated; it may be set again when contracts are reloaded. It is copied; NULL:
 * none. Before the first call the policy is that of plain http with form-action 'self'. */
void response_set_policy(bool https, const char *form_action);
/* The complete bytes of the 503 for a connection that is over a limit; it has no request. Static memory. */
struct str response_overload(void);

#endif
