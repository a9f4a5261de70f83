/* sim: the simulated machine room: one seed, one clock, processes that run as coroutines, and a list of what happens
 * when. Nothing here knows what the processes do.
 *
 * Code of the product runs only as a task or a fiber of a process (sim_self); what it allocates belongs to that process
 * and goes when it is killed. A fiber gives way only where it sleeps or waits, so every store call is one step. */
#ifndef DP_SIMULATOR_SIM_H
#define DP_SIMULATOR_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

enum { SIM_PROCESSES_MAX = 200, SIM_NAME_SIZE = 40 };
enum { US_PER_MS = 1000, US_PER_S = 1000000 };
/* When the simulated time begins: Monday, 23 November 2026, 08:00 in Paris. */
#define SIM_EPOCH_US (INT64_C(1795417200) * US_PER_S)

/* --- chance: everything random comes from here --- */
void sim_seed(uint64_t seed);
uint64_t sim_random(void);
unsigned sim_below(unsigned n); /* 0 … n - 1 */
bool sim_one_in(unsigned n);    /* 0: never */
int64_t sim_between(int64_t from, int64_t to);

/* --- time and what happens in it --- */
struct sim_task;
struct process;
typedef void (*sim_task_fn)(void *data);

int64_t sim_now_us(void);
/* Runs once after the delay, as `owner` (NULL: the world). A task of a process that was killed never runs, one of a
 * paused process when it goes on. The handle is good until the task has begun. */
struct sim_task *sim_at(struct process *owner, int64_t delay_us, sim_task_fn run, void *data);
void sim_cancel(struct sim_task *task);
/* Runs tasks until there is none, `until_us` is reached or `stop` says so (asked before each; NULL: never). */
void sim_run(int64_t until_us, bool (*stop)(void));
/* Forgets tasks, fibers, processes and the world's memory. */
void sim_reset(void);

/* --- processes --- */
struct process {
    unsigned number;
    char name[SIM_NAME_SIZE];
    bool alive;
    bool is_paused;
    struct sim_task *held;                  /* what came due meanwhile */
    int64_t clock_offset_us;                /* of its wall clock */
    unsigned n_faults;                      /* that it has met */
    void *program;                          /* of whoever started it; in its own memory */
    void (*ended)(struct process *process); /* killed or left; its memory is still there */
    struct sim_block *blocks;               /* all it has allocated */
};

/* Whose code runs; NULL: the simulator's own. */
extern struct process *sim_self;

struct process *process_new(const char *name);
unsigned process_count_dead(void);
/* At once, also itself (then it does not return). Other processes see its connections cut. */
void process_kill(struct process *process);
void process_pause(struct process *process, int64_t us);
void process_resume(struct process *process); /* harmless if it runs */

/* --- fibers: straight-line code that can sleep --- */
void fiber_start(struct process *process, void (*run)(void *arg), void *arg);
/* False outside a fiber: then neither of the next two does anything. */
bool fiber_is_running(void);
void fiber_sleep(int64_t us);
/* Until fiber_wake(tag) or the time is over. */
void fiber_wait(const void *tag, int64_t timeout_us);
void fiber_wake(const void *tag);

/* --- memory --- */
/* The world's: for the length of the schedule. Zeroed. */
void *world_alloc(size_t size);
struct str world_str(struct str s);

/* --- findings --- */
extern bool sim_tracing;
__attribute__((format(printf, 1, 2))) void sim_trace(const char *format, ...);
void sim_print_trace(void);
/* What to do instead of printing a trace that was not kept: the same seed again, with one. */
void sim_on_violation(void (*run_with_trace)(uint64_t seed));
/* Prints seed, invariant and trace, and ends the program with EXIT_VIOLATION. */
__attribute__((format(printf, 2, 3), noreturn)) void sim_violation(const char *invariant, const char *format, ...);
/* Not the product's fault: the simulator does not understand something. Ends the program. */
__attribute__((format(printf, 1, 2), noreturn)) void sim_unable(const char *format, ...);

enum { EXIT_VIOLATION = 3, EXIT_UNABLE = 4 };

#define SIM_TRACE(...)              \
    do {                            \
        if (sim_tracing)            \
            sim_trace(__VA_ARGS__); \
    } while (0)

#endif
