/* slow_clients: many connections that are held open by doing next to nothing (slowloris), until a line comes on
 * standard input.
 *
 *     slow_clients PORT COUNT ADDRESSES head|body|read|idle
 *
 * head: one byte of an endless head a second. body: a complete head, then one byte of the body a second. read: asks for
 * a page again and again and takes one byte a second of the answers. idle: says nothing. A connection that the server
 * ends is opened again a second later, and a slow reader begins anew now and then, so the pressure stays. Connections
 * come from ADDRESSES loopback addresses (127.2.0.1 …). Each second one line of JSON says how many stand and how many
 * were ended so far. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

/* A slow reader does not see that the server has ended its connection, since it never comes to the end of what was
 * sent. */
enum { SLICES = 10, SLICE_MS = 100, RECEIVE_BUFFER = 1024, READER_LIFE_S = 8 };

enum manner { MANNER_HEAD, MANNER_BODY, MANNER_READ, MANNER_IDLE, MANNERS };

static const struct {
    const char *name, *opening;
} manners[MANNERS] = {
    [MANNER_HEAD] = {"head", "GET /connexion HTTP/1.1\r\nHost: x\r\nX-Slow: "},
    [MANNER_BODY] = {"body", "POST /connexion HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"},
    [MANNER_READ] = {"read", "GET /aide HTTP/1.1\r\nHost: x\r\n\r\nGET /aide HTTP/1.1\r\nHost: x\r\n\r\n"
                             "GET /aide HTTP/1.1\r\nHost: x\r\n\r\nGET /aide HTTP/1.1\r\nHost: x\r\n\r\n"},
    [MANNER_IDLE] = {"idle", ""},
};

static struct {
    struct sockaddr_in server;
    enum manner manner;
    unsigned count, n_addresses, slice, n_ended, n_failed;
    int *fds;       /* owned; -1: not open */
    unsigned *ages; /* owned; in seconds */
} crowd;

static int open_one(unsigned number)
{
    const int size = RECEIVE_BUFFER;
    struct sockaddr_in from = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x20000 + number % crowd.n_addresses);
    if (fd < 0)
        return -1;
    if (crowd.manner == MANNER_READ)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
        (connect(fd, (struct sockaddr *)&crowd.server, sizeof crowd.server) == 0 || errno == EINPROGRESS))
        return fd;
    close(fd);
    return -1;
}

static void close_one(unsigned i)
{
    close(crowd.fds[i]);
    crowd.fds[i] = -1;
    crowd.n_ended++;
}

/* The server's word on this connection: an end, or an answer that ends it soon. */
static bool is_ended(int fd)
{
    char bytes[64];
    ssize_t n = recv(fd, bytes, crowd.manner == MANNER_READ ? 1 : sizeof bytes, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != ENOTCONN);
}

static void poke(unsigned i)
{
    const char *opening = manners[crowd.manner].opening;

    if (crowd.fds[i] < 0) {
        crowd.ages[i] = 0;
        crowd.fds[i] = open_one(i);
        crowd.n_failed += crowd.fds[i] < 0;
        if (crowd.fds[i] >= 0)
            (void)!send(crowd.fds[i], opening, strlen(opening), MSG_DONTWAIT | MSG_NOSIGNAL);
        return;
    }
    bool is_old = crowd.manner == MANNER_READ && ++crowd.ages[i] > READER_LIFE_S + i % READER_LIFE_S;
    if (is_old || is_ended(crowd.fds[i])) {
        close_one(i);
        return;
    }
    bool speaks = crowd.manner == MANNER_HEAD || crowd.manner == MANNER_BODY;
    if (speaks && send(crowd.fds[i], "a", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
        close_one(i);
}

static void report(void)
{
    unsigned n_open = 0;
    for (unsigned i = 0; i < crowd.count; i++)
        n_open += crowd.fds[i] >= 0;
    printf("{\"open\": %u, \"ended\": %u, \"failed\": %u}\n", n_open, crowd.n_ended, crowd.n_failed);
    fflush(stdout);
}

/* A tenth of them each 100 ms: a crowd, not a wave. */
static void on_slice(uv_timer_t *timer)
{
    (void)timer;
    for (unsigned i = crowd.slice; i < crowd.count; i += SLICES)
        poke(i);
    crowd.slice = (crowd.slice + 1) % SLICES;
    if (crowd.slice == 0)
        report();
}

static void on_stop(uv_poll_t *input, int status, int events)
{
    (void)status;
    (void)events;
    uv_stop(input->loop);
}

static enum manner manner_of(const char *name)
{
    for (unsigned i = 0; i < MANNERS; i++)
        if (strcmp(manners[i].name, name) == 0)
            return (enum manner)i;
    exit(2);
}

int main(int argc, char **argv)
{
    uv_loop_t loop;
    uv_timer_t timer;
    uv_poll_t input;
    struct rlimit files;

    if (argc != 5) {
        fputs("usage: slow_clients PORT COUNT ADDRESSES head|body|read|idle\n", stderr);
        return 2;
    }
    uv_ip4_addr("127.0.0.1", (int)strtoul(argv[1], NULL, 10), &crowd.server);
    crowd.count = (unsigned)strtoul(argv[2], NULL, 10);
    crowd.n_addresses = (unsigned)strtoul(argv[3], NULL, 10);
    crowd.manner = manner_of(argv[4]);
    assert(crowd.count > 0 && crowd.n_addresses > 0);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    crowd.fds = malloc(crowd.count * sizeof *crowd.fds);
    crowd.ages = calloc(crowd.count, sizeof *crowd.ages);
    assert(crowd.fds && crowd.ages);
    memset(crowd.fds, -1, crowd.count * sizeof *crowd.fds);
    uv_loop_init(&loop);
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, on_slice, 0, SLICE_MS);
    uv_poll_init(&loop, &input, STDIN_FILENO);
    uv_poll_start(&input, UV_READABLE, on_stop);
    uv_run(&loop, UV_RUN_DEFAULT);
    free(crowd.fds);
    free(crowd.ages);
    return 0;
}
