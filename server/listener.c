#include "server/listener.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/log.h"
#include "common/rand.h"
#include "server/conn.h"

enum { BACKLOG = 1024, REFUSAL_LOG_INTERVAL_MS = 1000 };

const unsigned listener_duration_bounds_ms[LISTENER_DURATION_BUCKETS - 1] = {1,   2,   5,   10,   20,  50,
                                                                             100, 200, 500, 1000, 5000};

/* --- Counters and the access log --- */

static unsigned bucket_of(int64_t ms)
{
    unsigned i = 0;
    while (i < LISTENER_DURATION_BUCKETS - 1 && ms > listener_duration_bounds_ms[i])
        i++;
    return i;
}

void listener_count_answer(struct listener *listener, const struct request *request, unsigned status, size_t n_bytes)
{
    struct listener_stats *stats = &listener->stats;
    int64_t since_ms = request->dispatched_ms ? request->dispatched_ms : request->started_ms;
    int64_t ms = clock_monotonic_ms() - since_ms;

    assert(status / 100 < sizeof stats->requests_by_class / sizeof stats->requests_by_class[0]);
    stats->requests_by_class[status / 100]++;
    stats->bytes_written += n_bytes;
    if (request->dispatched_ms) {
        stats->durations[bucket_of(ms)]++;
        stats->duration_ms_sum += (uint64_t)ms;
    }
    log_info("request", LOG_STR("listener", listener->options.name), LOG_REQUEST(request->id),
             LOG_STR("method", request_method_name(request)), LOG_STR("path", request->route ? request->route : "-"),
             LOG_INT("status", status), LOG_INT("ms", ms), LOG_INT("bytes", (int64_t)n_bytes),
             LOG_STR("client", request->address));
}

void listener_count_lost(struct listener *listener, const struct request *request)
{
    listener->stats.requests_lost++;
    log_info("request_lost", LOG_STR("listener", listener->options.name), LOG_REQUEST(request->id),
             LOG_STR("method", request_method_name(request)), LOG_STR("path", request->route ? request->route : "-"),
             LOG_INT("ms", clock_monotonic_ms() - request->dispatched_ms));
}

/* One line a second at most: a flood must not fill the log. */
void listener_count_refused(struct listener *listener)
{
    int64_t now_ms = clock_monotonic_ms();

    listener->stats.connections_refused++;
    if (listener->refusal_logged_ms != 0 && now_ms - listener->refusal_logged_ms < REFUSAL_LOG_INTERVAL_MS)
        return;
    listener->refusal_logged_ms = now_ms;
    log_warn("connections_refused", LOG_STR("listener", listener->options.name),
             LOG_INT("total", (int64_t)listener->stats.connections_refused),
             LOG_INT("open", listener->admission.n_connections));
}

const struct listener_stats *listener_stats(struct listener *listener)
{
    listener->stats.connections_open = listener->admission.n_connections;
    return &listener->stats;
}

unsigned listener_port(const struct listener *listener)
{
    struct sockaddr_storage name;
    int len = sizeof name;

    if (uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&name, &len) != 0)
        return 0;
    if (name.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&name)->sin6_port);
    return ntohs(((struct sockaddr_in *)&name)->sin_port);
}

/* --- Opening --- */

static void on_connection(uv_stream_t *server, int status)
{
    struct listener *listener = server->data;

    if (status == 0)
        conn_accept(listener, -1);
    else
        log_warn("accept_failed", LOG_STR("listener", listener->options.name), LOG_STR("reason", uv_strerror(status)));
}

static int parse_address(const struct listener_options *options, struct sockaddr_storage *ret)
{
    if (uv_ip4_addr(options->address, (int)options->port, (struct sockaddr_in *)ret) == 0)
        return 0;
    return uv_ip6_addr(options->address, (int)options->port, (struct sockaddr_in6 *)ret) == 0 ? 0 : ERR_INVALID;
}

