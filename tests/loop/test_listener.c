/* listener: deadlines, limits, the banks' reserve, trusted proxies, draining, opening. */
#include "loop/http_pages.h"
#include "server/conn.h"

enum { SHORT_MS = 150 };

/* --- Deadlines --- */

static void idle_connection_is_closed(void **state)
{
    struct server server;
    struct client client;
    (void)state;
    server_init(&server, test_routes, page_error);
    server.config.listen.keep_alive_timeout_ms = SHORT_MS;
    server_open(&server);
    client_open(&client, &server);
    int64_t since_ms = clock_monotonic_ms(); /* before the server's clock begins */
    client_send(&client, GET("/"));
    client_expect(&client, 200, "hello");
    client_expect_end(&client);
    assert_true(clock_monotonic_ms() - since_ms >= SHORT_MS - 20);
    assert_int_equal(listener_stats(server.listener)->timeouts, 0);
    client_close(&client);

    client_open(&client, &server); /* and one that never says anything */
    client_expect_end(&client);
    client_close(&client);
    server_finish(&server);
}

/* Bytes that trickle in do not move the deadline. */
static void expect_timeout(struct server *server, const char *beginning)
{
    struct client client;
    int64_t since_ms = clock_monotonic_ms();

    client_open(&client, server);
    client_send(&client, beginning);
    while (client.in.len == 0 && clock_monotonic_ms() - since_ms < PEER_PATIENCE_MS) {
        client_send(&client, "a");
        client_take(&client);
        server_run_ms(server, 10);
    }
    client_expect(&client, 408, "error");
    client_expect_end(&client);
    assert_true(clock_monotonic_ms() - since_ms >= SHORT_MS - 20);
    client_close(&client);
}

