/* Fibers on ucontext. glibc's swapcontext() makes a system call each time, so a fiber that has begun is left and
 * entered by _setjmp() and _longjmp(), which do not; the address sanitizer follows only swapcontext(), so it gets that.
 */
#include "simulator/fiber.h"

#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "simulator/sim.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

enum { FIBERS_MAX = 4 * SIM_PROCESSES_MAX, STACK_SIZE = 512 * 1024 };

struct fiber {
    ucontext_t context;
    jmp_buf left_at;
    char *stack; /* kept from schedule to schedule */
    struct process *process;
    void (*run)(void *arg);
    void *arg;
    const void *waiting_for; /* NULL: only sleeps */
    struct sim_task *wake_up;
    bool begun, used;
};

static struct fiber fibers[FIBERS_MAX];
static unsigned n_fibers; /* ever used in this schedule */
static struct fiber *current;
static ucontext_t scheduler_context;

#ifdef __SANITIZE_ADDRESS__

static const void *scheduler_stack;
static size_t scheduler_stack_size;

static void leave(void)
{
    void *fake = NULL;
    __sanitizer_start_switch_fiber(current->used ? &fake : NULL, scheduler_stack, scheduler_stack_size);
    swapcontext(&current->context, &scheduler_context);
    __sanitizer_finish_switch_fiber(fake, &scheduler_stack, &scheduler_stack_size);
}

static void enter(struct fiber *fiber)
{
    void *fake = NULL;
    fiber->begun = true;
    __sanitizer_start_switch_fiber(&fake, fiber->stack, STACK_SIZE);
    swapcontext(&scheduler_context, &fiber->context);
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
}

static void begun(void)
{
    __sanitizer_finish_switch_fiber(NULL, &scheduler_stack, &scheduler_stack_size);
}

static void clean_stack(struct fiber *fiber)
{
    __asan_unpoison_memory_region(fiber->stack, STACK_SIZE);
}

#else

static jmp_buf scheduler_at;

static void leave(void)
{
    if (_setjmp(current->left_at) == 0)
        _longjmp(scheduler_at, 1);
}

static void enter(struct fiber *fiber)
{
    if (_setjmp(scheduler_at))
        return;
    if (fiber->begun)
        _longjmp(fiber->left_at, 1);
    fiber->begun = true;
    setcontext(&fiber->context);
}

static void begun(void)
{
}

static void clean_stack(struct fiber *fiber)
{
    (void)fiber;
}

#endif

static void trampoline(void)
{
    begun();
    current->run(current->arg);
    current->used = false;
    leave();
    abort();
}

static void go_on(void *data)
{
    struct fiber *fiber = data;
    fiber->wake_up = NULL;
    fiber->waiting_for = NULL;
    current = fiber;
    enter(fiber);
    current = NULL;
}

static struct fiber *find_spare(void)
{
    for (unsigned i = 0; i < n_fibers; i++) {
        if (!fibers[i].used)
            return &fibers[i];
    }
    if (n_fibers == FIBERS_MAX)
        sim_unable("more than %d fibers", FIBERS_MAX);
    return &fibers[n_fibers++];
}

void fiber_start(struct process *process, void (*run)(void *arg), void *arg)
{
    struct fiber *fiber = find_spare();
    char *stack = fiber->stack;
    if (!stack)
        stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        sim_unable("no memory for a fiber");
    *fiber = (struct fiber){.stack = stack, .process = process, .run = run, .arg = arg, .used = true};
    clean_stack(fiber);
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = stack;
    fiber->context.uc_stack.ss_size = STACK_SIZE;
    fiber->context.uc_link = &scheduler_context;
    makecontext(&fiber->context, trampoline, 0);
    fiber->wake_up = sim_at(process, 0, go_on, fiber);
}

bool fiber_is_running(void)
{
    return current != NULL;
}

static void give_way(int64_t us, const void *tag)
{
    if (!current)
        return;
    current->waiting_for = tag;
    current->wake_up = sim_at(current->process, us, go_on, current);
    leave();
}

void fiber_sleep(int64_t us)
{
    give_way(us, NULL);
}

void fiber_wait(const void *tag, int64_t timeout_us)
{
    give_way(timeout_us, tag);
}

void fiber_wake(const void *tag)
{
    for (unsigned i = 0; i < n_fibers; i++) {
        struct fiber *fiber = &fibers[i];
        if (!fiber->used || fiber->waiting_for != tag)
            continue;
        fiber->waiting_for = NULL;
        sim_cancel(fiber->wake_up);
        fiber->wake_up = sim_at(fiber->process, 0, go_on, fiber);
    }
}

void fiber_drop(struct process *process)
{
    for (unsigned i = 0; i < n_fibers; i++) {
        if (fibers[i].used && fibers[i].process == process) {
            fibers[i].used = false;
            if (fibers[i].wake_up)
                sim_cancel(fibers[i].wake_up);
            fibers[i].wake_up = NULL;
        }
    }
    if (current && current->process == process)
        leave();
}

void fiber_reset(void)
{
    for (unsigned i = 0; i < n_fibers; i++)
        fibers[i].used = false;
    n_fibers = 0;
    current = NULL;
}
