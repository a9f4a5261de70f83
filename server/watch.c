#include "server/watch.h"

#include <stdbool.h>

#include "common/err.h"
#include "common/heap.h"

/* Handles die later than sockets: a watch may have several polls that are closing and one that is in use. */
struct watch_poll {
    uv_poll_t handle;
    struct watch *watch; /* borrowed: outlives its polls */
    int fd;
    int wanted; /* events that it is started for; 0: stopped */
};

struct watch {
    uv_loop_t *loop;
    uv_timer_t timer;
    struct watch_poll *poll; /* owned; NULL without a socket */
    watch_cb cb;
    void *data;
    unsigned open_handles;
    void (*closed)(void *data);
    void *closed_data;
};

static void handle_gone(struct watch *watch)
{
    if (--watch->open_handles > 0)
        return;
    void (*closed)(void *data) = watch->closed;
    void *data = watch->closed_data;
    free(watch);
    closed(data);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct watch_poll *poll = handle->data;
    struct watch *watch = poll->watch;
    free(poll);
    handle_gone(watch);
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct watch_poll *poll = handle->data;
    int wanted = poll->wanted;

    if (status < 0) /* libuv has stopped it */
        poll->wanted = 0;
    poll->watch->cb(poll->watch->data, status < 0 ? wanted : events);
}

static void on_time(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    watch->cb(watch->data, 0);
}

struct watch *watch_new(uv_loop_t *loop, watch_cb cb, void *data)
{
    struct watch *watch = HEAP_NEW(struct watch);
    *watch = (struct watch){.loop = loop, .cb = cb, .data = data, .open_handles = 1};
    uv_timer_init(loop, &watch->timer);
    watch->timer.data = watch;
    return watch;
}

static int use_fd(struct watch *watch, int fd)
{
    if (watch->poll && watch->poll->fd == fd)
        return 0;
    watch_forget(watch);
    struct watch_poll *poll = HEAP_NEW(struct watch_poll);
    if (uv_poll_init(watch->loop, &poll->handle, fd) != 0) {
        free(poll);
        return ERR_IO;
    }
    poll->handle.data = poll;
    poll->watch = watch;
    poll->fd = fd;
    watch->poll = poll;
    watch->open_handles++;
    return 0;
}

/* libuv takes two system calls to stop a poll and start it again: one that is started for these events already is left
 * as it is. */
static int poll_for(struct watch_poll *poll, int events)
{
    if (events == poll->wanted)
        return 0;
    poll->wanted = events;
    if (events == 0)
        return uv_poll_stop(&poll->handle);
    return uv_poll_start(&poll->handle, events, on_poll) == 0 ? 0 : ERR_IO;
}

int watch_arm(struct watch *watch, int fd, int events, uint64_t timeout_ms)
{
    if (use_fd(watch, fd) != 0 || poll_for(watch->poll, events) != 0)
        return ERR_IO;
    if (timeout_ms == WATCH_NO_TIMEOUT)
        uv_timer_stop(&watch->timer);
    else
        uv_timer_start(&watch->timer, on_time, timeout_ms, 0);
    return 0;
}

void watch_disarm(struct watch *watch)
{
    uv_timer_stop(&watch->timer);
    if (watch->poll)
        poll_for(watch->poll, 0);
}

void watch_forget(struct watch *watch)
{
    watch_disarm(watch);
    if (!watch->poll)
        return;
    uv_close((uv_handle_t *)&watch->poll->handle, on_poll_closed);
    watch->poll = NULL;
}

void watch_close(struct watch *watch, void (*closed)(void *data), void *data)
{
    watch->closed = closed;
    watch->closed_data = data;
    watch_forget(watch);
    uv_close((uv_handle_t *)&watch->timer, on_timer_closed);
}