static void slow_head_and_body(void **state)
{
    struct server server;
    (void)state;
    server_init(&server, test_routes, page_error);
    server.config.listen.head_timeout_ms = SHORT_MS;
    server.config.listen.body_timeout_ms = SHORT_MS;
    server_open(&server);
    expect_timeout(&server, "GET / HTTP/1.1\r\nX: ");
    expect_timeout(&server, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n");
    assert_int_equal(listener_stats(server.listener)->timeouts, 2);
    server_finish(&server);
}

static void client_that_does_not_read(void **state)
{
    struct server server;
    struct client client;
    (void)state;
    server_init(&server, test_routes, page_error);
    server.config.listen.write_timeout_ms = SHORT_MS;
    server_open(&server);
    client_open(&client, &server);
    for (unsigned i = 0; i < 16; i++)
        client_send(&client, GET("/big"));
    while (listener_stats(server.listener)->connections_open > 0)
        server_run_ms(&server, 1);
    assert_int_equal(listener_stats(server.listener)->timeouts, 1);
    client_close(&client);
    server_finish(&server);
}

/* --- Limits --- */

static void open_many(struct client *clients, unsigned count, struct server *server)
{
    for (unsigned i = 0; i < count; i++)
        client_open(&clients[i], server);
}

static void close_many(struct client *clients, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        client_close(&clients[i]);
}

/* 503 without having been asked. */
static void expect_refusal(struct server *server)
{
    struct client client;
    client_open(&client, server);
    struct answer answer = client_peek(&client, false);
    assert_int_equal(answer.status, 503);
    assert_true(answer_has(&answer, "\r\nRetry-After: 5\r\n"));
    assert_true(answer_has(&answer, "\r\nContent-Security-Policy: "));
    client_drop(&client, &answer);
    client_expect_end(&client);
    client_close(&client);
}

static void share_of_one_address(void **state)
{
    struct server server;
    struct client clients[4];
    (void)state;
    server_init(&server, test_routes, page_error);
    server.config.listen.connections_per_address_max = 2;
    server.config.listen.connections_bank_reserve = 2;
    server_open(&server);
    open_many(clients, 4, &server);
    expect_refusal(&server);
    client_send(&clients[2], GET("/"));
    client_expect(&clients[2], 503, "error");
    client_expect_end(&clients[2]);
    client_send(&clients[3], "POST /bank HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok");
    client_expect(&clients[3], 200, "ok");
    client_expect_end(&clients[3]); /* its place is for the next call */
    client_send(&clients[0], GET("/"));
    client_expect(&clients[0], 200, "hello");
    assert_int_equal(listener_stats(server.listener)->connections_refused, 1);
    close_many(clients, 4);
    while (listener_stats(server.listener)->connections_open > 0)
        server_turn(&server);
    peer_exchange(&server, GET("/"), 200, "hello");
    server_finish(&server);
}

static void reserve_for_banks(void **state)
{
    struct server server;
    struct client clients[4];
    (void)state;
    server_init(&server, test_routes, page_error);
    server.config.listen.connections_max = 4;
    server.config.listen.connections_bank_reserve = 2;
    server_open(&server);
    open_many(clients, 4, &server);
    expect_refusal(&server);
    client_send(&clients[2], GET("/bank?siret=1"));
    client_expect(&clients[2], 200, "hello");
    client_expect_end(&clients[2]);
    client_send(&clients[3], GET("/banque"));
    client_expect(&clients[3], 503, "error");
    client_expect_end(&clients[3]);
    client_send(&clients[1], GET("/"));
    client_expect(&clients[1], 200, "hello");
    close_many(clients, 4);
    server_finish(&server);
}

/* Those that keep us waiting give way, the longest first; one whose request is being served does not. */
static void whoever_waits_longest_gives_way(void **state)
{
    static const char *const beginnings[] = {"GET /park HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nX: ", "",
                                             "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"};
    struct server server;
    struct client clients[4], fresh[3];
    (void)state;
    server_init(&server, test_routes, page_error);
    server.config.listen.connections_max = 5;
    server.config.listen.connections_bank_reserve = 1;
    n_parked = 0;
    server_open(&server);
    open_many(clients, 4, &server);
    for (unsigned i = 0; i < 4; i++) {
        client_send(&clients[i], beginnings[i]);
        server_run_ms(&server, 5);
    }
    wait_parked(&server, 1);
    client_open(&fresh[0], &server); /* all have just come: what is left is the banks' */
    client_send(&fresh[0], GET("/"));
    client_expect(&fresh[0], 503, "error");
    client_close(&fresh[0]);
    server_run_ms(&server, CONN_PATIENCE_MS + 50);
    open_many(fresh, 3, &server);
    for (unsigned i = 0; i < 3; i++) {
        client_send(&fresh[i], GET("/"));
        client_expect(&fresh[i], 200, "hello");
    }
    assert_int_equal(listener_stats(server.listener)->connections_displaced, 3);
    for (unsigned i = 1; i < 4; i++)
        while (!clients[i].ended)
            client_take(&clients[i]);
    answer_parked(0);
    client_expect(&clients[0], 200, "at last");
    close_many(fresh, 3);
    close_many(clients, 4);
    server_finish(&server);
}

static void refused_connections_are_bounded(void **state)
{
    enum { COUNT = LISTENER_REFUSED_MAX + 20 };
    static struct client clients[COUNT];
    struct server server;
    (void)state;
    server_init(&server, test_routes, page_error);
    server.config.listen.connections_max = 0;
    server.config.listen.connections_bank_reserve = 0;
    server_open(&server);
    open_many(clients, COUNT, &server);
    server_run_ms(&server, 20);
    assert_int_equal(listener_stats(server.listener)->connections_refused, COUNT);
    assert_int_equal(server.listener->n_refused, LISTENER_REFUSED_MAX);
    close_many(clients, COUNT);
    while (server.listener->n_refused > 0)
        server_turn(&server);
    server_finish(&server);
}

#define FROM(path, address) "GET " path " HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 9.9.9.9, " address "\r\n\r\n"

static void requests_behind_a_trusted_proxy(void **state)
{
    struct server server;
    struct client clients[6];
    (void)state;
    server_init(&server, test_routes, page_error);
    server.config.listen.trusted_proxies = "127.0.0.0/8";
    server.config.listen.connections_per_address_max = 2;
    n_parked = 0;
    server_open(&server);
    open_many(clients, 6, &server);
    client_send(&clients[0], FROM("/park", "192.0.2.1"));
    client_send(&clients[1], FROM("/park", "192.0.2.1"));
    wait_parked(&server, 2);
    client_send(&clients[2], FROM("/who", "192.0.2.1"));
    client_expect(&clients[2], 503, "error");
    client_send(&clients[2], FROM("/bank", "192.0.2.1"));
    client_expect(&clients[2], 200, "hello");
    client_send(&clients[3], FROM("/who", "2001:db8::1"));
    client_expect(&clients[3], 200, "2001:db8::1");
    client_send(&clients[4], GET("/who"));
    client_expect(&clients[4], 200, "127.0.0.1");
    answer_parked(0);
    client_expect(&clients[0], 200, "at last");
    client_send(&clients[5], FROM("/who", "192.0.2.1"));
    client_expect(&clients[5], 200, "192.0.2.1");
    client_reset(&clients[1]); /* gives its share back, too */
    while (parked[1]->conn)
        server_turn(&server);
    answer_parked(1);
    client_close(&clients[0]);
    close_many(clients + 2, 4);
    server_finish(&server);
}

static void forwarding_header_of_a_stranger(void **state)
{
    struct server server;
    (void)state;
    start(&server);
    peer_exchange(&server, FROM("/who", "192.0.2.1"), 200, "127.0.0.1");
    server_finish(&server);
}

/* --- Draining --- */

static void drain_lets_requests_finish(void **state)
{
    struct server server;
    struct client idle, late, busy, half, fresh;
    (void)state;
    start(&server);
    unsigned port = listener_port(server.listener);
    client_open(&idle, &server);
    client_open(&late, &server);
    client_open(&busy, &server);
    client_open(&half, &server);
    client_send(&idle, GET("/"));
    client_expect(&idle, 200, "hello");
    client_send(&late, GET("/"));
    client_expect(&late, 200, "hello");
    client_send(&busy, GET("/park") GET("/"));
    client_send(&half, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nfo");
    wait_parked(&server, 1);
    /* In the kernel's queues when the listener stops: a request on an idle connection, and a new connection. */
    assert_int_equal(send(late.fd, GET("/"), strlen(GET("/")), 0), strlen(GET("/")));
    fresh = (struct client){.server = &server, .fd = peer_connect(port)};
    buf_init(&fresh.in, PEER_INPUT_MAX);
    assert_int_equal(send(fresh.fd, GET("/"), strlen(GET("/")), 0), strlen(GET("/")));

    listener_drain(server.listener, server_on_closed, &server);
    listener_drain(server.listener, server_on_closed, &server); /* ignored */
    assert_false(server.closed);
    client_expect_end(&idle);
    client_expect(&late, 200, "hello");
    client_expect_end(&late);
    client_expect(&fresh, 200, "hello");
    client_expect_end(&fresh);
    assert_int_equal(peer_connect(port), -1);
    client_send(&half, "ur");
    client_expect(&half, 200, "four");
    client_expect_end(&half);
    assert_false(server.closed);
    answer_parked(0);
    client_send(&busy, GET("/")); /* too late: not run, but no reset takes the answer away */
    struct answer answer = client_peek(&busy, false);
    assert_true(str_eq_text(answer.body, "at last"));
    assert_true(answer_has(&answer, "\r\nConnection: close\r\n"));
    client_drop(&busy, &answer);
    client_expect_end(&busy);
    client_close(&idle);
    client_close(&late);
    client_close(&busy);
    client_close(&half);
    client_close(&fresh);
    server_wait_closed(&server);
    server_finish(&server);
}

static void drain_cuts_at_its_deadline(void **state)
{
    struct server server;
    struct client parked_client, slow;
    (void)state;
    server_init(&server, test_routes, page_error);
    server.config.listen.drain_timeout_ms = SHORT_MS;
    n_parked = 0;
    server_open(&server);
    client_open(&parked_client, &server);
    client_open(&slow, &server);
    client_send(&parked_client, GET("/park"));
    client_send(&slow, "GET / HT");
    wait_parked(&server, 1);
    listener_drain(server.listener, server_on_closed, &server);
    client_expect_end(&parked_client);
    client_expect_end(&slow);
    server_run_ms(&server, 50);
    assert_false(server.closed); /* the handler may still use what is closed after the listener */
    answer_parked(0);
    server_wait_closed(&server);
    client_close(&parked_client);
    client_close(&slow);
    server_finish(&server);
}

/* The client has left: its handler has not. */
static void drain_waits_for_requests_without_a_connection(void **state)
{
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    client_open(&client, &server);
    client_send(&client, GET("/park"));
    wait_parked(&server, 1);
    client_reset(&client);
    server_run_ms(&server, 50);
    listener_drain(server.listener, server_on_closed, &server);
    server_run_ms(&server, 50);
    assert_false(server.closed);
    answer_parked(0);
    server_wait_closed(&server);
    server_finish(&server);
}

/* A connection that came just before and says nothing does not hold the drain up. */
static void drain_does_not_wait_for_silence(void **state)
{
    struct server server;
    struct client client;
    (void)state;
    start(&server);
    client_open(&client, &server);
    int64_t since_ms = clock_monotonic_ms();
    listener_drain(server.listener, server_on_closed, &server);
    server_wait_closed(&server);
    assert_in_range(clock_monotonic_ms() - since_ms, CONN_DRAIN_GRACE_MS - 20, PEER_PATIENCE_MS / 2);
    client_close(&client);
    server_finish(&server);
}

/* --- Opening --- */

static int try_open(struct server *server, const char *address, unsigned port, bool shared, struct listener **ret)
{
    const struct listener_options options = {.name = "second",
                                             .address = address,
                                             .port = port,
                                             .shared = shared,
                                             .config = &server->config,
                                             .router = &server->router};
    return listener_open(&server->loop, &options, ret);
}

static void opening_fails(void **state)
{
    struct server server;
    struct listener *second = NULL;
    (void)state;
    start(&server);
    assert_int_equal(try_open(&server, "localhost", 0, false, &second), ERR_INVALID);
    assert_int_equal(try_open(&server, "127.0.0.1", listener_port(server.listener), false, &second), ERR_IO);
    server.config.listen.trusted_proxies = "nonsense";
    assert_int_equal(try_open(&server, "127.0.0.1", 0, false, &second), ERR_INVALID);
    assert_null(second);
    server_finish(&server);
}

static void two_on_one_port(void **state)
{
    struct server first, second;
    (void)state;
    server_init(&first, test_routes, page_error);
    server_init(&second, test_routes, page_error);
    assert_int_equal(try_open(&first, "127.0.0.1", 0, true, &first.listener), 0);
    assert_int_equal(try_open(&second, "127.0.0.1", listener_port(first.listener), true, &second.listener), 0);
    assert_int_equal(listener_port(first.listener), listener_port(second.listener));
    listener_drain(second.listener, server_on_closed, &second);
    server_finish(&second);
    peer_exchange(&first, GET("/"), 200, "hello"); /* the first goes on */
    server_finish(&first);
}

static void other(struct request *request)
{
    response_text(request, 200, str_from(request->app));
}

static void two_listeners_with_routers_of_their_own(void **state)
{
    static const struct route other_routes[] = {{"/healthz", other, NULL, 0}, {NULL, NULL, NULL, 0}};
    struct server pages, admin;
    char app[] = "admin";
    (void)state;
    start(&pages);
    server_init(&admin, other_routes, page_error);
    admin.router.app = app;
    assert_int_equal(try_open(&admin, "127.0.0.1", 0, false, &admin.listener), 0);
    peer_exchange(&pages, GET("/healthz"), 404, "error");
    peer_exchange(&admin, GET("/healthz"), 200, "admin");
    server_finish(&pages);
    server_finish(&admin);
}

static void counters(void **state)
{
    struct server server;
    (void)state;
    start(&server);
    peer_exchange(&server, GET("/"), 200, "hello");
    peer_exchange(&server, GET("/none"), 404, "error");
    peer_exchange(&server, "rubbish\r\n\r\n", 400, "error");
    const struct listener_stats *stats = listener_stats(server.listener);
    uint64_t timed = 0;
    for (unsigned i = 0; i < LISTENER_DURATION_BUCKETS; i++)
        timed += stats->durations[i];
    assert_int_equal(stats->connections_accepted, 3);
    assert_int_equal(stats->requests_by_class[2], 1);
    assert_int_equal(stats->requests_by_class[4], 2);
    assert_int_equal(timed, 2); /* the third never reached a handler */
    assert_int_equal(stats->bytes_read, strlen(GET("/")) + strlen(GET("/none")) + strlen("rubbish\r\n\r\n"));
    assert_true(stats->bytes_written > 3 * 100);
    server_finish(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_connection_is_closed),
        cmocka_unit_test(slow_head_and_body),
        cmocka_unit_test(client_that_does_not_read),
        cmocka_unit_test(share_of_one_address),
        cmocka_unit_test(reserve_for_banks),
        cmocka_unit_test(whoever_waits_longest_gives_way),
        cmocka_unit_test(refused_connections_are_bounded),
        cmocka_unit_test(requests_behind_a_trusted_proxy),
        cmocka_unit_test(forwarding_header_of_a_stranger),
        cmocka_unit_test(drain_lets_requests_finish),
        cmocka_unit_test(drain_cuts_at_its_deadline),
        cmocka_unit_test(drain_waits_for_requests_without_a_connection),
        cmocka_unit_test(drain_does_not_wait_for_silence),
        cmocka_unit_test(opening_fails),
        cmocka_unit_test(two_on_one_port),
        cmocka_unit_test(two_listeners_with_routers_of_their_own),
        cmocka_unit_test(counters),
    };
    log_init("test", LOG_LEVEL_WARN);
    rand_init();
    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
