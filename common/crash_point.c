#include "common/crash_point.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/program.h"

/* The linker's bounds of the section; absent in a program without any point. */
extern struct crash_point *const __start_dp_crash_points[] __attribute__((weak));
extern struct crash_point *const __stop_dp_crash_points[] __attribute__((weak));

static struct crash_point *armed;
static unsigned armed_pass;

static struct crash_point *find(struct str name)
{
    for (struct crash_point *const *at = __start_dp_crash_points; at < __stop_dp_crash_points; at++) {
        if (str_eq_text(name, (*at)->name))
            return *at;
    }
    return NULL;
}

static void arm(const char *order)
{
    struct str pass;
    int64_t number = 0;

    armed = find(str_cut(str_from(order), ':', &pass));
    if (!armed || str_to_u63(pass, &number) != 0 || number < 1 || number > UINT32_MAX) {
        fprintf(stderr, "DP_CRASH_POINT=%s: no such point, or no \":occurrence\"\n", order);
        exit(EXIT_USAGE);
    }
    armed_pass = (unsigned)number;
}

static void write_counts(void)
{
    FILE *file = fopen(getenv("DP_CRASH_POINT_COUNT"), "we");

    if (!file)
        return;
    for (struct crash_point *const *at = __start_dp_crash_points; at < __stop_dp_crash_points; at++)
        fprintf(file, "%s %u\n", (*at)->name, atomic_load(&(*at)->passes));
    fclose(file);
}

void crash_points_begin(void)
{
    const char *order = getenv("DP_CRASH_POINT");

    log_warn("crash_points_compiled_in",
             LOG_STR("why", "built for tests with DP_CRASH_POINTS: must never serve anybody"));
    if (order && order[0] != '\0')
        arm(order);
    if (getenv("DP_CRASH_POINT_COUNT"))
        atexit(write_counts);
}

void crash_point_pass(struct crash_point *point)
{
    unsigned pass = atomic_fetch_add(&point->passes, 1) + 1;

    if (point != armed || pass != armed_pass)
        return;
    log_warn("crash_point", LOG_STR("name", point->name), LOG_INT("pass", pass));
    kill(getpid(), SIGKILL);
    for (;;) /* the signal is on its way, perhaps by another thread */
        pause();
}
