#include "worker/smtp_reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/err.h"
#include "common/heap.h"

enum { PORT_TEXT_SIZE = 8, MS_PER_S = 1000, NS_PER_MS = 1000000 };

/* A look-up runs in a thread of the C library and owns this memory until it ends, however long that takes. */
struct lookup {
    struct gaicb request;
    struct addrinfo hints;
};

struct smtp_reach {
    const char *host; /* borrowed */
    char port[PORT_TEXT_SIZE];
    struct lookup *stuck; /* one that did not end in time: no other is started beside it */
};

struct smtp_reach *smtp_reach_new(const char *host, unsigned port)
{
    struct smtp_reach *reach = HEAP_NEW(struct smtp_reach);
    reach->host = host;
    snprintf(reach->port, sizeof reach->port, "%u", port & 0xffffu);
    return reach;
}

static void lookup_free(struct lookup *lookup)
{
    if (lookup->request.ar_result)
        freeaddrinfo(lookup->request.ar_result);
    free(lookup);
}

void smtp_reach_free(struct smtp_reach *reach)
{
    if (!reach)
        return;
    if (reach->stuck && gai_error(&reach->stuck->request) != EAI_INPROGRESS)
        lookup_free(reach->stuck); /* else its thread still writes there, and the process is about to end */
    free(reach);
}

static struct lookup *lookup_start(const struct smtp_reach *reach)
{
    struct lookup *lookup = HEAP_NEW(struct lookup);
    struct gaicb *list[] = {&lookup->request};
    lookup->hints.ai_socktype = SOCK_STREAM;
    lookup->request.ar_name = reach->host;
    lookup->request.ar_service = reach->port;
    lookup->request.ar_request = &lookup->hints;
    if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) == 0)
        return lookup;
    free(lookup);
    return NULL;
}

static int look_up(struct smtp_reach *reach, unsigned timeout_ms, struct lookup **ret)
{
    struct timespec limit = {timeout_ms / MS_PER_S, (long)(timeout_ms % MS_PER_S) * NS_PER_MS};
    struct lookup *lookup = reach->stuck ? reach->stuck : lookup_start(reach);
    if (!lookup)
        return ERR_UNAVAILABLE;
    const struct gaicb *list[] = {&lookup->request};
    while (gai_error(&lookup->request) == EAI_INPROGRESS && gai_suspend(list, 1, &limit) == EAI_INTR)
        ;
    int status = gai_error(&lookup->request);
    if (status == EAI_INPROGRESS && gai_cancel(&lookup->request) != EAI_CANCELED) {
        reach->stuck = lookup;
        return ERR_TIMEOUT;
    }
    reach->stuck = NULL;
    if (status == 0) {
        *ret = lookup;
        return 0;
    }
    lookup_free(lookup);
    return status == EAI_INPROGRESS ? ERR_TIMEOUT : ERR_NOT_FOUND;
}

static bool connected(int fd, unsigned timeout_ms)
{
    struct pollfd waiting = {.fd = fd, .events = POLLOUT};
    int fault = 0;
    socklen_t fault_len = sizeof fault;
    if (poll(&waiting, 1, (int)timeout_ms) <= 0)
        return false;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &fault_len) == 0 && fault == 0;
}

static bool try_connection(const struct addrinfo *address, unsigned timeout_ms)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool ok =
        connect(fd, address->ai_addr, address->ai_addrlen) == 0 || (errno == EINPROGRESS && connected(fd, timeout_ms));
    close(fd);
    return ok;
}

/* libesmtp takes an IPv4 literal only (it cuts "host:port" at the first colon). */
static void write_address(const struct addrinfo *found, char out[SMTP_REACH_ADDRESS_SIZE])
{
    out[0] = '\0';
    for (const struct addrinfo *at = found; at; at = at->ai_next) {
        if (at->ai_family != AF_INET)
            continue;
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)at->ai_addr;
        inet_ntop(AF_INET, &v4->sin_addr, out, SMTP_REACH_ADDRESS_SIZE);
        return;
    }
}

static const struct addrinfo *choose(const struct addrinfo *found)
{
    for (const struct addrinfo *at = found; at; at = at->ai_next) {
        if (at->ai_family == AF_INET)
            return at;
    }
    return found;
}

int smtp_reach_try(struct smtp_reach *reach, bool connect, unsigned timeout_ms,
                   char ret_address[SMTP_REACH_ADDRESS_SIZE])
{
    struct lookup *lookup;
    int err = look_up(reach, timeout_ms, &lookup);
    if (err)
        return err;
    write_address(lookup->request.ar_result, ret_address);
    if (connect && !try_connection(choose(lookup->request.ar_result), timeout_ms))
        err = ERR_UNAVAILABLE;
    lookup_free(lookup);
    return err;
}
