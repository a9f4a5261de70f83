/* http_load: keeps some connections busy, or sends at a fixed rate over them, and measures each answer from outside.
 *
 *     http_load PORT FILE CONNECTIONS SECONDS [RATE_PER_S]
 *
 * FILE holds whole requests, each ended by a NUL; they are taken in turn by all connections and begin anew at the end.
 * Without a rate each connection sends its next request as soon as the last one is answered (closed loop). With one, a
 * request's time runs from the moment it was due, also while all connections are busy, so that a server that stalls
 * cannot hide it. A connection that the server ends is opened again. Prints one line of JSON; times in µs. */
#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <llhttp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { SAMPLES_MAX = 16 << 20, READ_SIZE = 64 * 1024, STATUS_CLASSES = 6, TICK_MS = 1, CUT_AFTER_MS = 2000 };

struct client {
    uv_tcp_t tcp;
    uv_connect_t connect;
    llhttp_t parser;
    uint64_t due_ns;
    bool connected, busy, keep_alive;
};

static struct {
    uv_loop_t loop;
    uv_timer_t tick, end;
    struct sockaddr_in server;
    char *text; /* owned: the file */
    uv_buf_t *requests;
    size_t n_requests, next_request;
    struct client *clients;
    unsigned n_clients, rate;
    uint64_t began_ns, ends_ns, n_due;
    uint64_t n_answered, n_failed, n_by_class[STATUS_CLASSES];
    uint32_t *times_us; /* owned */
    llhttp_settings_t settings;
    char bytes[READ_SIZE];
} load;

static void read_requests(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || fstat(fd, &status) != 0 || !(load.text = malloc((size_t)status.st_size + 1)))
        exit(2);
    for (off_t at = 0; at < status.st_size;) {
        ssize_t n = read(fd, load.text + at, (size_t)(status.st_size - at));
        if (n <= 0)
            exit(2);
        at += n;
    }
    close(fd);
    for (char *at = load.text; at < load.text + status.st_size; at += strlen(at) + 1)
        load.n_requests++;
    load.requests = calloc(load.n_requests, sizeof *load.requests);
    assert(load.requests && load.n_requests > 0);
    size_t i = 0;
    for (char *at = load.text; i < load.n_requests; at += load.requests[i++].len + 1)
        load.requests[i] = uv_buf_init(at, (unsigned)strlen(at));
}

static bool is_over(void)
{
    return uv_hrtime() >= load.ends_ns;
}

static void open_client(struct client *client);

static void on_closed(uv_handle_t *handle)
{
    if (!is_over())
        open_client(handle->data);
}

static void end_client(struct client *client)
{
    load.n_failed += client->busy;
    client->busy = client->connected = false;
    if (!uv_is_closing((uv_handle_t *)&client->tcp))
        uv_close((uv_handle_t *)&client->tcp, on_closed);
}

/* The socket's buffer takes a whole request at once: nothing else is under way on this connection. */
static void send_request(struct client *client, uint64_t due_ns)
{
    uv_buf_t *request = &load.requests[load.next_request++ % load.n_requests];

    client->busy = true;
    client->due_ns = due_ns;
    if (uv_try_write((uv_stream_t *)&client->tcp, request, 1) != (int)request->len)
        end_client(client);
}

static uint64_t due_at_ns(uint64_t number)
{
    return load.began_ns + number * 1000000000 / load.rate;
}

/* What is due and has a free connection; the rest waits for one, and its time runs. */
static void send_next(struct client *client)
{
    if (!client->connected || client->busy || is_over())
        return;
    if (load.rate == 0)
        send_request(client, uv_hrtime());
    else if (due_at_ns(load.n_due) <= uv_hrtime())
        send_request(client, due_at_ns(load.n_due++));
}

static void on_tick(uv_timer_t *tick)
{
    (void)tick;
    for (unsigned i = 0; i < load.n_clients; i++)
        send_next(&load.clients[i]);
}

static int on_message_complete(llhttp_t *parser)
{
    struct client *client = parser->data;
    uint64_t us = (uv_hrtime() - client->due_ns) / 1000;

    client->busy = false;
    client->keep_alive = llhttp_should_keep_alive(parser);
    load.n_by_class[parser->status_code / 100 % STATUS_CLASSES]++;
    if (load.n_answered < SAMPLES_MAX)
        load.times_us[load.n_answered] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
    load.n_answered++;
    return 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(load.bytes, sizeof load.bytes);
}

