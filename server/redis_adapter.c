#include "server/redis_adapter.h"

#include "common/err.h"
#include "common/heap.h"
#include "server/watch.h"

struct redis_adapter {
    redisAsyncContext *context; /* borrowed; NULL once hiredis has let go */
    struct watch *watch;        /* owned */
    int events;
    void (*closed)(void *data);
    void *data;
};

static void on_event(void *data, int events)
{
    struct redis_adapter *adapter = data;

    /* Reading may free the context, which clears the pointer. */
    if (adapter->context && (events & UV_READABLE))
        redisAsyncHandleRead(adapter->context);
    if (adapter->context && (events & UV_WRITABLE))
        redisAsyncHandleWrite(adapter->context);
}

/* hiredis may ask for what it has already. A socket that cannot be watched stays silent: the client's deadline ends
 * it. */
static void change_events(struct redis_adapter *adapter, int events)
{
    if (events == adapter->events)
        return;
    adapter->events = events;
    if (watch_arm(adapter->watch, adapter->context->c.fd, events, WATCH_NO_TIMEOUT) != 0)
        log_error("redis_socket_not_watched", LOG_INT("fd", adapter->context->c.fd));
}

static void add_read(void *data)
{
    struct redis_adapter *adapter = data;
    change_events(adapter, adapter->events | UV_READABLE);
}

static void del_read(void *data)
{
    struct redis_adapter *adapter = data;
    change_events(adapter, adapter->events & ~UV_READABLE);
}

static void add_write(void *data)
{
    struct redis_adapter *adapter = data;
    change_events(adapter, adapter->events | UV_WRITABLE);
}

static void del_write(void *data)
{
    struct redis_adapter *adapter = data;
    change_events(adapter, adapter->events & ~UV_WRITABLE);
}

static void on_closed(void *data)
{
    struct redis_adapter *adapter = data;
    void (*closed)(void *data) = adapter->closed;
    void *closed_data = adapter->data;
    free(adapter);
    closed(closed_data);
}

/* hiredis calls this once, before it closes the socket. */
static void cleanup(void *data)
{
    struct redis_adapter *adapter = data;
    adapter->context = NULL;
    watch_close(adapter->watch, on_closed, adapter);
}

void redis_adapter_attach(redisAsyncContext *context, uv_loop_t *loop, void (*closed)(void *data), void *data)
{
    struct redis_adapter *adapter = HEAP_NEW(struct redis_adapter);

    adapter->context = context;
    adapter->watch = watch_new(loop, on_event, adapter);
    adapter->closed = closed;
    adapter->data = data;
    context->ev.data = adapter;
    context->ev.addRead = add_read;
    context->ev.delRead = del_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = del_write;
    context->ev.cleanup = cleanup;
}
