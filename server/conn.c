#include "server/conn.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/heap.h"
#include "common/log.h"
#include "server/conn_private.h"
#include "server/response.h"

/* What is left of one read, and one more read while the request is under way. */
enum { INPUT_MAX = 2 * LISTENER_READ_SIZE };

struct conn *conn_next(const struct conn *conn)
{
    return conn->next;
}

static bool waits_for_client(enum conn_state state)
{
    return state == CONN_IDLE || state == CONN_HEAD || state == CONN_BODY || state == CONN_WRITING;
}

static void note_waiting(struct conn *conn)
{
    struct listener *listener = conn->listener;

    if (conn->waits_since_ms != 0)
        TAILQ_REMOVE(&listener->waiting, conn, waiting_link);
    conn->waits_since_ms = 0;
    if (!waits_for_client(conn->state))
        return;
    conn->waits_since_ms = uv_now(listener->loop);
    TAILQ_INSERT_TAIL(&listener->waiting, conn, waiting_link);
}

void conn_set_state(struct conn *conn, enum conn_state state)
{
    conn->state = state;
    conn->timer_stale = true;
    note_waiting(conn);
}

static bool takes_input(const struct conn *conn)
{
    return conn->state == CONN_IDLE || conn->state == CONN_HEAD || conn->state == CONN_BODY;
}

bool conn_is_bank_only(const struct conn *conn)
{
    return conn->ticket.verdict == ADMISSION_BANK_ONLY;
}

/* --- Closing --- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;
    struct listener *listener = conn->listener;

    if (--conn->n_handles > 0)
        return;
    *conn->link = conn->next;
    if (conn->next)
        conn->next->link = conn->link;
    buf_done(&conn->input);
    free(conn);
    listener_conn_closed(listener);
}

void conn_close(struct conn *conn)
{
    if (conn->state == CONN_CLOSED)
        return;
    conn_set_state(conn, CONN_CLOSED);
    if (conn->request && !conn->request->answered && conn->request->dispatched_ms != 0)
        listener_count_lost(conn->listener, conn->request);
    conn_release_request(conn);
    admission_leave(&conn->listener->admission, &conn->ticket);
    conn->listener->n_refused -= conn->refused;
    uv_close((uv_handle_t *)&conn->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&conn->timer, on_handle_closed);
}

void conn_start_linger(struct conn *conn)
{
    uv_os_fd_t fd;

    if (conn->eof || uv_fileno((uv_handle_t *)&conn->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        conn_close(conn);
        return;
    }
    conn_set_state(conn, CONN_LINGER);
}

static void linger_on(struct conn *conn, size_t n_bytes)
{
    conn->lingered_bytes += n_bytes;
    if (conn->lingered_bytes > CONN_LINGER_BYTES_MAX)
        conn_close(conn);
}

/* --- Deadlines --- */

static uint64_t deadline_ms(const struct conn *conn)
{
    const struct config *config = conn->listener->options.config;

    switch (conn->state) {
    case CONN_IDLE:
        if (conn->listener->draining)
            return CONN_DRAIN_GRACE_MS;
        return conn_is_bank_only(conn) ? CONN_RESERVE_TIMEOUT_MS : config->listen.keep_alive_timeout_ms;
    case CONN_HEAD:
        return conn_is_bank_only(conn) ? CONN_RESERVE_TIMEOUT_MS : config->listen.head_timeout_ms;
    case CONN_BODY:
        return config->listen.body_timeout_ms;
    case CONN_BUSY:
        return CONN_HANDLER_TIMEOUT_MS;
    case CONN_WRITING:
        return config->listen.write_timeout_ms;
    case CONN_LINGER:
    case CONN_CLOSED:
        break;
    }
    return CONN_LINGER_TIMEOUT_MS;
}

static void deadline_passed(struct conn *conn)
{
    if (conn->state != CONN_IDLE && conn->state != CONN_LINGER)
        conn->listener->stats.timeouts++;
    if (conn->state == CONN_HEAD || conn->state == CONN_BODY) {
        conn_refuse_request(conn, 408);
        conn_resume(conn);
        return;
    }
    if (conn->state == CONN_BUSY)
        log_error("handler_timeout", LOG_REQUEST(conn->request->id), LOG_STR("route", conn->request->route));
    conn_close(conn);
}

