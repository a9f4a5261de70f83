#include "worker/drain.h"

#include <errno.h>
#include <stdint.h>
#include <time.h>

#include "common/rand.h"

enum { BACKOFF_FIRST_MS = 50, BACKOFF_MAX_MS = 2000, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

void drain_init(struct drain *drain)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&drain->mutex, NULL);
    pthread_cond_init(&drain->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    drain->begun = false;
}

void drain_done(struct drain *drain)
{
    pthread_cond_destroy(&drain->changed);
    pthread_mutex_destroy(&drain->mutex);
}

void drain_begin(struct drain *drain)
{
    pthread_mutex_lock(&drain->mutex);
    drain->begun = true;
    pthread_cond_broadcast(&drain->changed);
    pthread_mutex_unlock(&drain->mutex);
}

bool drain_begun(struct drain *drain)
{
    pthread_mutex_lock(&drain->mutex);
    bool begun = drain->begun;
    pthread_mutex_unlock(&drain->mutex);
    return begun;
}

bool drain_wait(struct drain *drain, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (int64_t)ms * NS_PER_MS;
    until.tv_sec += ns / NS_PER_S;
    until.tv_nsec = ns % NS_PER_S;
    pthread_mutex_lock(&drain->mutex);
    while (!drain->begun) {
        if (pthread_cond_timedwait(&drain->changed, &drain->mutex, &until) == ETIMEDOUT)
            break;
    }
    bool begun = drain->begun;
    pthread_mutex_unlock(&drain->mutex);
    return begun;
}

unsigned backoff_next_ms(struct backoff *backoff)
{
    uint32_t random;
    rand_bytes(&random, sizeof random);
    backoff->wait_ms = backoff->wait_ms ? backoff->wait_ms * 2 : BACKOFF_FIRST_MS;
    if (backoff->wait_ms > BACKOFF_MAX_MS)
        backoff->wait_ms = BACKOFF_MAX_MS;
    return backoff->wait_ms + random % (backoff->wait_ms / 4 + 1);
}
