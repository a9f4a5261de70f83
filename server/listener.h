/* listener: one port, the connections that came through it, their limits and their counters. Wire floor.
 *
 * Nothing is shared between listeners but the response policy, so that the pages and the administration have one each,
 * with a router of their own. SIGPIPE is ignored for the whole process when the first one opens. */
#ifndef DP_SERVER_LISTENER_H
#define DP_SERVER_LISTENER_H

#include <sys/queue.h>
#include <uv.h>

#include "common/config.h"
#include "server/admission.h"
#include "server/router.h"

enum {
    LISTENER_READ_SIZE = 16 * 1024, /* one buffer for all connections; bounds what one of them can leave unparsed */
    LISTENER_DURATION_BUCKETS = 12, /* the last one has no bound */
    LISTENER_REFUSED_MAX = 256,     /* refused connections that may still be reading their 503 */
};

/* Upper bounds in ms of the duration buckets but the last. */
extern const unsigned listener_duration_bounds_ms[LISTENER_DURATION_BUCKETS - 1];

/* Counts since the start. */
struct listener_stats {
    uint64_t connections_accepted, connections_refused, connections_displaced;
    uint64_t requests_by_class[6]; /* index: status / 100 */
    uint64_t requests_lost;        /* the client left before the answer */
    uint64_t timeouts;             /* head, body, handler or write */
    uint64_t bytes_read, bytes_written;
    uint64_t durations[LISTENER_DURATION_BUCKETS]; /* from the complete request to its answer; each in one bucket */
    uint64_t duration_ms_sum;
    unsigned connections_open; /* now */
};

struct listener_options {
    const char *name; /* in logs; borrowed for ever */
    const char *address;
    unsigned port;               /* 0: any free one (tests) */
    bool shared;                 /* SO_REUSEPORT: several programs of this user on one port */
    const struct config *config; /* borrowed until closed: the [listen] limits */
    const struct router *router; /* borrowed until closed */
};

struct conn;

/* Private to listener.c and conn.c. */
struct listener {
    struct listener_options options;
    uv_loop_t *loop;
    uv_tcp_t tcp;
    uv_timer_t drain_timer;
    unsigned n_handles; /* not closed yet */
    struct admission admission;
    struct listener_stats stats;
    struct conn *conns;         /* owned list */
    TAILQ_HEAD(, conn) waiting; /* of these, whose client is waited for; the longest first */
    unsigned n_refused;         /* of these, refused and lingering */
    unsigned n_requests;        /* alive, also those whose connection is gone: their handlers still work */
    uint64_t next_request_id;
    int64_t refusal_logged_ms;
    bool draining;
    void (*closed)(void *data);
    void *closed_data;
    char read_buffer[LISTENER_READ_SIZE];
};

/* Binds and listens. ERR_INVALID: the address or [listen] trusted_proxies; ERR_IO: bind or listen failed, logged with
 * the reason. */
int listener_open(uv_loop_t *loop, const struct listener_options *options, struct listener **ret_listener);
unsigned listener_port(const struct listener *listener);
const struct listener_stats *listener_stats(struct listener *listener);

/* Takes what waits in the backlog, stops listening, closes idle connections, lets requests under way be answered (their
 * answers say "Connection: close") and cuts what is left after [listen] drain_timeout_ms. Handlers whose client is gone
 * are waited for as well: what they use may be closed after this. Then everything is freed and `closed` called, once,
 * never before this function returned. A second call is ignored. */
void listener_drain(struct listener *listener, void (*closed)(void *data), void *data);

/* --- For conn.c --- */

/* A connection is gone and freed. */
void listener_conn_closed(struct listener *listener);
/* A request begins, on whose end the listener waits when it drains. */
void listener_add_request(struct listener *listener, struct request *request);
void listener_count_refused(struct listener *listener);
/* Counts the answer and writes its line in the log: the route's pattern instead of the path, because a path can hold a
 * token; never the query. */
void listener_count_answer(struct listener *listener, const struct request *request, unsigned status, size_t n_bytes);
void listener_count_lost(struct listener *listener, const struct request *request);

#endif
