#include "worker/admin_port.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/str.h"

enum { BACKLOG = 16, ACCEPT_POLL_MS = 250 };

static int bind_socket(const struct sockaddr *address, socklen_t address_len, int *ret_fd)
{
    int on = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_IO;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address, address_len) || listen(fd, BACKLOG)) {
        close(fd);
        return ERR_IO;
    }
    *ret_fd = fd;
    return 0;
}

int admin_port_listen(const char *address, unsigned port, int *ret_fd)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return bind_socket((const struct sockaddr *)&v4, sizeof v4, ret_fd);
    if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1)
        return bind_socket((const struct sockaddr *)&v6, sizeof v6, ret_fd);
    return ERR_INVALID;
}

/* Reads up to the end of the head. False: too slow, too long, or gone. */
static bool read_head(int fd, struct buf *head)
{
    int64_t deadline_ms = clock_monotonic_ms() + ADMIN_PORT_TIMEOUT_MS;
    while (!memmem(head->ptr ? head->ptr : "", head->len, "\r\n\r\n", 4)) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        int64_t left_ms = deadline_ms - clock_monotonic_ms();
        char *room = buf_reserve(head, 512);
        if (!room || left_ms <= 0 || poll(&waiting, 1, (int)left_ms) <= 0)
            return false;
        ssize_t n = read(fd, room, 512);
        if (n <= 0)
            return false;
        buf_commit(head, (size_t)n);
    }
    return true;
}

static void write_all(int fd, struct str bytes)
{
    int64_t deadline_ms = clock_monotonic_ms() + ADMIN_PORT_TIMEOUT_MS;
    while (bytes.len) {
        struct pollfd waiting = {.fd = fd, .events = POLLOUT};
        int64_t left_ms = deadline_ms - clock_monotonic_ms();
        if (left_ms <= 0 || poll(&waiting, 1, (int)left_ms) <= 0)
            return;
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        bytes = str_slice(bytes.ptr + n, bytes.len - (size_t)n);
    }
}

static void write_ready(const struct metrics *metrics, const char **ret_status, struct buf *body)
{
    bool database = metrics_get(metrics, METRIC_DATABASE_UP) == 1;
    bool redis = metrics_get(metrics, METRIC_REDIS_UP) == 1;
    *ret_status = database && redis ? "200 OK" : "503 Service Unavailable";
    buf_printf(body, "{\"ready\":%s,\"database\":%s,\"redis\":%s}\n", database && redis ? "true" : "false",
               database ? "true" : "false", redis ? "true" : "false");
}

static void answer(int fd, struct str head, const struct metrics *metrics)
{
    struct buf body, response;
    struct str rest, method = str_cut(head, ' ', &rest), path = str_cut(rest, ' ', &rest);
    const char *status = "200 OK", *type = "text/plain; charset=utf-8";
    buf_init(&body, ADMIN_PORT_RESPONSE_MAX);
    buf_init(&response, ADMIN_PORT_RESPONSE_MAX);
    if (!str_eq(method, STR("GET")) && !str_eq(method, STR("HEAD"))) {
        status = "405 Method Not Allowed\r\nAllow: GET, HEAD";
    } else if (str_eq(path, STR("/healthz"))) {
        buf_append_text(&body, "ok\n");
    } else if (str_eq(path, STR("/readyz"))) {
        type = "application/json";
        write_ready(metrics, &status, &body);
    } else if (str_eq(path, STR("/metrics"))) {
        type = "text/plain; version=0.0.4; charset=utf-8";
        metrics_write(metrics, &body);
    } else {
        status = "404 Not Found";
    }
    buf_printf(&response, "HTTP/1.0 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
               type, body.len);
    if (!str_eq(method, STR("HEAD")))
        buf_append(&response, buf_str(&body));
    write_all(fd, buf_str(&response));
    buf_done(&response);
    buf_done(&body);
}

static void serve_one(int fd, const struct metrics *metrics)
{
    struct buf head;
    buf_init(&head, ADMIN_PORT_REQUEST_MAX);
    if (read_head(fd, &head))
        answer(fd, buf_str(&head), metrics);
    buf_done(&head);
    close(fd);
}

void admin_port_serve(int fd, const struct metrics *metrics, struct drain *drain)
{
    while (!drain_begun(drain)) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        if (poll(&waiting, 1, ACCEPT_POLL_MS) <= 0)
            continue;
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer >= 0)
            serve_one(peer, metrics);
    }
    close(fd);
}
