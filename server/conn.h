/* conn: one connection: reads requests one after the other, hands them to the router, writes the answers in order. Wire
 * floor.
 *
 * An idle connection holds neither request nor buffer. A request is made at its first byte and let go when its answer
 * is written; pipelined bytes wait, unparsed, until then. Each state has its deadline:
 *
 *     IDLE ─first byte─► HEAD ─► BODY ─► BUSY (handler) ─► WRITING ─► IDLE, or LINGER ─► CLOSED
 *
 * When all places are taken, a new connection displaces the one that has kept us waiting longest (IDLE, HEAD, BODY,
 * WRITING): whoever holds places by doing nothing cannot keep others out. With n places and r newcomers a second
 * everyone is waited for at least n/r seconds, so whoever sends a request as programs do, at once, is displaced only
 * where that is less than CONN_PATIENCE_MS; then newcomers are refused instead.
 *
 * LINGER (RFC 9112 §9.6): we have said all, closed our half, and read the rest away, so that the client gets the answer
 * and not a reset. */
#ifndef DP_SERVER_CONN_H
#define DP_SERVER_CONN_H

#include "common/str.h"
#include "server/listener.h"

enum {
    CONN_RESERVE_TIMEOUT_MS = 2000,  /* for a head on a connection kept for banks: they send it at once */
    CONN_HANDLER_TIMEOUT_MS = 60000, /* every step of a handler has a shorter one: passing it is our bug */
    CONN_LINGER_TIMEOUT_MS = 2000,
    CONN_LINGER_BYTES_MAX = 1 << 20,
    CONN_PATIENCE_MS = 250, /* a client that is waited for so long gives way when there is no room for a new one */
    CONN_DISPLACE_LOOKS_MAX = 64,
    CONN_DRAIN_GRACE_MS = 500, /* for the first request of a connection that had just come when draining began */
};

enum conn_state { CONN_IDLE, CONN_HEAD, CONN_BODY, CONN_BUSY, CONN_WRITING, CONN_LINGER, CONN_CLOSED };

/* Takes the next connection from the listening handle, or `fd` if it is not negative. */
void conn_accept(struct listener *listener, int fd);

/* The answer to the request under way: `head` and `body` live as long as the request. For response.c. */
void conn_answer(struct conn *conn, unsigned status, struct str head, struct str body);
/* Idempotent; the memory goes when libuv has closed the handles. */
void conn_close(struct conn *conn);
/* Closes it if idle, else after the answer under way. */
void conn_drain(struct conn *conn);
struct conn *conn_next(const struct conn *conn);

#endif
