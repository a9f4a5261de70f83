/* dp-worker: three threads, so three fibers. */
#include "common/heap.h"
#include "simulator/installation.h"
#include "simulator/program.h"
#include "simulator/sim.h"
#include "worker/consumer.h"
#include "worker/janitor.h"
#include "worker/mailer.h"

struct worker {
    struct drain drain;
    struct metrics metrics;
    struct consumer_settings consumer;
    struct mailer_settings mailer;
    unsigned n_running;
};

/* The process ends with its last thread. */
static void leave(struct worker *worker)
{
    if (--worker->n_running == 0)
        process_kill(sim_self);
}

static void run_consumer(void *data)
{
    struct worker *worker = data;
    consumer_run(&worker->consumer);
    leave(worker);
}

static void run_mailer(void *data)
{
    struct worker *worker = data;
    mailer_run(&worker->mailer);
    leave(worker);
}

/* The steps of the janitor that touch payments and the stream. */
static void run_janitor(void *data)
{
    struct worker *worker = data;
    struct db *db = db_new(worker->consumer.config);
    struct stream *stream = stream_new(worker->consumer.config, sim_self->name);
    unsigned turn = 0;
    do {
        size_t count;
        (void)janitor_expire(db, &count);
        if (turn++ % JANITOR_STREAM_EVERY == 0)
            (void)janitor_tend_stream(stream, &worker->metrics);
    } while (!drain_wait(&worker->drain, JANITOR_INTERVAL_MS));
    stream_free(stream);
    db_free(db);
    leave(worker);
}

void program_open_worker(void *data)
{
    static void (*const threads[])(void *data) = {run_consumer, run_mailer, run_janitor};
    const struct config *config = installation_config();
    struct process *process = data;
    struct worker *worker = HEAP_NEW(struct worker);
    process->program = worker;
    worker->consumer = (struct consumer_settings){config, NULL, &worker->drain, &worker->metrics, process->name};
    worker->mailer = (struct mailer_settings){config, &worker->drain, &worker->metrics, NULL};
    worker->n_running = sizeof threads / sizeof threads[0];
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++)
        fiber_start(process, threads[i], worker);
}

void program_drain_worker(void *data)
{
    struct worker *worker = ((struct process *)data)->program;
    drain_begin(&worker->drain);
}

int64_t program_count_splits(const struct process *process)
{
    const struct worker *worker = process->program;
    return worker ? metrics_get(&worker->metrics, METRIC_BATCHES_SPLIT) : 0;
}
