#include "server/hash_pool.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/err.h"
#include "common/heap.h"
#include "common/log.h"
#include "common/password.h"

enum { THREADS_MAX = 64, NICENESS = 10 };

/* Owned by the loop, then by the pool until it is in `finished`, then by the loop again. */
struct hash_job {
    STAILQ_ENTRY(hash_job) link;
    hash_pool_verify_cb verified; /* one of the two */
    hash_pool_hash_cb hashed;
    void *data;
    int err;
    char hash[PASSWORD_HASH_SIZE]; /* in for verify, out for hash */
    size_t password_len;
    char password[]; /* wiped after use */
};
STAILQ_HEAD(hash_jobs, hash_job);

struct hash_pool {
    uv_async_t wake;
    unsigned n_threads;
    uv_thread_t threads[THREADS_MAX];
    uv_mutex_t lock;
    uv_cond_t pushed;
    /* Under the lock. */
    struct hash_jobs waiting, finished;
    unsigned n_waiting, n_running; /* running: taken by a thread and not finished */
    bool stopping;
    /* The loop's. */
    unsigned n_waiting_max;
    bool closing;
    void (*closed)(void *data);
    void *closed_data;
};

static void free_job(struct hash_job *job)
{
    sodium_memzero(job, sizeof *job + job->password_len);
    free(job);
}

/* --- the threads --- */

static void run_job(struct hash_job *job)
{
    struct str password = {job->password, job->password_len};

    if (job->verified)
        job->err = password_verify(job->hash, password);
    else
        job->err = password_hash(password, job->hash);
    sodium_memzero(job->password, job->password_len);
}

/* NULL when the pool stops. */
static struct hash_job *take_job(struct hash_pool *pool)
{
    struct hash_job *job;

    uv_mutex_lock(&pool->lock);
    while (STAILQ_EMPTY(&pool->waiting) && !pool->stopping)
        uv_cond_wait(&pool->pushed, &pool->lock);
    job = STAILQ_FIRST(&pool->waiting);
    if (job) {
        STAILQ_REMOVE_HEAD(&pool->waiting, link);
        pool->n_waiting--;
        pool->n_running++;
    }
    uv_mutex_unlock(&pool->lock);
    return job;
}

static void finish_job(struct hash_pool *pool, struct hash_job *job)
{
    uv_mutex_lock(&pool->lock);
    STAILQ_INSERT_TAIL(&pool->finished, job, link);
    pool->n_running--;
    uv_mutex_unlock(&pool->lock);
    uv_async_send(&pool->wake);
}

/* On Linux a thread has a priority of its own. Where that is forbidden everything works, only less well under load. */
static void give_way_to_others(void)
{
    if (setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS) != 0)
        log_warn("hash_priority_not_lowered", LOG_STR("error", strerror(errno)));
}

static void run_thread(void *arg)
{
    struct hash_pool *pool = arg;
    struct hash_job *job;

    give_way_to_others();
    while ((job = take_job(pool)) != NULL) {
        run_job(job);
        finish_job(pool, job);
    }
}

/* --- the loop --- */

static void tell_caller(struct hash_job *job)
{
    if (job->verified)
        job->verified(job->data, job->err);
    else
        job->hashed(job->data, job->err, job->err == 0 ? job->hash : NULL);
    free_job(job);
}

/* True when the threads have nothing left to do. */
static bool tell_callers(struct hash_pool *pool)
{
    struct hash_jobs finished = STAILQ_HEAD_INITIALIZER(finished);
    struct hash_job *job;
    bool idle;

    uv_mutex_lock(&pool->lock);
    STAILQ_CONCAT(&finished, &pool->finished);
    idle = pool->n_waiting == 0 && pool->n_running == 0;
    uv_mutex_unlock(&pool->lock);
    while ((job = STAILQ_FIRST(&finished)) != NULL) {
        STAILQ_REMOVE_HEAD(&finished, link);
        tell_caller(job);
    }
    return idle;
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct hash_pool *pool = handle->data;

    /* What was asked for since the threads ended was refused, but not told yet. */
    while (!STAILQ_EMPTY(&pool->finished))
        tell_callers(pool);
    uv_cond_destroy(&pool->pushed);
    uv_mutex_destroy(&pool->lock);
    if (pool->closed)
        pool->closed(pool->closed_data);
    free(pool);
}