static void on_read(uv_stream_t *stream, ssize_t n_read, const uv_buf_t *buf)
{
    struct client *client = stream->data;

    if (n_read < 0 || (n_read > 0 && llhttp_execute(&client->parser, buf->base, (size_t)n_read) != HPE_OK)) {
        end_client(client);
        return;
    }
    if (!client->keep_alive && !client->busy)
        end_client(client);
    else
        send_next(client);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct client *client = connect->data;

    if (status != 0) {
        load.n_failed++;
        end_client(client);
        return;
    }
    client->connected = client->keep_alive = true;
    uv_tcp_nodelay(&client->tcp, 1);
    uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read);
    send_next(client);
}

static void open_client(struct client *client)
{
    *client = (struct client){0};
    llhttp_init(&client->parser, HTTP_RESPONSE, &load.settings);
    client->parser.data = client;
    uv_tcp_init(&load.loop, &client->tcp);
    client->tcp.data = client->connect.data = client;
    if (uv_tcp_connect(&client->connect, &client->tcp, (struct sockaddr *)&load.server, on_connected) != 0)
        end_client(client);
}

static void close_handle(uv_handle_t *handle, void *data)
{
    (void)data;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* First nothing is sent any more, then what is still unanswered is cut. */
static void on_end(uv_timer_t *timer)
{
    if (uv_timer_get_repeat(timer) == 0) {
        uv_timer_set_repeat(timer, CUT_AFTER_MS);
        uv_timer_again(timer);
        return;
    }
    for (unsigned i = 0; i < load.n_clients; i++)
        load.n_failed += load.clients[i].busy;
    uv_walk(&load.loop, close_handle, NULL);
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static unsigned percentile(size_t n, double share)
{
    return n == 0 ? 0 : load.times_us[(size_t)(share * (double)(n - 1))];
}

static void print_result(double seconds)
{
    size_t n = load.n_answered < SAMPLES_MAX ? load.n_answered : SAMPLES_MAX;
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    qsort(load.times_us, n, sizeof *load.times_us, compare);
    printf("{\"answered\": %llu, \"failed\": %llu, \"status_2xx\": %llu, \"per_second\": %.1f, \"p50_us\": %u, "
           "\"p90_us\": %u, \"p99_us\": %u, \"max_us\": %u, \"driver_cpu_s\": %.2f}\n",
           (unsigned long long)load.n_answered, (unsigned long long)load.n_failed,
           (unsigned long long)load.n_by_class[2], (double)load.n_answered / seconds, percentile(n, 0.5),
           percentile(n, 0.9), percentile(n, 0.99), percentile(n, 1),
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

static void start(double seconds)
{
    uv_loop_init(&load.loop);
    llhttp_settings_init(&load.settings);
    load.settings.on_message_complete = on_message_complete;
    load.began_ns = uv_hrtime();
    load.ends_ns = load.began_ns + (uint64_t)(seconds * 1e9);
    uv_timer_init(&load.loop, &load.end);
    uv_timer_start(&load.end, on_end, (uint64_t)(seconds * 1000), 0);
    uv_timer_init(&load.loop, &load.tick);
    if (load.rate > 0)
        uv_timer_start(&load.tick, on_tick, TICK_MS, TICK_MS);
    for (unsigned i = 0; i < load.n_clients; i++)
        open_client(&load.clients[i]);
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 6) {
        fputs("usage: http_load PORT FILE CONNECTIONS SECONDS [RATE_PER_S]\n", stderr);
        return 2;
    }
    double seconds = strtod(argv[4], NULL);
    uv_ip4_addr("127.0.0.1", (int)strtoul(argv[1], NULL, 10), &load.server);
    read_requests(argv[2]);
    load.n_clients = (unsigned)strtoul(argv[3], NULL, 10);
    load.rate = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 0;
    assert(load.n_clients > 0 && seconds > 0);
    load.clients = calloc(load.n_clients, sizeof *load.clients);
    load.times_us = malloc(SAMPLES_MAX * sizeof *load.times_us);
    assert(load.clients && load.times_us);
    start(seconds);
    uv_run(&load.loop, UV_RUN_DEFAULT);
    print_result(seconds);
    free(load.clients);
    free(load.times_us);
    free(load.requests);
    free(load.text);
    return uv_loop_close(&load.loop) == 0 ? 0 : 1;
}
