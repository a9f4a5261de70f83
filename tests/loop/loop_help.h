/* loop_help: running a loop in a test for as long as needed and no longer. */
#ifndef DP_TESTS_LOOP_HELP_H
#define DP_TESTS_LOOP_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include <cmocka.h>

static inline void loop_help_tick(uv_timer_t *timer)
{
    (void)timer;
}

/* Runs until `is_reached` says so; false when `limit_ms` passed first. */
static inline bool loop_run_until(uv_loop_t *loop, bool (*is_reached)(void *data), void *data, unsigned limit_ms)
{
    uint64_t end = uv_hrtime() + (uint64_t)limit_ms * 1000000;
    uv_timer_t ticker; /* so that the loop comes round even when nothing happens */

    uv_timer_init(loop, &ticker);
    uv_timer_start(&ticker, loop_help_tick, 5, 5);
    while (!is_reached(data) && uv_hrtime() < end)
        uv_run(loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&ticker, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    return is_reached(data);
}

static inline bool loop_help_never(void *data)
{
    (void)data;
    return false;
}

static inline void loop_run_for(uv_loop_t *loop, unsigned ms)
{
    loop_run_until(loop, loop_help_never, NULL, ms);
}

/* Everything was closed: the loop ends by itself, and no handle leaked. */
static inline void loop_finish(uv_loop_t *loop)
{
    assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(loop), 0);
}

#endif
