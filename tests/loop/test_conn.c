/* conn: requests on one connection: order, pieces, half-closes, resets, refusals. */
#include "loop/http_pages.h"
#include "server/conn_private.h"

static void keep_alive(void **state)
{
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    client_open(&client, &server);
    for (unsigned i = 0; i < 3; i++) {
        client_send(&client, GET("/"));
        client_expect(&client, 200, "hello");
    }
    client_expect_silence(&client);
    client_close(&client);
    server_finish(&server);
}

static void pipelined_answers_in_order(void **state)
{
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    client_open(&client, &server);
    client_send(&client, GET("/") "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none" GET(
                             "/none") "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      "3\r\ntwo\r\n0\r\n\r\n" GET("/"));
    client_expect(&client, 200, "hello");
    client_expect(&client, 200, "one");
    client_expect(&client, 404, "error");
    client_expect(&client, 200, "two");
    client_expect(&client, 200, "hello");
    client_close(&client);
    server_finish(&server);
}

static void next_request_waits_for_the_answer(void **state)
{
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    client_open(&client, &server);
    client_send(&client, GET("/park") GET("/park") "GET / HT");
    wait_parked(&server, 1);
    client_send(&client, "TP/1.1\r\nHost: x\r\n\r\n");
    client_expect_silence(&client);
    assert_int_equal(n_parked, 1);
    answer_parked(0);
    client_expect(&client, 200, "at last");
    wait_parked(&server, 2);
    assert_int_equal(n_hellos, 0);
    answer_parked(1);
    client_expect(&client, 200, "at last");
    client_expect(&client, 200, "hello");
    client_close(&client);
    server_finish(&server);
}

static void long_pipeline(void **state)
{
    enum { COUNT = 600 };
    struct server server;
    struct client client;
    struct buf requests;
    (void)state;
    start(&server);
    buf_init(&requests, 1 << 20);
    for (unsigned i = 0; i < COUNT; i++)
        buf_append_text(&requests, i % 50 == 0 ? GET("/park") : GET("/"));
    client_open(&client, &server);
    client_send_bytes(&client, buf_str(&requests));
    for (unsigned i = 0; i < COUNT; i++) {
        if (i % 50 == 0) {
            wait_parked(&server, i / 50 + 1);
            answer_parked(i / 50);
        }
        client_expect(&client, 200, i % 50 == 0 ? "at last" : "hello");
    }
    client_close(&client);
    buf_done(&requests);
    server_finish(&server);
}

static void cut_at_every_byte(void **state)
{
    static const char text[] = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "4\r\nfour\r\n0\r\n\r\n" GET("/");
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    client_open(&client, &server);
    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        client_send_bytes(&client, str_slice(text, cut));
        client_take(&client);
        client_send_bytes(&client, str_slice(text + cut, sizeof text - 1 - cut));
        client_expect(&client, 200, "four");
        client_expect(&client, 200, "hello");
    }
    for (size_t i = 0; i < sizeof text - 1; i++)
        client_send_bytes(&client, str_slice(text + i, 1));
    client_expect(&client, 200, "four");
    client_expect(&client, 200, "hello");
    client_close(&client);
    server_finish(&server);
}

static void half_closed(void **state)
{
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    client_open(&client, &server);
    client_send(&client, GET("/park") GET("/"));
    shutdown(client.fd, SHUT_WR);
    wait_parked(&server, 1);
    client_expect_silence(&client);
    answer_parked(0);
    client_expect(&client, 200, "at last");
    client_expect(&client, 200, "hello"); /* all that was sent is answered */
    client_expect_end(&client);
    client_close(&client);

    client_open(&client, &server);
    client_send(&client, GET("/park"));
    shutdown(client.fd, SHUT_WR);
    wait_parked(&server, 2);
    client_expect_silence(&client); /* here the end is seen while the request is under way */
    answer_parked(1);
    client_expect(&client, 200, "at last");
    client_expect_end(&client);
    client_close(&client);

    client_open(&client, &server);
    client_send(&client, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhal");
    shutdown(client.fd, SHUT_WR);
    client_expect_end(&client);
    client_close(&client);
    server_finish(&server);
}

static void reset_while_parked(void **state)
{
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    client_open(&client, &server);
    client_send(&client, GET("/park"));
    wait_parked(&server, 1);
    client_reset(&client);
    while (parked[0]->conn)
        server_turn(&server);
    assert_int_equal(listener_stats(server.listener)->requests_lost, 1);
    assert_int_equal(parked[0]->refs, 1);
    answer_parked(0); /* nobody is there: no effect but to let it go */
    assert_int_equal(listener_stats(server.listener)->requests_by_class[2], 0);
    server_finish(&server);
}

static void reset_in_head_and_body(void **state)
{
    static const char *const beginnings[] = {"", "GE", "GET / HTTP/1.1\r\nHo",
                                             "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"};
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        client_open(&client, &server);
        client_send(&client, beginnings[i]);
        client_reset(&client);
    }
    while (listener_stats(server.listener)->connections_open > 0)
        server_turn(&server);
    assert_int_equal(listener_stats(server.listener)->requests_lost, 0);
    peer_exchange(&server, GET("/"), 200, "hello");
    server_finish(&server);
}

/* The status, then the end; what follows a refused request is never run. */
static void refused_requests(void **state)
{
    static const struct {
        const char *request;
        unsigned status;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n" GET("/"), 400},
        {"GET / HTTP/1.1\nHost: x\n\n" GET("/"), 400},
        {"BREW / HTTP/1.1\r\nHost: x\r\n\r\n" GET("/"), 501},
        {"GET / HTTP/3.0\r\nHost: x\r\n\r\n" GET("/"), 505},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" GET("/"), 413},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: sun\r\nContent-Length: 1\r\n\r\n" GET("/"), 417},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n" GET("/"), 400},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n" GET("/"), 400},
    };
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        client_open(&client, &server);
        client_send(&client, cases[i].request);
        struct answer answer = client_peek(&client, false);
        assert_int_equal(answer.status, cases[i].status);
        assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
        client_drop(&client, &answer);
        client_expect_end(&client);
        client_close(&client);
    }
    assert_int_equal(n_hellos, 0);
    server_finish(&server);
}

