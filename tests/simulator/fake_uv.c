/* What the server's modules use of libuv: timers, ends of turns, wake-ups, closing, and a thread as a fiber. A handle
 * keeps its task and its callback in the words that libuv reserves for the user of a handle's union. */
#include <uv.h>

#include "simulator/sim.h"

enum { SLOT_TASK, SLOT_CALLBACK, SLOT_CLOSED, SLOT_REPEAT_MS };

static void **slot(void *handle, unsigned number)
{
    return &((uv_handle_t *)handle)->u.reserved[number];
}

/* ---- timers ---- */

void uv_update_time(uv_loop_t *loop)
{
    (void)loop;
}

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer)
{
    void *data = timer->data;
    *timer = (uv_timer_t){.loop = loop, .data = data};
    return 0;
}

static void fire(void *data)
{
    uv_timer_t *timer = data;
    uintptr_t repeat_ms = (uintptr_t)*slot(timer, SLOT_REPEAT_MS);
    uv_timer_cb callback = (uv_timer_cb)(uintptr_t)*slot(timer, SLOT_CALLBACK);
    *slot(timer, SLOT_TASK) = NULL;
    if (repeat_ms)
        *slot(timer, SLOT_TASK) = sim_at(sim_self, (int64_t)repeat_ms * US_PER_MS, fire, timer);
    callback(timer);
}

int uv_timer_stop(uv_timer_t *timer)
{
    if (*slot(timer, SLOT_TASK))
        sim_cancel(*slot(timer, SLOT_TASK));
    *slot(timer, SLOT_TASK) = NULL;
    return 0;
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb callback, uint64_t timeout_ms, uint64_t repeat_ms)
{
    uv_timer_stop(timer);
    *slot(timer, SLOT_CALLBACK) = (void *)(uintptr_t)callback;
    *slot(timer, SLOT_REPEAT_MS) = (void *)(uintptr_t)repeat_ms;
    *slot(timer, SLOT_TASK) = sim_at(sim_self, (int64_t)timeout_ms * US_PER_MS, fire, timer);
    return 0;
}

int uv_is_active(const uv_handle_t *handle)
{
    return handle->u.reserved[SLOT_TASK] != NULL;
}

int uv_is_closing(const uv_handle_t *handle)
{
    return handle->close_cb != NULL;
}

static void close_now(void *data)
{
    uv_handle_t *handle = data;
    handle->close_cb(handle);
}

void uv_close(uv_handle_t *handle, uv_close_cb closed)
{
    if (*slot(handle, SLOT_TASK))
        sim_cancel(*slot(handle, SLOT_TASK));
    *slot(handle, SLOT_TASK) = NULL;
    handle->close_cb = closed;
    sim_at(sim_self, 0, close_now, handle);
}

/* ---- the end of a turn: comes after all else that is due now ---- */

int uv_prepare_init(uv_loop_t *loop, uv_prepare_t *prepare)
{
    void *data = prepare->data;
    *prepare = (uv_prepare_t){.loop = loop, .data = data};
    return 0;
}

static void end_turn(void *data)
{
    uv_prepare_t *prepare = data;
    *slot(prepare, SLOT_TASK) = sim_at(sim_self, 0, end_turn, prepare);
    prepare->prepare_cb(prepare);
}

int uv_prepare_start(uv_prepare_t *prepare, uv_prepare_cb callback)
{
    if (*slot(prepare, SLOT_TASK))
        return 0;
    prepare->prepare_cb = callback;
    *slot(prepare, SLOT_TASK) = sim_at(sim_self, 0, end_turn, prepare);
    return 0;
}

int uv_prepare_stop(uv_prepare_t *prepare)
{
    if (*slot(prepare, SLOT_TASK))
        sim_cancel(*slot(prepare, SLOT_TASK));
    *slot(prepare, SLOT_TASK) = NULL;
    return 0;
}

/* ---- wake-ups ---- */

int uv_async_init(uv_loop_t *loop, uv_async_t *async, uv_async_cb callback)
{
    void *data = async->data;
    *async = (uv_async_t){.loop = loop, .data = data, .async_cb = callback};
    return 0;
}

static void wake(void *data)
{
    uv_async_t *async = data;
    *slot(async, SLOT_TASK) = NULL;
    async->async_cb(async);
}

int uv_async_send(uv_async_t *async)
{
    if (!*slot(async, SLOT_TASK))
        *slot(async, SLOT_TASK) = sim_at(sim_self, sim_between(0, 100), wake, async);
    return 0;
}

/* ---- a thread: a fiber that gives way only where it waits, so locks are nothing ---- */

int uv_mutex_init(uv_mutex_t *mutex)
{
    (void)mutex;
    return 0;
}

void uv_mutex_lock(uv_mutex_t *mutex)
{
    (void)mutex;
}

void uv_mutex_unlock(uv_mutex_t *mutex)
{
    (void)mutex;
}

int uv_cond_init(uv_cond_t *cond)
{
    (void)cond;
    return 0;
}

void uv_cond_signal(uv_cond_t *cond)
{
    fiber_wake(cond);
}

void uv_cond_wait(uv_cond_t *cond, uv_mutex_t *mutex)
{
    (void)mutex;
    fiber_wait(cond, INT64_C(3600) * US_PER_S);
}

void uv_cond_destroy(uv_cond_t *cond)
{
    (void)cond;
}

void uv_mutex_destroy(uv_mutex_t *mutex)
{
    (void)mutex;
}

int uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *arg)
{
    (void)thread;
    fiber_start(sim_self, entry, arg);
    return 0;
}

int uv_thread_join(uv_thread_t *thread)
{
    (void)thread;
    return 0;
}
