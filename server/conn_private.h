/* conn_private: what conn.c (the connection's life, reading, deadlines) and conn_request.c (its requests and answers)
 * share. Nobody else includes it. */
#ifndef DP_SERVER_CONN_PRIVATE_H
#define DP_SERVER_CONN_PRIVATE_H

#include <sys/queue.h>

#include "server/conn.h"
#include "server/http_parser.h"

struct conn {
    uv_tcp_t tcp;
    uv_timer_t timer;
    struct listener *listener;
    struct conn *next, **link;
    TAILQ_ENTRY(conn) waiting_link; /* in listener->waiting while `waits_since_ms` is set */
    uint64_t deadline_at_ms;        /* on the loop's clock */
    uint64_t timer_at_ms;           /* when the timer fires: then or before */
    uint64_t waits_since_ms;        /* on the loop's clock, for its client's next bytes; 0: it does not */
    struct request *request;        /* one reference; NULL while idle */
    struct http_parser parser;
    struct buf input; /* read, not yet parsed */
    struct client_address peer, client;
    char peer_text[INET6_ADDRSTRLEN];
    struct admission_ticket ticket;
    enum conn_state state;
    unsigned n_handles; /* not closed yet */
    unsigned n_requests;
    size_t lingered_bytes;
    bool reading, eof, feeding;
    bool timer_stale;     /* the state changed since the deadline was set */
    bool linger;          /* the end is our decision: the client may still be sending */
    bool refused;         /* counted in listener->n_refused */
    bool counted_request; /* `client` holds one of its requests */
};

/* Not logged, unlike other state machines of ours: it changes five times a request. */
void conn_set_state(struct conn *conn, enum conn_state state);
/* Sets the deadline of the state. */
void conn_set_deadline(struct conn *conn);
/* The end of every turn: uses what waits, then sets reading and deadline as the state asks. */
void conn_resume(struct conn *conn);
/* Closes our half and reads the rest away. */
void conn_start_linger(struct conn *conn);
bool conn_is_bank_only(const struct conn *conn);

/* --- conn_request.c --- */
void conn_begin_request(struct conn *conn);
/* Goes on as the parser said. */
void conn_step_request(struct conn *conn, enum http_parser_result result);
/* Answers `status` instead of the request's handler, then ends the connection: the rest of what the client sends cannot
 * be told apart any more. */
void conn_refuse_request(struct conn *conn, unsigned status);
/* Lets the request under way go, if there is one. */
void conn_release_request(struct conn *conn);

#endif
