/* nemesis: everything that goes wrong, by chance: at a step of a process (a fate) or at a moment of the schedule. What
 * the product does not promise to survive is left out: a journal that cannot be written and a Redis that forgets, both
 * in one schedule. */
#ifndef DP_SIMULATOR_NEMESIS_H
#define DP_SIMULATOR_NEMESIS_H

#include <stdbool.h>
#include <stdint.h>

enum store { STORE_DATABASE, STORE_REDIS, STORE_DISK, STORE_SMTP, STORE_COUNT };

/* What becomes of one step of a process at a store. */
enum fate {
    FATE_GOOD,
    FATE_REFUSED, /* the store says no: nothing done */
    FATE_LOST,    /* the connection breaks before: nothing done, and nobody can know */
    FATE_UNKNOWN, /* done, and the connection breaks before the answer */
    FATE_SLOW,    /* done, but the answer takes seconds */
    FATE_CRASH,   /* the process dies before the step … */
    FATE_CRASH_AFTER,
    FATE_PAUSE, /* the process stands still before the step, for up to a minute */
    FATE_COUNT,
};

/* The rules of this schedule. */
struct nemesis {
    unsigned fate_one_in; /* of the steps have a fate; 0: none */
    unsigned n_blows;     /* at moments */
    bool calm;            /* neither */
    bool journal_may_fail;
    bool journal_is_full;   /* from the beginning */
    bool redis_may_forget;  /* come back empty */
    bool redis_may_go_back; /* … or without its last writes: of a replica, or of a lazy disk */
    bool redis_is_durable;  /* appendfsync always */
    unsigned wait_replicas;
    unsigned copy_one_in; /* commands bring the replica, or the disk, up to date; 0: only WAIT does */
    bool cluster;         /* of databases */
    bool healed;
};
extern struct nemesis nemesis;

/* Draws the rules and the blows of a schedule that is to be healed after `until_us`. */
void nemesis_begin(int64_t until_us);
/* Everything works from now on. */
void nemesis_heal(void);

bool nemesis_is_up(enum store store);
/* Changes when the store's connections were cut. */
unsigned nemesis_epoch(enum store store);
enum fate nemesis_draw(enum store store);
/* How long the disk will hang yet. */
int64_t nemesis_disk_hangs_us(void);
/* What the two fates do to the process that runs; the fiber goes on, if at all, when the pause is over. */
void nemesis_crash(void);
void nemesis_pause(void);

#endif
