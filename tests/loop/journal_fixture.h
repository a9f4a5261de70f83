/* A journal in a directory of its own, on a disk that does as the test says. */
#ifndef DP_TESTS_LOOP_JOURNAL_FIXTURE_H
#define DP_TESTS_LOOP_JOURNAL_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The disk, as the tests want it: a sync can fail, or wait until it is let go. No test cuts the power, so none of them
 * needs to reach the platter. */
static unsigned directory_syncs;
static int disk_failures;
static bool disk_hangs;
static sem_t disk_entered, disk_released;

static int disk_sync(int fd)
{
    (void)fd;
    if (disk_hangs) {
        sem_post(&disk_entered);
        sem_wait(&disk_released);
    }
    if (disk_failures > 0) {
        disk_failures--;
        errno = EIO;
        return -1;
    }
    return 0;
}

static int directory_sync(int fd)
{
    (void)fd;
    directory_syncs++;
    return 0;
}

/* Files of some records take several readings. */
#define SCAN_WINDOW ((size_t)400)
#define fdatasync   disk_sync
#define fsync       directory_sync
#include "server/journal_segment.c"
#undef fdatasync
#undef fsync

#include "common/clock.h"
#include "loop/loop_help.h"
#include "server/journal_private.h"

static char root[64];
static struct config config;
static uv_loop_t loop;

/* --- the caller's side --- */

struct outcome {
    unsigned calls, ok;
    int last_err;
};

static inline void on_appended(void *data, int err)
{
    struct outcome *outcome = data;

    outcome->calls++;
    outcome->ok += err == 0;
    outcome->last_err = err;
}

static inline void make_id(unsigned number, uint8_t id[EVENT_ID_LEN])
{
    memset(id, 0, EVENT_ID_LEN);
    memcpy(id, &number, sizeof number);
}

static inline unsigned number_of(const struct event *event)
{
    unsigned number;

    memcpy(&number, event->id, sizeof number);
    return number;
}

static char raw_text[64];

static inline struct event make_event(unsigned number)
{
    struct event event = {.kind = EVENT_BANK_NOTIFICATION, .at_us = clock_now_us(), .gateway = STR("spplus")};

    make_id(number, event.id);
    snprintf(raw_text, sizeof raw_text, "siret=1&montant=%u.00&etat=1", number);
    event.raw = str_from(raw_text);
    event.ip = STR("192.0.2.1");
    return event;
}

static inline void append(struct journal *journal, unsigned number, struct outcome *outcome)
{
    struct event event = make_event(number);
    unsigned calls = outcome->calls;

    journal_append(journal, &event, on_appended, outcome);
    assert_int_equal(outcome->calls, calls);
}

struct run_goal {
    const unsigned *counter;
    unsigned value;
};

static inline bool goal_is_reached(void *data)
{
    const struct run_goal *goal = data;
    return *goal->counter >= goal->value;
}

/* What was appended is handed over at the end of a turn. */
static inline void end_turn_and_wait_for_disk(void)
{
    uv_run(&loop, UV_RUN_NOWAIT);
    sem_wait(&disk_entered);
}

/* Not with uv_run() alone: a timer that is due when it begins may reach the goal, and then it waits for what never
 * comes. */
static inline void run_until(const unsigned *counter, unsigned value)
{
    struct run_goal goal = {counter, value};
    assert_true(loop_run_until(&loop, goal_is_reached, &goal, 20000));
}

static inline int append_one(struct journal *journal, unsigned number)
{
    struct outcome outcome = {0};

    append(journal, number, &outcome);
    run_until(&outcome.calls, 1);
    return outcome.last_err;
}

static inline void append_many(struct journal *journal, unsigned first, unsigned count)
{
    struct outcome outcome = {0};

    for (unsigned i = 0; i < count; i++)
        append(journal, first + i, &outcome);
    run_until(&outcome.calls, count);
    assert_int_equal(outcome.ok, count);
}

struct due {
    unsigned calls, n;
    unsigned numbers[JOURNAL_READ_MAX];
};

static inline void on_due(void *data, const struct event *events, unsigned n_events)
{
    struct due *due = data;

    due->calls++;
    due->n = n_events;
    for (unsigned i = 0; i < n_events; i++) {
        struct event wanted = make_event(number_of(&events[i]));
        due->numbers[i] = number_of(&events[i]);
        assert_true(str_eq(events[i].raw, wanted.raw));
        assert_true(str_eq(events[i].gateway, wanted.gateway));
        assert_true(str_eq(events[i].ip, wanted.ip));
    }
}

static inline struct due read_due(struct journal *journal, int64_t age_us, unsigned max)
{
    struct due due = {0};

    journal_read_due(journal, age_us, max, on_due, &due);
    assert_int_equal(due.calls, 0);
    run_until(&due.calls, 1);
    return due;
}

static inline void release(struct journal *journal, unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t id[1][EVENT_ID_LEN];
        make_id(first + i, id[0]);
        journal_release(journal, (const uint8_t(*)[EVENT_ID_LEN])id, 1);
    }
}

static inline struct journal *open_journal(void)
{
    struct journal *journal;

    assert_int_equal(journal_open(&loop, &config, &journal), 0);
    return journal;
}

static inline void on_closed(void *data)
{
    (*(unsigned *)data)++;
}

static inline void close_journal(struct journal *journal)
{
    unsigned closed = 0;

    journal_close(journal, on_closed, &closed);
    journal_close(journal, on_closed, &closed); /* twice is once */
    assert_int_equal(closed, 0);
    run_until(&closed, 1);
}

/* --- the directory --- */

static unsigned files_seen, directories_seen;
static off_t bytes_seen;

static inline int count_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)path;
    assert_int_equal(stat->st_mode & 0777, type == FTW_F ? 0600 : 0700);
    files_seen += type == FTW_F;
    directories_seen += type == FTW_D && ftw->level > 0;
    bytes_seen += type == FTW_F ? stat->st_size : 0;
    return 0;
}

static inline void look_at_directory(void)
{
    files_seen = directories_seen = 0;
    bytes_seen = 0;
    assert_int_equal(nftw(root, count_entry, 8, FTW_PHYS), 0);
}

static inline int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/dp-journal-XXXXXX");
    assert_non_null(mkdtemp(root));
    strncat(root, "/journal", sizeof root - strlen(root) - 1);
    memset(&config, 0, sizeof config);
    config.journal.directory = root;
    config.journal.size_max_mib = 64;
    config.journal.segment_size_kib = 64;
    disk_failures = 0;
    disk_hangs = false;
    sem_init(&disk_entered, 0, 0);
    sem_init(&disk_released, 0, 0);
    return uv_loop_init(&loop);
}

static inline int tear_down(void **state)
{
    (void)state;
    assert_int_equal(uv_loop_close(&loop), 0);
    *strrchr(root, '/') = '\0';
    return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

#define JOURNAL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
