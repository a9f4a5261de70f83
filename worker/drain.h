/* drain: the wish to stop, shared by the worker's threads. Every sleep of a thread is a drain_wait(), so that SIGTERM
 * cuts it short. */
#ifndef DP_WORKER_DRAIN_H
#define DP_WORKER_DRAIN_H

#include <pthread.h>
#include <stdbool.h>

struct drain {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool begun;
};

void drain_init(struct drain *drain);
void drain_done(struct drain *drain);
/* From here on no thread starts new work. */
void drain_begin(struct drain *drain);
bool drain_begun(struct drain *drain);
/* Sleeps at most `ms`; true as soon as the drain has begun. */
bool drain_wait(struct drain *drain, unsigned ms);

/* Waiting times between attempts: 50 ms doubled up to 2 s, each with up to a quarter of it added at random so that
 * workers do not come back in step (reliability.md §2.1). */
struct backoff {
    unsigned wait_ms; /* 0: not failed yet */
};
unsigned backoff_next_ms(struct backoff *backoff);

#endif
