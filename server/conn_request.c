#include <assert.h>

#include "common/clock.h"
#include "common/log.h"
#include "server/conn_private.h"
#include "server/response.h"

/* What a write that did not finish at once needs; in the request's arena. */
struct write_op {
    uv_write_t write;
    struct conn *conn;
    struct request *request; /* one reference */
};

/* --- Answers --- */

void conn_release_request(struct conn *conn)
{
    struct request *request = conn->request;

    if (!request)
        return;
    if (conn->counted_request)
        admission_leave_request(&conn->listener->admission, &conn->client);
    conn->counted_request = false;
    conn->request = NULL;
    request->conn = NULL;
    request_unref(request);
}

static void finish_answer(struct conn *conn)
{
    bool close_after = conn->request->close_after;

    conn_release_request(conn);
    if (!close_after)
        conn_set_state(conn, CONN_IDLE);
    else if (conn->linger)
        conn_start_linger(conn);
    else
        conn_close(conn);
    if (!conn->feeding)
        conn_resume(conn);
}

static void on_written(uv_write_t *write, int status)
{
    struct write_op *op = write->data;
    struct conn *conn = op->conn;

    request_unref(op->request); /* and with it the operation */
    if (status != 0)
        conn_close(conn);
    else
        finish_answer(conn);
}

static void write_rest(struct conn *conn, struct str head, struct str body, size_t written)
{
    struct write_op *op = ARENA_NEW(&conn->request->arena, struct write_op);
    size_t of_head = written < head.len ? written : head.len;
    size_t of_body = written - of_head;
    uv_buf_t bufs[2] = {
        uv_buf_init((char *)head.ptr + of_head, (unsigned)(head.len - of_head)),
        uv_buf_init((char *)body.ptr + of_body, (unsigned)(body.len - of_body)),
    };

    *op = (struct write_op){.conn = conn, .request = conn->request};
    op->write.data = op;
    request_ref(op->request);
    conn_set_state(conn, CONN_WRITING);
    if (uv_write(&op->write, (uv_stream_t *)&conn->tcp, bufs, body.len > of_body ? 2 : 1, on_written) != 0) {
        request_unref(op->request);
        conn_close(conn);
    }
    conn_set_deadline(conn);
}

void conn_answer(struct conn *conn, unsigned status, struct str head, struct str body)
{
    uv_buf_t bufs[2] = {
        uv_buf_init((char *)head.ptr, (unsigned)head.len),
        uv_buf_init((char *)body.ptr, (unsigned)body.len),
    };

    assert(conn->state == CONN_BUSY);
    listener_count_answer(conn->listener, conn->request, status, head.len + body.len);
    int written = uv_try_write((uv_stream_t *)&conn->tcp, bufs, body.len > 0 ? 2 : 1);
    if (written < 0 && written != UV_EAGAIN)
        conn_close(conn);
    else if (written >= 0 && (size_t)written == head.len + body.len)
        finish_answer(conn);
    else
        write_rest(conn, head, body, written > 0 ? (size_t)written : 0);
}

/* --- Requests --- */

void conn_begin_request(struct conn *conn)
{
    struct listener *listener = conn->listener;

    conn->request = request_new(listener->next_request_id++);
    listener_add_request(listener, conn->request);
    conn->request->conn = conn;
    conn->request->router = listener->options.router;
    conn->request->app = listener->options.router->app;
    conn->client = conn->peer;
    memcpy(conn->request->address, conn->peer_text, sizeof conn->peer_text);
    http_parser_init(&conn->parser, conn->request);
    conn_set_state(conn, CONN_HEAD);
}

void conn_refuse_request(struct conn *conn, unsigned status)
{
    struct request *request = conn->request;

    request->close_after = true;
    conn->linger = true;
    conn_set_state(conn, CONN_BUSY);
    request_ref(request);
    router_error(request, status);
    request_unref(request);
}

/* The client behind a trusted proxy, and whether it may have one more request under way. */
static bool resolve_client(struct conn *conn)
{
    struct request *request = conn->request;
    struct admission *admission = &conn->listener->admission;

    if (conn->ticket.by_address)
        return true;
    conn->client = client_address_resolve(&admission->trust, &conn->peer, request);
    client_address_print(&conn->client, request->address);
    const struct route *route = router_find(request->router, request->path);
    if (route && (route->flags & ROUTE_BANK))
        return true;
    conn->counted_request = admission_enter_request(admission, &conn->client);
    return conn->counted_request;
}

static void dispatch(struct conn *conn)
{
    struct request *request = conn->request;
    unsigned requests_max = conn->listener->options.config->listen.requests_per_connection_max;

    conn->linger = ++conn->n_requests >= requests_max || conn->listener->draining || conn_is_bank_only(conn);
    request->close_after = conn->linger || !conn->parser.keep_alive;
    request->dispatched_ms = clock_monotonic_ms();
    conn_set_state(conn, CONN_BUSY);
    request_ref(request); /* the handler may look at it after having answered */
    if (resolve_client(conn))
        router_dispatch(request->router, request);
    else
        router_error(request, 503);
    request_unref(request);
}

/* False: it was refused. */
static bool accept_head(struct conn *conn)
{
    struct request *request = conn->request;

    request->is_http_1_0 = conn->parser.is_http_1_0;
    if (!conn_is_bank_only(conn))
        return true;
    const struct route *route = router_find(request->router, request->path);
    if (route && (route->flags & ROUTE_BANK))
        return true;
    conn_refuse_request(conn, 503);
    return false;
}

static void begin_body(struct conn *conn)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    uv_buf_t buf = uv_buf_init((char *)interim, sizeof interim - 1);

    conn_set_state(conn, CONN_BODY);
    if (!conn->parser.expects_continue)
        return;
    /* If the socket takes nothing, the client goes on by itself after a while (RFC 9110 §10.1.1); half of it would
     * spoil the answer. */
    int written = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
    if (written != UV_EAGAIN && written != (int)buf.len)
        conn_close(conn);
}

void conn_step_request(struct conn *conn, enum http_parser_result result)
{
    switch (result) {
    case HTTP_PARSER_MORE:
        break;
    case HTTP_PARSER_HEAD:
        if (accept_head(conn))
            begin_body(conn);
        break;
    case HTTP_PARSER_COMPLETE:
        if (conn->state == CONN_BODY || accept_head(conn))
            dispatch(conn);
        break;
    case HTTP_PARSER_REFUSED:
        conn_refuse_request(conn, conn->parser.status);
        break;
    }
}