static void send_repeated(struct client *client, const char *head, const char *repeated, size_t times)
{
    struct buf text;
    buf_init(&text, 4 << 20);
    buf_append_text(&text, head);
    for (size_t i = 0; i < times; i++)
        buf_append_text(&text, repeated);
    client_send_bytes(client, buf_str(&text));
    buf_done(&text);
}

/* Much more is sent than read, and still the answer arrives: we linger instead of resetting. */
static void oversize_is_answered(void **state)
{
    static const struct {
        const char *head, *repeated;
        size_t times;
        unsigned status;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\nX: ", "aaaaaaaaaa", 60000, 431},
        {"GET / HTTP/1.1\r\nHost: x\r\n", "A: b\r\n", 10000, 431},
        {"GET /", "aaaaaaaaaa", 60000, 414},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n", "aaaaaaaaaa", 60000, 413},
        {"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "a\r\naaaaaaaaaa\r\n", 40000, 413},
    };
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        client_open(&client, &server);
        send_repeated(&client, cases[i].head, cases[i].repeated, cases[i].times);
        client_expect(&client, cases[i].status, "error");
        client_expect_end(&client);
        client_close(&client);
    }
    server_finish(&server);
}

static void head_methods_and_versions(void **state)
{
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    client_open(&client, &server);
    client_send(&client, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" GET("/"));
    struct answer answer = client_peek(&client, true);
    assert_int_equal(answer.status, 200);
    assert_true(answer_has(&answer, "\r\nContent-Length: 5\r\n"));
    client_drop(&client, &answer);
    client_expect(&client, 200, "hello");

    client_send(&client, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");
    answer = client_peek(&client, false);
    assert_int_equal(answer.status, 405);
    assert_true(answer_has(&answer, "\r\nAllow: GET, HEAD\r\n"));
    client_drop(&client, &answer);

    client_send(&client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    answer = client_peek(&client, false);
    assert_true(answer_has(&answer, "\r\nConnection: keep-alive\r\n"));
    client_drop(&client, &answer);
    client_send(&client, "GET / HTTP/1.0\r\n\r\n");
    client_expect(&client, 200, "hello");
    client_expect_end(&client);
    client_close(&client);
    server_finish(&server);
}

static void expect_continue(void **state)
{
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    client_open(&client, &server);
    client_send(&client, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    client_expect(&client, 100, "");
    client_expect_silence(&client);
    client_send(&client, "four");
    client_expect(&client, 200, "four");
    client_close(&client);
    server_finish(&server);
}

static void connection_ends(void **state)
{
    struct server server;
    struct client client;
    (void)state;
    server_init(&server, test_routes, page_error);
    server.config.listen.requests_per_connection_max = 2;
    server_open(&server);
    client_open(&client, &server);
    client_send(&client, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" GET("/"));
    client_expect(&client, 200, "hello");
    client_expect_end(&client);
    client_close(&client);

    client_open(&client, &server);
    client_send(&client, GET("/") GET("/") GET("/"));
    client_expect(&client, 200, "hello");
    struct answer answer = client_peek(&client, false);
    assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
    client_drop(&client, &answer);
    client_expect_end(&client);
    client_close(&client);

    client_open(&client, &server);
    client_send(&client, GET("/abandon") GET("/"));
    client_expect_end(&client);
    client_close(&client);
    server_finish(&server);
}

static void slow_reader_gets_all(void **state)
{
    enum { COUNT = 8 };
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    client_open(&client, &server);
    for (unsigned i = 0; i < COUNT; i++)
        client_send(&client, GET("/big"));
    server_run_ms(&server, 50);
    assert_true(listener_stats(server.listener)->requests_by_class[2] < COUNT); /* one answer at a time */
    for (unsigned i = 0; i < COUNT; i++) {
        struct answer answer = client_peek(&client, false);
        assert_int_equal(answer.status, 200);
        assert_int_equal(answer.body.len, RESPONSE_BODY_MAX);
        assert_null(memchr(answer.body.ptr, 'H', answer.body.len));
        client_drop(&client, &answer);
    }
    client_close(&client);
    server_finish(&server);
}

static void idle_connection_is_small(void **state)
{
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    client_open(&client, &server);
    client_send(&client, GET("/") "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na");
    client_expect(&client, 200, "hello");
    client_expect(&client, 200, "a");
    const struct conn *conn = server.listener->conns;
    assert_null(conn->request);
    assert_null(conn->input.ptr);
    assert_true(sizeof *conn <= 1024);
    client_close(&client);
    server_finish(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keep_alive),
        cmocka_unit_test(pipelined_answers_in_order),
        cmocka_unit_test(next_request_waits_for_the_answer),
        cmocka_unit_test(long_pipeline),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(half_closed),
        cmocka_unit_test(reset_while_parked),
        cmocka_unit_test(reset_in_head_and_body),
        cmocka_unit_test(refused_requests),
        cmocka_unit_test(oversize_is_answered),
        cmocka_unit_test(head_methods_and_versions),
        cmocka_unit_test(expect_continue),
        cmocka_unit_test(connection_ends),
        cmocka_unit_test(slow_reader_gets_all),
        cmocka_unit_test(idle_connection_is_small),
    };
    log_init("test", LOG_LEVEL_WARN);
    rand_init();
    return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