static void on_timer(uv_timer_t *timer);

static void start_timer(struct conn *conn)
{
    conn->timer_at_ms = conn->deadline_at_ms;
    uv_timer_start(&conn->timer, on_timer, conn->deadline_at_ms - uv_now(conn->listener->loop), 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct conn *conn = timer->data;

    if (uv_now(conn->listener->loop) < conn->deadline_at_ms)
        start_timer(conn);
    else
        deadline_passed(conn);
}

/* Once at the end of every turn, however many states it went through. Few deadlines are ever reached: a timer that
 * fires too early looks again, and is set anew only for one that is nearer. */
void conn_set_deadline(struct conn *conn)
{
    if (!conn->timer_stale || conn->state == CONN_CLOSED)
        return;
    conn->timer_stale = false;
    conn->deadline_at_ms = uv_now(conn->listener->loop) + deadline_ms(conn);
    if (!uv_is_active((uv_handle_t *)&conn->timer) || conn->deadline_at_ms < conn->timer_at_ms)
        start_timer(conn);
}

/* --- Reading --- */

/* Parses and runs requests as long as they are answered at once; returns how many bytes it used. */
static size_t feed(struct conn *conn, struct str bytes)
{
    size_t at = 0;

    conn->feeding = true;
    while (at < bytes.len && takes_input(conn)) {
        enum http_parser_result result;
        if (conn->state == CONN_IDLE)
            conn_begin_request(conn);
        at += http_parser_feed(&conn->parser, (struct str){bytes.ptr + at, bytes.len - at}, &result);
        conn_step_request(conn, result);
    }
    conn->feeding = false;
    return at;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct conn *conn = handle->data;
    (void)suggested;
    *buf = uv_buf_init(conn->listener->read_buffer, LISTENER_READ_SIZE);
}

static void on_read_end(struct conn *conn, ssize_t code)
{
    bool half_closed = code == UV_EOF && (conn->state == CONN_BUSY || conn->state == CONN_WRITING);

    conn->eof = true;
    if (!half_closed)
        conn_close(conn);
    else
        conn_resume(conn);
}

static void on_read(uv_stream_t *stream, ssize_t n_read, const uv_buf_t *buf)
{
    struct conn *conn = stream->data;

    if (n_read == 0)
        return;
    if (n_read < 0) {
        on_read_end(conn, n_read);
        return;
    }
    struct str bytes = {buf->base, (size_t)n_read};
    conn->listener->stats.bytes_read += bytes.len;
    if (conn->state == CONN_LINGER)
        linger_on(conn, bytes.len);
    size_t used = feed(conn, bytes);
    if (conn->state == CONN_BUSY || conn->state == CONN_WRITING)
        buf_append(&conn->input, (struct str){bytes.ptr + used, bytes.len - used});
    conn_resume(conn);
}

/* While a request is under way reading goes on until something comes: a reset is noticed at once, and the usual client
 * that waits for its answer costs no system call to stop and start. */
static void update_reading(struct conn *conn)
{
    bool wanted = !conn->eof && (conn->input.len == 0 || conn->state == CONN_LINGER);

    if (wanted == conn->reading || conn->state == CONN_CLOSED)
        return;
    conn->reading = wanted;
    if (!wanted)
        uv_read_stop((uv_stream_t *)&conn->tcp);
    else if (uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read) != 0)
        conn_close(conn);
}

void conn_resume(struct conn *conn)
{
    if (conn->input.len > 0)
        buf_consume(&conn->input, feed(conn, buf_str(&conn->input)));
    if (conn->input.len == 0 || conn->state == CONN_LINGER)
        buf_done(&conn->input);
    if (conn->eof && takes_input(conn))
        conn_close(conn); /* half-closed, and all it sent is answered */
    update_reading(conn);
    conn_set_deadline(conn);
}

/* --- Coming and going --- */

