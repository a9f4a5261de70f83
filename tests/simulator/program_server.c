/* dp-server: a loop, so its code runs as tasks. */
#include "common/heap.h"
#include "server/app.h"
#include "simulator/installation.h"
#include "simulator/program.h"
#include "simulator/sim.h"

/* Enough for any schedule: what is over the limit is turned away like what nothing can keep. */
enum { UNVERIFIED_PER_SECOND = 100, UNVERIFIED_BURST = 1000 };

void program_open_server(void *data)
{
    struct process *process = data;
    struct app *app = HEAP_NEW(struct app);
    app->loop = HEAP_NEW(uv_loop_t);
    app->instance = process->number;
    app->config = installation_config();
    app->events = event_queue_new(app->loop, app->config);
    app->seen = seen_calls_new();
    app->unverified_rates = rate_limit_new(UNVERIFIED_PER_SECOND, UNVERIFIED_BURST);
    app->contracts = contracts_new(app->loop, app->config, NULL, NULL);
    if (journal_open(app->loop, app->config, &app->journal) != 0)
        sim_unable("a journal cannot be opened");
    app->keeper = journal_keeper_new(app);
    process->program = app;
}

uint64_t program_count_journal(const struct process *process)
{
    const struct app *app = process->program;
    return journal_stats(app->journal).live_records;
}

bool program_can_check_seals(const struct process *process)
{
    const struct app *app = process->program;
    return contracts_are_loaded(app->contracts);
}