static void stop_threads(struct hash_pool *pool)
{
    uv_mutex_lock(&pool->lock);
    pool->stopping = true;
    uv_cond_broadcast(&pool->pushed);
    uv_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->n_threads; i++)
        uv_thread_join(&pool->threads[i]);
}

static void on_wake(uv_async_t *wake)
{
    struct hash_pool *pool = wake->data;
    bool idle = tell_callers(pool);

    if (!pool->closing || !idle || uv_is_closing((uv_handle_t *)wake))
        return;
    stop_threads(pool);
    uv_close((uv_handle_t *)wake, on_wake_closed);
}

static unsigned count_threads(void)
{
    unsigned processors = uv_available_parallelism();

    if (processors <= 2)
        return 1;
    return processors - 1 < THREADS_MAX ? processors - 1 : THREADS_MAX;
}

struct hash_pool *hash_pool_new(uv_loop_t *loop, const struct config *config)
{
    struct hash_pool *pool = HEAP_NEW(struct hash_pool);

    if (uv_mutex_init(&pool->lock) != 0 || uv_cond_init(&pool->pushed) != 0)
        log_fatal("out_of_memory");
    STAILQ_INIT(&pool->waiting);
    STAILQ_INIT(&pool->finished);
    pool->n_waiting_max = config->security.hash_queue_max;
    if (uv_async_init(loop, &pool->wake, on_wake) != 0)
        log_fatal("hash_pool_handle_refused");
    pool->wake.data = pool;
    for (unsigned n = count_threads(); pool->n_threads < n; pool->n_threads++) {
        if (uv_thread_create(&pool->threads[pool->n_threads], run_thread, pool) != 0)
            log_fatal("hash_pool_thread_not_started");
    }
    return pool;
}

static struct hash_job *new_job(struct str password, void *data)
{
    struct hash_job *job = heap_array(1, sizeof *job + password.len);

    job->data = data;
    job->password_len = password.len;
    if (password.len > 0)
        memcpy(job->password, password.ptr, password.len);
    return job;
}

/* Why no thread is to see the job; 0 if one may. A free thread takes it at once: only what is beyond that waits. */
static int refuse_job(const struct hash_pool *pool)
{
    if (pool->closing)
        return ERR_CANCELLED;
    return pool->n_waiting + pool->n_running >= pool->n_threads + pool->n_waiting_max ? ERR_BUSY : 0;
}

bool hash_pool_has_room(struct hash_pool *pool)
{
    uv_mutex_lock(&pool->lock);
    int err = refuse_job(pool);
    uv_mutex_unlock(&pool->lock);
    return err == 0;
}

static void push_job(struct hash_pool *pool, struct hash_job *job)
{
    uv_mutex_lock(&pool->lock);
    job->err = job->err ? job->err : refuse_job(pool);
    if (job->err) {
        STAILQ_INSERT_TAIL(&pool->finished, job, link);
    } else {
        STAILQ_INSERT_TAIL(&pool->waiting, job, link);
        pool->n_waiting++;
        uv_cond_signal(&pool->pushed);
    }
    if (job->err && !uv_is_closing((uv_handle_t *)&pool->wake))
        uv_async_send(&pool->wake);
    uv_mutex_unlock(&pool->lock);
}

void hash_pool_verify(struct hash_pool *pool, const char *hash, struct str password, hash_pool_verify_cb done,
                      void *data)
{
    struct hash_job *job = new_job(password, data);
    size_t len = strlen(hash);

    job->verified = done;
    /* No hash of ours is so long: nothing matches it. */
    if (len < sizeof job->hash)
        memcpy(job->hash, hash, len);
    else
        job->err = ERR_FORBIDDEN;
    push_job(pool, job);
}

void hash_pool_hash(struct hash_pool *pool, struct str password, hash_pool_hash_cb done, void *data)
{
    struct hash_job *job = new_job(password, data);

    job->hashed = done;
    push_job(pool, job);
}

void hash_pool_close(struct hash_pool *pool, void (*closed)(void *data), void *data)
{
    struct hash_job *job;

    if (pool->closing)
        return;
    pool->closing = true;
    pool->closed = closed;
    pool->closed_data = data;
    uv_mutex_lock(&pool->lock);
    STAILQ_FOREACH(job, &pool->waiting, link)
    job->err = ERR_CANCELLED;
    STAILQ_CONCAT(&pool->finished, &pool->waiting);
    pool->n_waiting = 0;
    uv_mutex_unlock(&pool->lock);
    uv_async_send(&pool->wake);
}
