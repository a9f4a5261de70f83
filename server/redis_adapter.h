/* redis_adapter: hiredis on libuv, by our own adapter.
 *
 * The one shipped with hiredis 0.14 ignores libuv's bad status, so a refused connection or a reset in mid-command never
 * calls anything (hiredis issues 240 and 508). Here such a socket counts as readable and writable: hiredis then meets
 * the error itself and calls the connect callback, or every reply callback with NULL and the disconnect callback. */
#ifndef DP_SERVER_REDIS_ADAPTER_H
#define DP_SERVER_REDIS_ADAPTER_H

#include <hiredis/async.h>
#include <uv.h>

/* Right after redisAsyncConnect…(), before any callback is set. `closed` is called when the context was freed and the
 * handles are closed. */
void redis_adapter_attach(redisAsyncContext *context, uv_loop_t *loop, void (*closed)(void *data), void *data);

#endif
