#include "simulator/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "simulator/fiber.h"
#include "simulator/memory.h"

enum { TASKS_MAX = 4096, RUN_MAX = 2000000, TRACE_LINES = 400, TRACE_LINE_SIZE = 200 };

struct sim_task {
    int64_t at_us;
    uint64_t order; /* of tasks due at the same moment: by chance */
    struct process *owner;
    sim_task_fn run; /* NULL: cancelled */
    void *data;
    struct sim_task *next; /* held with it, while its process stands still */
};

struct process *sim_self;
bool sim_tracing;

static uint64_t seed_now, state;
static int64_t now_us;
static struct sim_task tasks[TASKS_MAX];
static struct sim_task *heap[TASKS_MAX]; /* the soonest first */
static struct sim_task *spare[TASKS_MAX];
static unsigned n_heap, n_spare, n_used;
static uint64_t n_resumed, n_run;
static struct process processes[SIM_PROCESSES_MAX];
static unsigned n_processes;
static char trace_lines[TRACE_LINES][TRACE_LINE_SIZE];
static unsigned n_traced;

/* --- chance --- */

/* splitmix64 (Steele, Lea, Flood 2014): every seed, also 0 and neighbours, gives an unrelated sequence. */
uint64_t sim_random(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void sim_seed(uint64_t seed)
{
    seed_now = seed;
    state = seed;
}

unsigned sim_below(unsigned n)
{
    return (unsigned)(((sim_random() >> 32) * n) >> 32);
}

bool sim_one_in(unsigned n)
{
    return n && sim_below(n) == 0;
}

int64_t sim_between(int64_t from, int64_t to)
{
    return from + (int64_t)(sim_random() % (uint64_t)(to - from + 1));
}

/* --- tasks --- */

int64_t sim_now_us(void)
{
    return now_us;
}

static bool is_before(const struct sim_task *a, const struct sim_task *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void heap_push(struct sim_task *task)
{
    unsigned at = n_heap++;
    for (; at > 0 && is_before(task, heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = task;
}

static struct sim_task *heap_pop(void)
{
    struct sim_task *first = heap[0], *last = heap[--n_heap];
    unsigned at = 0, child;
    while ((child = 2 * at + 1) < n_heap) {
        if (child + 1 < n_heap && is_before(heap[child + 1], heap[child]))
            child++;
        if (!is_before(heap[child], last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

struct sim_task *sim_at(struct process *owner, int64_t delay_us, sim_task_fn run, void *data)
{
    struct sim_task *task = n_spare ? spare[--n_spare] : &tasks[n_used++];
    if (n_used == TASKS_MAX)
        sim_unable("more than %d things to do", TASKS_MAX);
    *task = (struct sim_task){now_us + delay_us, sim_random(), owner, run, data, NULL};
    heap_push(task);
    return task;
}

void sim_cancel(struct sim_task *task)
{
    task->run = NULL;
}

/* What comes due while a process stands still waits behind what came before. */
static void hold(struct sim_task *task)
{
    struct sim_task **link = &task->owner->held;
    while (*link)
        link = &(*link)->next;
    *link = task;
}

static void run_task(struct sim_task *task)
{
    struct sim_task copy = *task;
    if (task->run && task->owner && task->owner->alive && task->owner->is_paused) {
        hold(task);
        return;
    }
    spare[n_spare++] = task;
    if (!copy.run || (copy.owner && !copy.owner->alive))
        return;
    sim_self = copy.owner;
    copy.run(copy.data);
    sim_self = NULL;
}

void sim_run(int64_t until_us, bool (*stop)(void))
{
    while (n_heap && heap[0]->at_us <= until_us && !(stop && stop())) {
        struct sim_task *task = heap_pop();
        if (++n_run > RUN_MAX)
            sim_violation("LIVE", "something runs round and round");
        now_us = task->at_us;
        run_task(task);
    }
    if (n_heap && heap[0]->at_us > until_us)
        now_us = until_us;
}

void sim_reset(void)
{
    sim_self = NULL;
    for (unsigned i = 0; i < n_processes; i++)
        memory_free_all(&processes[i]);
    fiber_reset();
    world_reset();
    n_heap = n_spare = n_used = n_processes = n_traced = 0;
    n_resumed = n_run = 0;
    now_us = 0;
}

/* --- processes --- */

struct process *process_new(const char *name)
{
    if (n_processes == SIM_PROCESSES_MAX)
        sim_violation("LIVE", "programs die again and again: %d were started", SIM_PROCESSES_MAX);
    struct process *process = &processes[n_processes];
    *process = (struct process){.number = ++n_processes, .alive = true};
    snprintf(process->name, sizeof process->name, "%s.%u", name, process->number);
    return process;
}

unsigned process_count_dead(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < n_processes; i++)
        n += !processes[i].alive;
    return n;
}

void process_kill(struct process *process)
{
    if (!process->alive)
        return;
    SIM_TRACE("%s dies", process->name);
    process->alive = false;
    if (process->ended)
        process->ended(process);
    memory_free_all(process);
    fiber_drop(process);
}

static void go_on(void *data)
{
    process_resume(data);
}

void process_pause(struct process *process, int64_t us)
{
    SIM_TRACE("%s stands still for %lld ms", process->name, (long long)us / US_PER_MS);
    process->is_paused = true;
    sim_at(NULL, us, go_on, process);
}

void process_resume(struct process *process)
{
    process->is_paused = false;
    while (process->held) {
        struct sim_task *task = process->held;
        process->held = task->next;
        task->next = NULL;
        task->at_us = now_us;
        task->order = n_resumed++; /* lower than any by chance: in the order in which they came due */
        heap_push(task);
    }
}

/* --- findings --- */

void sim_trace(const char *format, ...)
{
    va_list args;
    char *line = trace_lines[n_traced++ % TRACE_LINES];
    int len = snprintf(line, TRACE_LINE_SIZE, "%10.3f ms  ", (double)now_us / US_PER_MS);
    va_start(args, format);
    vsnprintf(line + len, TRACE_LINE_SIZE - (size_t)len, format, args);
    va_end(args);
}

void sim_print_trace(void)
{
    unsigned first = n_traced > TRACE_LINES ? n_traced - TRACE_LINES : 0;
    if (first)
        fprintf(stderr, "  … %u lines before\n", first);
    for (unsigned i = first; i < n_traced; i++)
        fprintf(stderr, "  %s\n", trace_lines[i % TRACE_LINES]);
}

static void (*explain)(uint64_t seed);

void sim_on_violation(void (*run_with_trace)(uint64_t seed))
{
    explain = run_with_trace;
}

void sim_violation(const char *invariant, const char *format, ...)
{
    va_list args;
    if (explain)
        explain(seed_now);
    sim_print_trace();
    fprintf(stderr, "violated %s, seed %llu: ", invariant, (unsigned long long)seed_now);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    _exit(EXIT_VIOLATION);
}

void sim_unable(const char *format, ...)
{
    va_list args;
    fprintf(stderr, "simulator, seed %llu: ", (unsigned long long)seed_now);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    _exit(EXIT_UNABLE);
}