/* Accepted sockets inherit TCP_NODELAY: an answer is one write, waiting for more would only delay it. */
static int bind_and_listen(struct listener *listener, const struct sockaddr_storage *name)
{
    const int on = 1;
    uv_os_fd_t fd;
    int err = uv_fileno((uv_handle_t *)&listener->tcp, &fd);

    if (err == 0)
        err = uv_tcp_nodelay(&listener->tcp, 1);
    if (err == 0 && listener->options.shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        err = uv_translate_sys_error(errno);
    if (err == 0)
        err = uv_tcp_bind(&listener->tcp, (const struct sockaddr *)name, 0);
    if (err == 0)
        err = uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, on_connection);
    return err;
}

static void free_listener(struct listener *listener)
{
    admission_done(&listener->admission);
    free(listener);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    void (*closed)(void *data) = listener->closed;
    void *data = listener->closed_data;

    if (--listener->n_handles > 0)
        return;
    free_listener(listener);
    if (closed)
        closed(data);
}

static struct listener *listener_new(uv_loop_t *loop, const struct listener_options *options)
{
    struct listener *listener = HEAP_NEW(struct listener);
    listener->loop = loop;
    listener->options = *options;
    TAILQ_INIT(&listener->waiting);
    rand_bytes(&listener->next_request_id, sizeof listener->next_request_id);
    return listener;
}

int listener_open(uv_loop_t *loop, const struct listener_options *options, struct listener **ret_listener)
{
    struct sockaddr_storage name = {0};
    struct listener *listener = listener_new(loop, options);

    if (parse_address(options, &name) != 0 || admission_init(&listener->admission, options->config) != 0) {
        free(listener);
        return ERR_INVALID;
    }
    signal(SIGPIPE, SIG_IGN);
    uv_timer_init(loop, &listener->drain_timer);
    uv_tcp_init_ex(loop, &listener->tcp, name.ss_family);
    listener->n_handles = 2;
    listener->tcp.data = listener->drain_timer.data = listener;
    int err = bind_and_listen(listener, &name);
    if (err == 0) {
        *ret_listener = listener;
        return 0;
    }
    log_error("listen_failed", LOG_STR("listener", options->name), LOG_STR("address", options->address),
              LOG_INT("port", options->port), LOG_STR("reason", uv_strerror(err)));
    uv_close((uv_handle_t *)&listener->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&listener->drain_timer, on_handle_closed);
    return ERR_IO;
}

/* --- Draining --- */

static void close_if_empty(struct listener *listener)
{
    if (listener->conns || listener->n_requests > 0 || uv_is_closing((uv_handle_t *)&listener->drain_timer))
        return;
    uv_close((uv_handle_t *)&listener->drain_timer, on_handle_closed);
}

void listener_conn_closed(struct listener *listener)
{
    if (listener->draining)
        close_if_empty(listener);
}

static void on_request_gone(void *data)
{
    struct listener *listener = data;

    listener->n_requests--;
    listener_conn_closed(listener);
}

void listener_add_request(struct listener *listener, struct request *request)
{
    listener->n_requests++;
    request->gone = on_request_gone;
    request->gone_data = listener;
}

static void on_drain_deadline(uv_timer_t *timer)
{
    struct listener *listener = timer->data;

    log_warn("drain_cut", LOG_STR("listener", listener->options.name),
             LOG_INT("open", listener->admission.n_connections));
    for (struct conn *conn = listener->conns; conn; conn = conn_next(conn))
        conn_close(conn);
}

/* Closing the socket would reset what the kernel has already accepted for us. */
static void accept_backlog(struct listener *listener)
{
    uv_os_fd_t fd;

    if (uv_fileno((uv_handle_t *)&listener->tcp, &fd) != 0)
        return;
    for (unsigned i = 0; i < BACKLOG; i++) {
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer < 0)
            return;
        conn_accept(listener, peer);
    }
}

void listener_drain(struct listener *listener, void (*closed)(void *data), void *data)
{
    if (listener->draining)
        return;
    listener->draining = true;
    listener->closed = closed;
    listener->closed_data = data;
    accept_backlog(listener);
    uv_close((uv_handle_t *)&listener->tcp, on_handle_closed);
    uv_timer_start(&listener->drain_timer, on_drain_deadline, listener->options.config->listen.drain_timeout_ms, 0);
    for (struct conn *conn = listener->conns; conn; conn = conn_next(conn))
        conn_drain(conn);
    close_if_empty(listener);
}
