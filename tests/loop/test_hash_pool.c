/* hash_pool: the loop never waits for a hash, and nobody is told twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>
#include <stdbool.h>
#include <string.h>

#include "common/err.h"
#include "common/password.h"
#include "common/rand.h"

/* Hashes that wait until they are let go, where a test asks for it. */
static bool held;
static sem_t entered, released;

static int held_verify(const char *hash, struct str password)
{
    if (!held)
        return password_verify(hash, password);
    sem_post(&entered);
    sem_wait(&released);
    return 0;
}

#define password_verify held_verify
#include "server/hash_pool.c"
#undef password_verify

enum { QUEUE_MAX = 4 };

static uv_loop_t loop;
static struct config config;
static struct hash_pool *pool;

struct outcome {
    unsigned calls, ok, busy, cancelled;
    int last_err;
    char hash[PASSWORD_HASH_SIZE];
};

static void on_verified(void *data, int err)
{
    struct outcome *outcome = data;

    outcome->calls++;
    outcome->ok += err == 0;
    outcome->busy += err == ERR_BUSY;
    outcome->cancelled += err == ERR_CANCELLED;
    outcome->last_err = err;
}

static void on_hashed(void *data, int err, const char *hash)
{
    struct outcome *outcome = data;

    on_verified(data, err);
    assert_int_equal(hash != NULL, err == 0);
    if (hash)
        memcpy(outcome->hash, hash, strlen(hash) + 1);
}

static void on_closed(void *data)
{
    (*(unsigned *)data)++;
}

static void run_until(const unsigned *counter, unsigned value)
{
    while (*counter < value)
        uv_run(&loop, UV_RUN_ONCE);
}

static int set_up(void **state)
{
    (void)state;
    held = false;
    sem_init(&entered, 0, 0);
    sem_init(&released, 0, 0);
    config.security.hash_queue_max = QUEUE_MAX;
    assert_int_equal(uv_loop_init(&loop), 0);
    pool = hash_pool_new(&loop, &config);
    return 0;
}

