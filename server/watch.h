/* watch: a socket of a foreign library and a deadline, as one thing. Used by the MariaDB and the Redis wrappers.
 *
 * The library owns the socket and may close or replace it; the watch owns the uv_poll_t and the uv_timer_t. Rules from
 * libuv's poll documentation: one poll handle a socket, closed before the socket's number can be used again. */
#ifndef DP_SERVER_WATCH_H
#define DP_SERVER_WATCH_H

#include <stdint.h>
#include <uv.h>

#define WATCH_NO_TIMEOUT UINT64_MAX

struct watch;
/* `events` are UV_READABLE, UV_WRITABLE, UV_PRIORITIZED; 0 means that the time is over. A socket in error (libuv says
 * UV_EBADF for a refused or reset connection) comes as all events that were asked for, so that the library reads the
 * error itself; it is then no longer watched until armed again. */
typedef void (*watch_cb)(void *data, int events);

struct watch *watch_new(uv_loop_t *loop, watch_cb cb, void *data);
/* Watches `fd` from now on for `events` (0: none) and calls back once when `timeout_ms` has passed. Replaces what was
 * armed before, at no cost when it was the same; disarm first where the same number may be another socket. ERR_IO: `fd`
 * cannot be watched. */
int watch_arm(struct watch *watch, int fd, int events, uint64_t timeout_ms);
/* No more callbacks until armed again. */
void watch_disarm(struct watch *watch);
/* Disarms and lets go of the socket: call it before the socket is closed, or at once after the library closed it. */
void watch_forget(struct watch *watch);
/* No more callbacks; frees the watch when its handles are closed, then calls `closed` (never before it returned). */
void watch_close(struct watch *watch, void (*closed)(void *data), void *data);

#endif
