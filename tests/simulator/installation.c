#include "simulator/installation.h"

#include "simulator/fake_disk.h"
#include "simulator/nemesis.h"
#include "simulator/program.h"
#include "simulator/sim.h"
#include "simulator/sql.h"

enum { RESTART_US_MAX = 3000000, LATE_US_MAX = 15000000 };

/* A place where a process runs; it outlives the processes. */
struct place {
    struct process *process; /* NULL: between two lives */
    bool retired;            /* not started again */
};

static struct config config;
static struct place servers[INSTALLATION_SERVERS_MAX], workers[INSTALLATION_WORKERS_MAX];
static unsigned n_servers, n_workers;

static void start_server(void *data);
static void start_worker(void *data);

const struct config *installation_config(void)
{
    return &config;
}

static void draw_config(void)
{
    static const unsigned batches[] = {1, 2, 5, 100}, idles_ms[] = {5000, 20000};
    config = (struct config){
        .site = {.base_url = "https://cantine.example.org", .mode = CONFIG_DEMONSTRATION},
        .redis = {.events = {.socket = "redis"}, .timeout_ms = 1000, .wait_replicas = nemesis.wait_replicas},
        .journal = {.directory = "journal", .size_max_mib = nemesis.journal_is_full ? 0 : 64},
        .mail = {.from_address = "site@example.org", .from_name = "Cantine", .message_id_domain = "example.org"},
        .worker = {.poll_ms = 4000, .mail_poll_ms = 3000, .lease_s = 30},
    };
    config.site.operator_email = sim_one_in(3) ? NULL : "operator@example.org";
    config.journal.segment_size_kib = 2;
    config.mail.timeout_ms = 2000;
    config.mail.attempts_max = 25;
    config.worker.batch_max = batches[sim_below(4)];
    config.worker.claim_idle_ms = idles_ms[sim_below(2)];
    config.journal.resend_after_s = 3 * config.worker.claim_idle_ms / 1000; /* as the defaults are to each other */
}

/* ---- the supervisor ---- */

static struct place *find_place(const struct process *process)
{
    for (unsigned i = 0; i < n_servers; i++) {
        if (servers[i].process == process)
            return &servers[i];
    }
    for (unsigned i = 0; i < n_workers; i++) {
        if (workers[i].process == process)
            return &workers[i];
    }
    return NULL;
}

static void ended(struct process *process)
{
    struct place *place = find_place(process);
    bool is_server = place >= servers && place < servers + INSTALLATION_SERVERS_MAX;
    sql_disconnect_all_of(process);
    fake_disk_unlock(process);
    place->process = NULL;
    if (!place->retired)
        sim_at(NULL, sim_between(1, RESTART_US_MAX), is_server ? start_server : start_worker, place);
}

static struct process *begin_process(struct place *place, const char *name)
{
    struct process *process = process_new(name);
    process->ended = ended;
    place->process = process;
    SIM_TRACE("%s starts", process->name);
    return process;
}

static void start_server(void *data)
{
    struct process *process = begin_process(data, "server");
    sim_at(process, 0, program_open_server, process);
}

static void start_worker(void *data)
{
    struct process *process = begin_process(data, "worker");
    sim_at(process, 0, program_open_worker, process);
}

/* ---- what happens to them ---- */

static struct process *pick(const struct place *places, unsigned n)
{
    unsigned first = n ? sim_below(n) : 0;
    for (unsigned i = 0; i < n; i++) {
        if (places[(first + i) % n].process)
            return places[(first + i) % n].process;
    }
    return NULL;
}

struct process *installation_pick_server(void)
{
    return pick(servers, n_servers);
}

struct process *installation_pick_any(void)
{
    return sim_one_in(2) ? pick(servers, n_servers) : pick(workers, n_workers);
}

void installation_drain_worker(void)
{
    struct process *process = pick(workers, n_workers);
    if (!process || !process->program)
        return;
    SIM_TRACE("%s is to end", process->name);
    find_place(process)->retired = sim_one_in(2);
    sim_at(process, 0, program_drain_worker, process);
}

void installation_add_worker(void)
{
    if (n_workers == INSTALLATION_WORKERS_MAX)
        return;
    workers[n_workers] = (struct place){0};
    start_worker(&workers[n_workers++]);
}

static void come_back(struct place *places, unsigned n, void (*start)(void *data))
{
    bool any = false;
    for (unsigned i = 0; i < n; i++) {
        any = any || !places[i].retired;
        if (places[i].process)
            process_resume(places[i].process);
    }
    if (any)
        return;
    places[0].retired = false;
    if (!places[0].process)
        start(&places[0]);
}

void installation_heal(void)
{
    come_back(servers, n_servers, start_server);
    come_back(workers, n_workers, start_worker);
}

void installation_begin(void)
{
    bool late = sim_one_in(4);
    draw_config();
    n_servers = 1 + sim_below(INSTALLATION_SERVERS_MAX - 1);
    n_workers = 1 + sim_below(INSTALLATION_WORKERS_MAX - 1);
    for (unsigned i = 0; i < n_servers; i++) {
        servers[i] = (struct place){0};
        start_server(&servers[i]);
    }
    for (unsigned i = 0; i < n_workers; i++) {
        workers[i] = (struct place){0};
        /* Late workers find a queue. */
        sim_at(NULL, late ? sim_between(0, LATE_US_MAX) : 0, start_worker, &workers[i]);
    }
}

/* ---- for the checker ---- */

bool installation_journals_are_empty(void)
{
    for (unsigned i = 0; i < n_servers; i++) {
        const struct process *process = servers[i].process;
        if (process && process->program && program_count_journal(process) > 0)
            return false;
    }
    return fake_disk_count_abandoned() == 0;
}

bool installation_is_alone(void)
{
    return n_workers == 1 && process_count_dead() == 0;
}

bool installation_has_split(void)
{
    for (unsigned i = 0; i < n_workers; i++) {
        if (workers[i].process && program_count_splits(workers[i].process) > 0)
            return true;
    }
    return false;
}

bool installation_has_worker(struct str consumer_name)
{
    for (unsigned i = 0; i < n_workers; i++) {
        if (workers[i].process && str_eq_text(consumer_name, workers[i].process->name))
            return true;
    }
    return false;
}
