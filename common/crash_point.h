/* crash point: a named place at which a test lets the program die, as by SIGKILL from outside: nothing is flushed,
 * nothing is cleaned up. tests/fault/crash_points.py kills at each point, occurrence by occurrence.
 *
 * Points exist only in a build with -DDP_CRASH_POINTS=ON, which cannot be installed; else they compile to nothing. In
 * such a build the environment says what is to happen:
 *
 *     DP_CRASH_POINT=worker/committed:3   dies at the third pass through that point
 *     DP_CRASH_POINT_COUNT=FILE           writes "name passes" a line, of every point, when the program ends by itself
 */
#ifndef DP_COMMON_CRASH_POINT_H
#define DP_COMMON_CRASH_POINT_H

#ifdef DP_CRASH_POINTS

#include <stdatomic.h>

struct crash_point {
    const char *name;
    atomic_uint passes;
};

/* Names are "program/what_has_just_happened", unique (script/check compares), and stand literally at their place. The
 * section gathers the points of all sources, so that the program itself knows them. */
#define CRASH_POINT(text)                                                                                      \
    do {                                                                                                       \
        static struct crash_point crash_point_here = {.name = (text)};                                         \
        static struct crash_point *const crash_point_entry __attribute__((section("dp_crash_points"), used)) = \
            &crash_point_here;                                                                                 \
        crash_point_pass(crash_point_entry);                                                                   \
    } while (0)

/* Counts, from any thread; does not return from the pass that the environment names. */
void crash_point_pass(struct crash_point *point);

/* Reads the environment and says loudly that this program can be made to die. Exits with EXIT_USAGE when it names a
 * point that this program does not have. Before any thread, after log_init(). */
void crash_points_begin(void);

#else

#define CRASH_POINT(text) \
    do {                  \
    } while (0)

static inline void crash_points_begin(void)
{
}

#endif

#endif
