/* load_driver: sends requests at a fixed rate and measures how long each takes, seen from outside.
 *
 *     load_driver PORT FILE RATE_PER_S SECONDS ADDRESSES MARK
 *
 * FILE holds whole requests, each ended by a NUL, with "Connection: close"; they are sent in turn, each on a connection
 * of its own, from as many loopback addresses (127.1.0.1 …) as ADDRESSES says. The rate does not wait for answers, and
 * a request's time runs from the moment it was due, so a server that stalls cannot hide it (no coordinated omission).
 * Prints one line of JSON: how many were sent, answered, answered with MARK in the answer, failed, and the times in µs
 * of those that were answered. Every request has a deadline of DEADLINE_MS. */
#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { DEADLINE_MS = 30000, ANSWER_MAX = 64 * 1024, STATUS_CLASSES = 6, TICK_MS = 1 };

struct exchange {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    unsigned number;
    uint64_t due_ns;
    size_t n_bytes;
    char bytes[ANSWER_MAX]; /* of the answer */
};

static struct {
    uv_loop_t loop;
    uv_timer_t tick;
    char *text; /* owned: the file */
    char **requests;
    size_t n_requests;
    struct sockaddr_in server;
    unsigned rate, n_addresses;
    const char *mark;
    uint64_t began_ns;
    unsigned total, n_sent, n_answered, n_marked, n_failed, n_open;
    unsigned by_class[STATUS_CLASSES];
    uint64_t *times_us; /* owned: of the answered */
} load;

static void read_requests(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || fstat(fd, &status) != 0 || !(load.text = malloc((size_t)status.st_size + 1)))
        exit(2);
    if (read(fd, load.text, (size_t)status.st_size) != status.st_size)
        exit(2);
    close(fd);
    load.requests = calloc((size_t)status.st_size, sizeof *load.requests);
    for (char *at = load.text; load.requests && at < load.text + status.st_size; at += strlen(at) + 1)
        load.requests[load.n_requests++] = at;
    assert(load.n_requests > 0);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
    load.n_open--;
}

static void end(struct exchange *exchange)
{
    if (!uv_is_closing((uv_handle_t *)&exchange->tcp))
        uv_close((uv_handle_t *)&exchange->tcp, on_closed);
}

static void fail(struct exchange *exchange)
{
    load.n_failed++;
    end(exchange);
}

/* The connection's end is the answer's end; without a status line it was closed unanswered. */
static void count_answer(struct exchange *exchange)
{
    exchange->bytes[exchange->n_bytes] = '\0';
    unsigned class = exchange->n_bytes > 12 ? (unsigned)(exchange->bytes[9] - '0') : 0;
    if (class == 0 || class >= STATUS_CLASSES) {
        fail(exchange);
        return;
    }
    load.by_class[class]++;
    load.n_marked += strstr(exchange->bytes, load.mark) != NULL;
    load.times_us[load.n_answered++] = (uv_hrtime() - exchange->due_ns) / 1000;
    end(exchange);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct exchange *exchange = handle->data;
    (void)suggested;
    *buf = uv_buf_init(exchange->bytes + exchange->n_bytes, (unsigned)(ANSWER_MAX - 1 - exchange->n_bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n_read, const uv_buf_t *buf)
{
    struct exchange *exchange = stream->data;
    (void)buf;
    if (n_read > 0)
        exchange->n_bytes += (size_t)n_read;
    else if (n_read == UV_EOF)
        count_answer(exchange);
    else if (n_read < 0)
        fail(exchange);
}

static void on_written(uv_write_t *write, int status)
{
    /* A refusal may come before the request is sent: what counts is what can still be read. */
    (void)write;
    (void)status;
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct exchange *exchange = connect->data;
    char *request = load.requests[exchange->number % load.n_requests];
    uv_buf_t buf = uv_buf_init(request, (unsigned)strlen(request));

    if (status != 0) {
        if (status != UV_ECANCELED)
            fail(exchange);
        return;
    }
    uv_read_start((uv_stream_t *)&exchange->tcp, on_alloc, on_read);
    uv_write(&exchange->write, (uv_stream_t *)&exchange->tcp, &buf, 1, on_written);
}

static void begin(unsigned number)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    struct sockaddr_in from = {.sin_family = AF_INET};

    assert(exchange);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x10000 + number % load.n_addresses);
    uv_tcp_init(&load.loop, &exchange->tcp);
    exchange->tcp.data = exchange->connect.data = exchange->write.data = exchange;
    exchange->number = number;
    exchange->due_ns = load.began_ns + (uint64_t)number * 1000000000 / load.rate;
    load.n_open++;
    if (uv_tcp_bind(&exchange->tcp, (struct sockaddr *)&from, 0) != 0 ||
        uv_tcp_connect(&exchange->connect, &exchange->tcp, (struct sockaddr *)&load.server, on_connected) != 0)
        fail(exchange);
}

