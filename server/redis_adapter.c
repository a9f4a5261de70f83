#include "server/redis_adapter.h"

#include "common/heap.h"
#include "common/log.h"
#include "server/watch.h"

struct redis_adapter {
    redisAsyncContext *context;      /* borrowed; NULL once hiredis has let go */
    redisReplyObjectFunctions *make; /* borrowed: hiredis' own */
    struct watch *watch;             /* owned */
    int events;
    uv_prepare_t turn_end; /* runs while there are commands of this turn to write */
    bool writing;          /* hiredis is told to write, and may ask for more */
    unsigned open_things;  /* what must close before this goes */
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

/* The commands of a turn of the loop are written at its end, together; the socket is watched only if it did not take
 * them all. */
static void on_turn_end(uv_prepare_t *turn_end)
{
    struct redis_adapter *adapter = turn_end->data;

    uv_prepare_stop(turn_end);
    adapter->writing = true;
    redisAsyncHandleWrite(adapter->context);
    adapter->writing = false;
}

static void add_write(void *data)
{
    struct redis_adapter *adapter = data;
    bool connected = adapter->context->c.flags & REDIS_CONNECTED;

    if (connected && !adapter->writing && !(adapter->events & UV_WRITABLE))
        uv_prepare_start(&adapter->turn_end, on_turn_end);
    else
        change_events(adapter, adapter->events | UV_WRITABLE);
}

static void del_write(void *data)
{
    struct redis_adapter *adapter = data;
    change_events(adapter, adapter->events & ~UV_WRITABLE);
}

static void thing_closed(void *data)
{
    struct redis_adapter *adapter = data;
    void (*closed)(void *data) = adapter->closed;
    void *closed_data = adapter->data;

    if (--adapter->open_things > 0)
        return;
    free(adapter);
    closed(closed_data);
}

static void on_turn_end_closed(uv_handle_t *turn_end)
{
    thing_closed(turn_end->data);
}

/* hiredis calls this once, before it closes the socket. */
static void cleanup(void *data)
{
    struct redis_adapter *adapter = data;
    adapter->context = NULL;
    watch_close(adapter->watch, thing_closed, adapter);
    uv_close((uv_handle_t *)&adapter->turn_end, on_turn_end_closed);
}

/* --- replies nobody asked for ---
 *
 * hiredis 0.14 asserts that an answer belongs to a command (only an error may come by itself, as when the server has
 * too many clients). A server out of step, or what is no Redis at all, would end the process. hiredis takes one reply
 * at a time from its buffer and then the command it belongs to, so whether there is one is known when the reply begins:
 * refusing to make its object is an error of the connection, and hiredis ends that. */

static redisReplyObjectFunctions *makers_for(const redisReadTask *task)
{
    const struct redis_adapter *adapter = task->privdata;
    bool is_asked_for = task->parent || (adapter->context && adapter->context->replies.head);

    if (is_asked_for || task->type == REDIS_REPLY_ERROR)
        return adapter->make;
    log_error("redis_reply_unasked");
    return NULL;
}

static void *make_string(const redisReadTask *task, char *text, size_t len)
{
    redisReplyObjectFunctions *make = makers_for(task);
    return make ? make->createString(task, text, len) : NULL;
}

static void *make_array(const redisReadTask *task, int elements)
{
    redisReplyObjectFunctions *make = makers_for(task);
    return make ? make->createArray(task, elements) : NULL;
}

static void *make_integer(const redisReadTask *task, long long value)
{
    redisReplyObjectFunctions *make = makers_for(task);
    return make ? make->createInteger(task, value) : NULL;
}

static void *make_nil(const redisReadTask *task)
{
    redisReplyObjectFunctions *make = makers_for(task);
    return make ? make->createNil(task) : NULL;
}

static void guard_replies(redisAsyncContext *context, struct redis_adapter *adapter)
{
    static redisReplyObjectFunctions guarded = {make_string, make_array, make_integer, make_nil, freeReplyObject};

    adapter->make = context->c.reader->fn;
    context->c.reader->fn = &guarded;
    context->c.reader->privdata = adapter;
}

void redis_adapter_attach(redisAsyncContext *context, uv_loop_t *loop, void (*closed)(void *data), void *data)
{
    struct redis_adapter *adapter = HEAP_NEW(struct redis_adapter);

    adapter->context = context;
    adapter->watch = watch_new(loop, on_event, adapter);
    uv_prepare_init(loop, &adapter->turn_end);
    adapter->turn_end.data = adapter;
    adapter->open_things = 2;
    adapter->closed = closed;
    adapter->data = data;
    context->ev.data = adapter;
    context->ev.addRead = add_read;
    context->ev.delRead = del_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = del_write;
    context->ev.cleanup = cleanup;
    guard_replies(context, adapter);
}
