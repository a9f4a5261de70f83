#include "simulator/nemesis.h"

#include "simulator/bank.h"
#include "simulator/installation.h"
#include "simulator/redis_server.h"
#include "simulator/sim.h"

enum { BLOWS_MAX = 8, OUTAGE_US_MAX = 8000000, PAUSE_US_MAX = 60000000, CLOCK_JUMP_S = 3600 };

struct nemesis nemesis;

static struct {
    bool down;
    unsigned epoch;
} stores[STORE_COUNT];

static int64_t disk_hangs_until_us;

bool nemesis_is_up(enum store store)
{
    return !stores[store].down;
}

unsigned nemesis_epoch(enum store store)
{
    return stores[store].epoch;
}

enum fate nemesis_draw(enum store store)
{
    if (nemesis.healed || !sim_one_in(nemesis.fate_one_in))
        return FATE_GOOD;
    enum fate fate = 1 + sim_below(FATE_COUNT - 1);
    bool harms_the_disk = fate == FATE_REFUSED || fate == FATE_LOST || fate == FATE_UNKNOWN || fate == FATE_SLOW;
    if (store == STORE_DISK && harms_the_disk && !nemesis.journal_may_fail)
        return FATE_GOOD;
    /* What happens to a server's stores is no excuse for it: it has to answer in time all the same. */
    if (fiber_is_running() && (store != STORE_DISK || fate == FATE_PAUSE))
        sim_self->n_faults++;
    return fate;
}

void nemesis_crash(void)
{
    process_kill(sim_self);
}

void nemesis_pause(void)
{
    process_pause(sim_self, sim_between(0, PAUSE_US_MAX));
    fiber_sleep(1);
}

int64_t nemesis_disk_hangs_us(void)
{
    return disk_hangs_until_us > sim_now_us() ? disk_hangs_until_us - sim_now_us() : 0;
}

/* ---- blows ---- */

static void set_up(void *data)
{
    enum store store = (enum store)(uintptr_t)data;
    SIM_TRACE("store %d is back", store);
    stores[store].down = false;
}

static void cut(enum store store)
{
    SIM_TRACE("store %d: all connections are cut", store);
    stores[store].epoch++;
}

static void take_down(enum store store)
{
    cut(store);
    if (stores[store].down)
        return;
    stores[store].down = true;
    sim_at(NULL, sim_between(1, OUTAGE_US_MAX), set_up, (void *)(uintptr_t)store);
}

static void blow_kill(void)
{
    struct process *process = installation_pick_any();
    if (process)
        process_kill(process);
}

static void blow_pause(void)
{
    struct process *process = installation_pick_any();
    if (!process)
        return;
    process->n_faults++;
    process_pause(process, sim_between(0, PAUSE_US_MAX));
}

static void blow_database_down(void)
{
    take_down(STORE_DATABASE);
}

static void blow_database_cut(void)
{
    cut(STORE_DATABASE);
}

static void blow_redis_down(void)
{
    take_down(STORE_REDIS);
}

static void blow_redis_lost(void)
{
    take_down(STORE_REDIS);
    if (nemesis.redis_may_forget && (!nemesis.redis_may_go_back || sim_one_in(2)))
        redis_server_empty();
    else if (nemesis.redis_may_go_back)
        redis_server_fail_over();
}

static void blow_redis_cut(void)
{
    cut(STORE_REDIS);
}

static void blow_group(void)
{
    redis_server_destroy_group();
}

static void blow_smtp_down(void)
{
    take_down(STORE_SMTP);
}

static void blow_disk_full(void)
{
    if (nemesis.journal_may_fail)
        take_down(STORE_DISK);
}

static void blow_disk_hangs(void)
{
    SIM_TRACE("the disk hangs");
    if (nemesis.journal_may_fail)
        disk_hangs_until_us = sim_now_us() + sim_between(0, OUTAGE_US_MAX);
}

static void blow_clock(void)
{
    struct process *process = installation_pick_any();
    if (!process)
        return;
    process->clock_offset_us = sim_between(-CLOCK_JUMP_S, CLOCK_JUMP_S) * US_PER_S;
    SIM_TRACE("%s: the clock jumps by %lld s", process->name, (long long)process->clock_offset_us / US_PER_S);
}

static void blow_forgery(void)
{
    bank_forge();
}

/* Those that find most stand there more than once. */
static void (*const blows[])(void) = {
    blow_kill,
    blow_kill,
    blow_kill,
    blow_pause,
    blow_pause,
    blow_database_down,
    blow_database_cut,
    blow_redis_down,
    blow_redis_lost,
    blow_redis_lost,
    blow_redis_cut,
    blow_group,
    blow_smtp_down,
    blow_disk_full,
    blow_disk_hangs,
    blow_clock,
    blow_forgery,
    installation_drain_worker,
    installation_add_worker,
};

static void strike(void *data)
{
    (void)data;
    if (!nemesis.healed)
        blows[sim_below(sizeof blows / sizeof blows[0])]();
}

/* A schedule is calm, or has fates, or blows, or both. */
static void draw_rules(void)
{
    static const unsigned rates[] = {0, 400, 100, 30};
    nemesis = (struct nemesis){.redis_is_durable = !sim_one_in(3)};
    if (!sim_one_in(8)) {
        nemesis.fate_one_in = rates[sim_below(4)];
        nemesis.n_blows = sim_below(BLOWS_MAX);
    }
    nemesis.calm = nemesis.fate_one_in == 0 && nemesis.n_blows == 0;
    nemesis.cluster = sim_one_in(4);
    nemesis.wait_replicas = sim_one_in(2);
    nemesis.copy_one_in = sim_one_in(2) ? 0 : 10;
    nemesis.journal_may_fail = sim_one_in(3);
    nemesis.journal_is_full = nemesis.journal_may_fail && sim_one_in(2);
    nemesis.redis_may_forget = !nemesis.journal_may_fail && sim_one_in(2);
    /* Without its last writes Redis comes back when its disk is lazy, or when a replica takes over; a call that stands
     * nowhere else survives that only if the disk is not lazy and a replica was waited for. */
    nemesis.redis_may_go_back =
        nemesis.journal_may_fail ? nemesis.redis_is_durable ? nemesis.wait_replicas > 0 : true : sim_one_in(2);
}

void nemesis_begin(int64_t until_us)
{
    for (unsigned i = 0; i < STORE_COUNT; i++) {
        stores[i].down = false;
        stores[i].epoch = 1;
    }
    disk_hangs_until_us = 0;
    draw_rules();
    for (unsigned i = 0; i < nemesis.n_blows; i++)
        sim_at(NULL, sim_between(0, until_us), strike, NULL);
}

void nemesis_heal(void)
{
    SIM_TRACE("--- all is healed ---");
    nemesis.healed = true;
    disk_hangs_until_us = 0;
    for (unsigned i = 0; i < STORE_COUNT; i++)
        stores[i].down = false;
    installation_heal();
}