static void close_pool(void)
{
    unsigned closed = 0;

    hash_pool_close(pool, on_closed, &closed);
    hash_pool_close(pool, on_closed, &closed); /* twice is once */
    assert_int_equal(closed, 0);
    run_until(&closed, 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(closed, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static int verify(const char *hash, struct str password)
{
    struct outcome outcome = {0};

    hash_pool_verify(pool, hash, password, on_verified, &outcome);
    assert_int_equal(outcome.calls, 0);
    run_until(&outcome.calls, 1);
    return outcome.last_err;
}

static void hash_and_verify(void **state)
{
    char too_long[PASSWORD_HASH_SIZE + 1];
    struct outcome outcome = {0};
    (void)state;

    hash_pool_hash(pool, STR("demo-cantine-2026"), on_hashed, &outcome);
    assert_int_equal(outcome.calls, 0);
    run_until(&outcome.calls, 1);
    assert_int_equal(outcome.last_err, 0);
    assert_int_equal(password_verify(outcome.hash, STR("demo-cantine-2026")), 0);
    memset(too_long, 'x', PASSWORD_HASH_SIZE);
    too_long[PASSWORD_HASH_SIZE] = '\0';
    const struct {
        const char *hash;
        struct str password;
        int err;
    } cases[] = {
        {outcome.hash, STR("demo-cantine-2026"), 0},
        {outcome.hash, STR("demo-cantine-2027"), ERR_FORBIDDEN},
        {outcome.hash, STR_NULL, ERR_FORBIDDEN},
        {password_dummy_hash(), STR("demo-cantine-2026"), ERR_FORBIDDEN},
        {"", STR("demo-cantine-2026"), ERR_FORBIDDEN},
        {"no hash", STR("demo-cantine-2026"), ERR_FORBIDDEN},
        {too_long, STR("demo-cantine-2026"), ERR_FORBIDDEN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(verify(cases[i].hash, cases[i].password), cases[i].err);
    close_pool();
}

static void start_held(unsigned count, struct outcome *outcome)
{
    held = true;
    for (unsigned i = 0; i < count; i++)
        hash_pool_verify(pool, "", STR("secret"), on_verified, outcome);
    for (unsigned i = 0; i < pool->n_threads && i < count; i++)
        sem_wait(&entered);
}

static void let_go(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        sem_post(&released);
}

static void full_queue_says_so_at_once(void **state)
{
    struct outcome outcome = {0};
    struct outcome refused = {0};
    unsigned room = pool->n_threads + QUEUE_MAX;
    (void)state;

    start_held(room, &outcome);
    hash_pool_verify(pool, "", STR("secret"), on_verified, &refused);
    hash_pool_hash(pool, STR("secret"), on_hashed, &refused);
    run_until(&refused.calls, 2);
    assert_int_equal(refused.busy, 2);
    assert_int_equal(outcome.calls, 0);
    let_go(room);
    run_until(&outcome.calls, room);
    assert_int_equal(outcome.ok, room);
    assert_int_equal(sem_trywait(&entered) == 0 ? 1 : 0, 1); /* the queued ones went through the threads too */
    held = false;
    assert_int_equal(verify(password_dummy_hash(), STR("x")), ERR_FORBIDDEN); /* there is room again */
    close_pool();
}

static void tick(uv_timer_t *timer)
{
    ++*(unsigned *)timer->data;
}

static void loop_goes_on_meanwhile(void **state)
{
    struct outcome outcome = {0};
    uv_timer_t timer;
    unsigned ticks = 0;
    (void)state;

    uv_timer_init(&loop, &timer);
    timer.data = &ticks;
    uv_timer_start(&timer, tick, 1, 1);
    start_held(1, &outcome);
    run_until(&ticks, 10);
    assert_int_equal(outcome.calls, 0);
    let_go(1);
    run_until(&outcome.calls, 1);
    uv_close((uv_handle_t *)&timer, NULL);
    close_pool();
}

static void *release_later(void *unused)
{
    uv_sleep(20);
    let_go(THREADS_MAX);
    return unused;
}

static void closed_with_work_in_flight(void **state)
{
    struct outcome outcome = {0};
    struct outcome late = {0};
    unsigned threads = pool->n_threads;
    pthread_t releaser;
    (void)state;

    start_held(threads + 3, &outcome);
    assert_int_equal(pthread_create(&releaser, NULL, release_later, NULL), 0);
    unsigned closed = 0;
    hash_pool_close(pool, on_closed, &closed);
    hash_pool_hash(pool, STR("secret"), on_hashed, &late);
    run_until(&closed, 1);
    assert_int_equal(outcome.calls, threads + 3);
    assert_int_equal(outcome.ok, threads);
    assert_int_equal(outcome.cancelled, 3);
    assert_int_equal(late.calls, 1);
    assert_int_equal(late.cancelled, 1);
    pthread_join(releaser, NULL);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* Asked for when the threads have ended and the handle is closing. */
static struct outcome latecomer;

static void on_check(uv_check_t *check)
{
    if (!uv_is_closing((uv_handle_t *)&pool->wake))
        return;
    hash_pool_verify(pool, "", STR("secret"), on_verified, &latecomer);
    uv_close((uv_handle_t *)check, NULL);
}

static void asked_after_the_threads(void **state)
{
    uv_check_t check;
    (void)state;

    uv_check_init(&loop, &check);
    uv_check_start(&check, on_check);
    close_pool();
    assert_int_equal(latecomer.calls, 1);
    assert_int_equal(latecomer.cancelled, 1);
}

static void password_is_wiped(void **state)
{
    struct hash_job *job = new_job(STR("demo-cantine-2026"), NULL);
    (void)state;

    job->verified = on_verified;
    run_job(job);
    for (size_t i = 0; i < job->password_len; i++)
        assert_int_equal(job->password[i], 0);
    free_job(job);
    close_pool();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(hash_and_verify, set_up),
        cmocka_unit_test_setup(full_queue_says_so_at_once, set_up),
        cmocka_unit_test_setup(loop_goes_on_meanwhile, set_up),
        cmocka_unit_test_setup(closed_with_work_in_flight, set_up),
        cmocka_unit_test_setup(asked_after_the_threads, set_up),
        cmocka_unit_test_setup(password_is_wiped, set_up),
    };
    rand_init();
    return cmocka_run_group_tests_name("hash_pool", tests, NULL, NULL);
}