static struct conn *conn_new(struct listener *listener)
{
    struct conn *conn = HEAP_NEW(struct conn);
    conn->listener = listener;
    conn->n_handles = 2;
    buf_init(&conn->input, INPUT_MAX);
    uv_tcp_init(listener->loop, &conn->tcp);
    uv_timer_init(listener->loop, &conn->timer);
    conn->tcp.data = conn->timer.data = conn;
    conn->next = listener->conns;
    conn->link = &listener->conns;
    if (conn->next)
        conn->next->link = &conn->next;
    listener->conns = conn;
    return conn;
}

static bool learn_peer(struct conn *conn)
{
    struct sockaddr_storage name;
    int len = sizeof name;

    if (uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&name, &len) != 0 ||
        client_address_from_socket((struct sockaddr *)&name, &conn->peer) != 0)
        return false;
    client_address_print(&conn->peer, conn->peer_text);
    return true;
}

/* At once, without waiting for a request. */
static void refuse_connection(struct conn *conn)
{
    struct str overload = response_overload();
    uv_buf_t buf = uv_buf_init((char *)overload.ptr, (unsigned)overload.len);

    listener_count_refused(conn->listener);
    if (conn->listener->n_refused >= LISTENER_REFUSED_MAX) {
        conn_close(conn);
        return;
    }
    conn->listener->n_refused++;
    conn->refused = true;
    if (uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1) < 0)
        conn_close(conn);
    else
        conn_start_linger(conn);
}

/* A request may already lie in the socket. */
static bool has_bytes_waiting(const struct conn *conn)
{
    uv_os_fd_t fd;
    char byte;
    return uv_fileno((const uv_handle_t *)&conn->tcp, &fd) == 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* NULL: all that hold a place are served, or have just come. One with a request in its socket is not waited for any
 * more, only not yet read; a few of them at the head of the list must not shield the others. */
static struct conn *find_longest_waiting(const struct listener *listener)
{
    struct conn *conn = TAILQ_FIRST(&listener->waiting);

    for (unsigned i = 0; conn && i < CONN_DISPLACE_LOOKS_MAX; i++, conn = TAILQ_NEXT(conn, waiting_link)) {
        if (uv_now(listener->loop) - conn->waits_since_ms < CONN_PATIENCE_MS)
            return NULL;
        if (conn->state != CONN_IDLE || !has_bytes_waiting(conn))
            return conn;
    }
    return NULL;
}

static bool displace_longest_waiting(struct listener *listener)
{
    struct conn *conn = find_longest_waiting(listener);

    if (!conn)
        return false;
    listener->stats.connections_displaced++;
    conn_close(conn);
    return true;
}

/* For one that is within its address's share room is made; it does not take from the banks' reserve. */
static void admit(struct conn *conn)
{
    struct listener *listener = conn->listener;

    conn->ticket = admission_enter(&listener->admission, &conn->peer);
    if (conn->ticket.verdict == ADMISSION_OPEN || conn->ticket.over_address || !displace_longest_waiting(listener))
        return;
    admission_leave(&listener->admission, &conn->ticket);
    conn->ticket = admission_enter(&listener->admission, &conn->peer);
}

void conn_accept(struct listener *listener, int fd)
{
    struct conn *conn = conn_new(listener);
    int err =
        fd < 0 ? uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&conn->tcp) : uv_tcp_open(&conn->tcp, fd);

    if (err != 0 || !learn_peer(conn)) {
        conn_close(conn);
        return;
    }
    listener->stats.connections_accepted++;
    admit(conn);
    conn_set_state(conn, CONN_IDLE);
    if (conn->ticket.verdict == ADMISSION_REFUSED)
        refuse_connection(conn);
    conn_resume(conn);
}

void conn_drain(struct conn *conn)
{
    if (conn->request) {
        conn->request->close_after = true;
        conn->linger = true;
    } else if (conn->state == CONN_IDLE && conn->n_requests > 0 && !has_bytes_waiting(conn)) {
        conn_close(conn);
    } else if (conn->state == CONN_IDLE) {
        conn_set_state(conn, CONN_IDLE);
        conn_set_deadline(conn);
    }
}