static void cut(uv_handle_t *handle, void *data)
{
    (void)data;
    if (handle->type == UV_TCP && !uv_is_closing(handle))
        fail(handle->data);
}

static void on_tick(uv_timer_t *tick)
{
    uint64_t since_ns = uv_hrtime() - load.began_ns;
    unsigned due = (unsigned)(since_ns * load.rate / 1000000000) + 1;

    while (load.n_sent < load.total && load.n_sent < due)
        begin(load.n_sent++);
    if (load.n_sent < load.total)
        return;
    if (since_ns / 1000000 > (uint64_t)load.total * 1000 / load.rate + DEADLINE_MS)
        uv_walk(&load.loop, cut, NULL);
    if (load.n_open == 0)
        uv_close((uv_handle_t *)tick, NULL);
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static unsigned long long percentile(double share)
{
    if (load.n_answered == 0)
        return 0;
    size_t at = (size_t)(share * load.n_answered);
    return load.times_us[at < load.n_answered ? at : load.n_answered - 1];
}

static void print_result(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    qsort(load.times_us, load.n_answered, sizeof *load.times_us, compare);
    printf("{\"sent\": %u, \"answered\": %u, \"marked\": %u, \"failed\": %u, \"status_2xx\": %u, \"status_3xx\": %u, "
           "\"status_4xx\": %u, \"status_5xx\": %u, \"p50_us\": %llu, \"p90_us\": %llu, \"p99_us\": %llu, "
           "\"max_us\": %llu, \"driver_cpu_ms\": %ld}\n",
           load.n_sent, load.n_answered, load.n_marked, load.n_failed, load.by_class[2], load.by_class[3],
           load.by_class[4], load.by_class[5], percentile(0.5), percentile(0.9), percentile(0.99), percentile(1),
           (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
               (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fputs("usage: load_driver PORT FILE RATE_PER_S SECONDS ADDRESSES MARK\n", stderr);
        return 2;
    }
    uv_ip4_addr("127.0.0.1", (int)strtoul(argv[1], NULL, 10), &load.server);
    read_requests(argv[2]);
    load.rate = (unsigned)strtoul(argv[3], NULL, 10);
    load.total = load.rate * (unsigned)strtoul(argv[4], NULL, 10);
    load.n_addresses = (unsigned)strtoul(argv[5], NULL, 10);
    load.mark = argv[6];
    assert(load.total > 0 && load.n_addresses > 0);
    load.times_us = calloc(load.total, sizeof *load.times_us);
    assert(load.times_us);
    uv_loop_init(&load.loop);
    uv_timer_init(&load.loop, &load.tick);
    load.began_ns = uv_hrtime();
    uv_timer_start(&load.tick, on_tick, 0, TICK_MS);
    uv_run(&load.loop, UV_RUN_DEFAULT);
    print_result();
    free(load.times_us);
    free(load.requests);
    free(load.text);
    return uv_loop_close(&load.loop) == 0 ? 0 : 1;
}
