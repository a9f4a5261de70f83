/* http_pages: the handlers that the tests of connections are served by. */
#ifndef DP_TESTS_HTTP_PAGES_H
#define DP_TESTS_HTTP_PAGES_H

#include "loop/http_peer.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

/* Requests that wait until the test answers them; each holds a reference. */
static struct request *parked[16];
static unsigned n_parked;
static unsigned n_hellos;

static inline void page_hello(struct request *request)
{
    n_hellos++;
    response_text(request, 200, STR("hello"));
}

static inline void page_echo(struct request *request)
{
    response_text(request, 200, request->body);
}

static inline void page_address(struct request *request)
{
    response_text(request, 200, str_from(request->address));
}

static inline void page_park(struct request *request)
{
    assert_true(n_parked < sizeof parked / sizeof parked[0]);
    request_ref(request);
    parked[n_parked++] = request;
}

static inline void page_big(struct request *request)
{
    struct response *response = response_new(request, 200);
    response->content_type = "application/octet-stream";
    char *room = buf_reserve(&response->body, RESPONSE_BODY_MAX);
    memset(room, 'b', RESPONSE_BODY_MAX);
    buf_commit(&response->body, RESPONSE_BODY_MAX);
    response_send(response);
}

static inline void page_abandon(struct request *request)
{
    response_abandon(request);
}

static inline void page_error(struct request *request, unsigned status, const char *allow)
{
    struct response *response = response_new(request, status);
    response->content_type = "text/plain; charset=utf-8";
    if (allow)
        response_header(response, "Allow", str_from(allow));
    buf_append_text(&response->body, "error");
    response_send(response);
}

static const struct route test_routes[] = {
    {"/", page_hello, NULL, 0},
    {"/echo", NULL, page_echo, 0},
    {"/park", page_park, NULL, 0},
    {"/big", page_big, NULL, 0},
    {"/who", page_address, NULL, 0},
    {"/abandon", page_abandon, NULL, 0},
    {"/bank", page_hello, page_echo, ROUTE_BANK},
    {NULL, NULL, NULL, 0},
};

static inline void start(struct server *server)
{
    server_init(server, test_routes, page_error);
    n_parked = n_hellos = 0;
    server_open(server);
}

static inline void wait_parked(struct server *server, unsigned count)
{
    int64_t end_ms = clock_monotonic_ms() + PEER_PATIENCE_MS;
    while (n_parked < count && clock_monotonic_ms() < end_ms)
        server_run_ms(server, 1);
    assert_int_equal(n_parked, count);
}

/* Answers the parked request and drops its reference, as a continuation does. */
static inline void answer_parked(unsigned index)
{
    response_text(parked[index], 200, STR("at last"));
    request_unref(parked[index]);
}

#endif
