/* journal: what was confirmed is there after any death, and leaves only when it is released. */
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

/* The disk, as the tests want it: a sync can fail, or wait until it is let go. */
static int disk_failures;
static bool disk_hangs;
static sem_t disk_entered, disk_released;

static int disk_sync(int fd)
{
    if (disk_hangs) {
        sem_post(&disk_entered);
        sem_wait(&disk_released);
    }
    if (disk_failures > 0) {
        disk_failures--;
        errno = EIO;
        return -1;
    }
    return fsync(fd);
}

#define fdatasync disk_sync
#include "server/journal_segment.c"
#undef fdatasync

#include "common/clock.h"
#include "server/journal_private.h"

enum { EVENTS_MAX = 3000 };

static char root[64];
static struct config config;
static uv_loop_t loop;

/* --- the caller's side --- */

struct outcome {
    unsigned calls, ok;
    int last_err;
};

static void on_appended(void *data, int err)
{
    struct outcome *outcome = data;

    outcome->calls++;
    outcome->ok += err == 0;
    outcome->last_err = err;
}

static void make_id(unsigned number, uint8_t id[EVENT_ID_LEN])
{
    memset(id, 0, EVENT_ID_LEN);
    memcpy(id, &number, sizeof number);
}

static unsigned number_of(const struct event *event)
{
    unsigned number;

    memcpy(&number, event->id, sizeof number);
    return number;
}

static char raw_text[64];

static struct event make_event(unsigned number)
{
    struct event event = {.kind = EVENT_BANK_NOTIFICATION, .at_us = clock_now_us(), .gateway = STR("spplus")};

    make_id(number, event.id);
    snprintf(raw_text, sizeof raw_text, "siret=1&montant=%u.00&etat=1", number);
    event.raw = str_from(raw_text);
    event.ip = STR("192.0.2.1");
    return event;
}

static void append(struct journal *journal, unsigned number, struct outcome *outcome)
{
    struct event event = make_event(number);
    unsigned calls = outcome->calls;

    journal_append(journal, &event, on_appended, outcome);
    assert_int_equal(outcome->calls, calls);
}

static void run_until(const unsigned *counter, unsigned value)
{
    int64_t deadline_ms = clock_monotonic_ms() + 20000;

    while (*counter < value) {
        assert_true(clock_monotonic_ms() < deadline_ms);
        uv_run(&loop, UV_RUN_ONCE);
    }
}

static int append_one(struct journal *journal, unsigned number)
{
    struct outcome outcome = {0};

    append(journal, number, &outcome);
    run_until(&outcome.calls, 1);
    return outcome.last_err;
}

static void append_many(struct journal *journal, unsigned first, unsigned count)
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

static void on_due(void *data, const struct event *events, unsigned n_events)
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

static struct due read_due(struct journal *journal, int64_t age_us, unsigned max)
{
    struct due due = {0};

    journal_read_due(journal, age_us, max, on_due, &due);
    assert_int_equal(due.calls, 0);
    run_until(&due.calls, 1);
    return due;
}

static void release(struct journal *journal, unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t id[1][EVENT_ID_LEN];
        make_id(first + i, id[0]);
        journal_release(journal, (const uint8_t(*)[EVENT_ID_LEN])id, 1);
    }
}

static struct journal *open_journal(void)
{
    struct journal *journal;

    assert_int_equal(journal_open(&loop, &config, &journal), 0);
    return journal;
}

static void on_closed(void *data)
{
    (*(unsigned *)data)++;
}

static void close_journal(struct journal *journal)
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

static int count_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)path;
    assert_int_equal(stat->st_mode & 0777, type == FTW_F ? 0600 : 0700);
    files_seen += type == FTW_F;
    directories_seen += type == FTW_D && ftw->level > 0;
    bytes_seen += type == FTW_F ? stat->st_size : 0;
    return 0;
}

static void look_at_directory(void)
{
    files_seen = directories_seen = 0;
    bytes_seen = 0;
    assert_int_equal(nftw(root, count_entry, 8, FTW_PHYS), 0);
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* The only segment there is: all uses have one. */
static char segment_path[512];

static int note_segment(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)ftw;
    if (type == FTW_F)
        snprintf(segment_path, sizeof segment_path, "%s", path);
    return 0;
}

static size_t load_segment_file(char *bytes, size_t size)
{
    size_t len;
    FILE *file;

    assert_int_equal(nftw(root, note_segment, 8, FTW_PHYS), 0);
    file = fopen(segment_path, "rb");
    assert_non_null(file);
    len = fread(bytes, 1, size, file);
    fclose(file);
    assert_true(len < size);
    return len;
}

/* Leaves in the journal's directory one dead server with one segment of these bytes. */
static void plant_segment(const char *bytes, size_t len)
{
    char path[256];
    FILE *file;

    assert_int_equal(nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(mkdir(root, 0700), 0);
    snprintf(path, sizeof path, "%s/01234567-89ab-4cde-8f01-23456789abcd", root);
    assert_int_equal(mkdir(path, 0700), 0);
    strncat(path, "/00000003.log", sizeof path - strlen(path) - 1);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
}

static int set_up(void **state)
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

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(uv_loop_close(&loop), 0);
    *strrchr(root, '/') = '\0';
    return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- what it promises --- */

static void append_read_release(void **state)
{
    struct journal *journal = open_journal();
    (void)state;

    append_many(journal, 1, 3);
    assert_int_equal(journal_stats(journal).live_records, 3);
    assert_true(journal_stats(journal).oldest_at_us > 0);
    assert_int_equal(read_due(journal, CLOCK_MINUTE_US, 10).n, 0);
    struct due due = read_due(journal, 0, 2);
    assert_int_equal(due.n, 2);
    assert_int_equal(due.numbers[0], 1);
    assert_int_equal(due.numbers[1], 2);

    uint8_t id[1][EVENT_ID_LEN];
    make_id(1, id[0]);
    journal_touch(journal, (const uint8_t(*)[EVENT_ID_LEN])id, 1);
    due = read_due(journal, 0, 10);
    assert_int_equal(due.n, 3);
    assert_int_equal(due.numbers[0], 2); /* 1 had its turn */
    assert_int_equal(due.numbers[2], 1);

    release(journal, 1, 2);
    release(journal, 77, 1); /* unknown */
    due = read_due(journal, 0, 10);
    assert_int_equal(due.n, 1);
    assert_int_equal(due.numbers[0], 3);
    release(journal, 3, 1);
    assert_int_equal(journal_stats(journal).live_records, 0);
    assert_int_equal(journal_stats(journal).live_bytes, 0);
    assert_int_equal(journal_stats(journal).oldest_at_us, 0);
    close_journal(journal);
    look_at_directory();
    assert_int_equal(files_seen + directories_seen, 0);
}

static void reopened_with_all_that_was_live(void **state)
{
    struct journal *journal = open_journal();
    (void)state;

    append_many(journal, 1, 5);
    close_journal(journal);
    journal = open_journal();
    assert_int_equal(journal_stats(journal).live_records, 5);
    assert_int_equal(journal_stats(journal).adopted_segments, 1);
    assert_int_equal(journal_stats(journal).torn_records, 0);
    struct due due = read_due(journal, 0, 10);
    assert_int_equal(due.n, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(due.numbers[i], i + 1);
    look_at_directory();
    assert_int_equal(journal_stats(journal).disk_bytes, bytes_seen);
    release(journal, 1, 5);
    close_journal(journal);
    look_at_directory();
    assert_int_equal(files_seen + directories_seen, 0);
}

static void one_sync_for_all_that_waited(void **state)
{
    struct journal *journal = open_journal();
    struct outcome outcome = {0};
    (void)state;

    disk_hangs = true;
    append(journal, 1, &outcome);
    sem_wait(&disk_entered); /* the first is in its sync: the others gather behind it */
    for (unsigned i = 2; i <= 100; i++)
        append(journal, i, &outcome);
    disk_hangs = false;
    sem_post(&disk_released);
    run_until(&outcome.calls, 100);
    assert_int_equal(outcome.ok, 100);
    assert_int_equal(journal_stats(journal).appends, 100);
    assert_int_equal(journal_stats(journal).syncs, 2);
    close_journal(journal);
}

static void same_call_twice_is_one_record(void **state)
{
    struct journal *journal = open_journal();
    struct outcome outcome = {0};
    (void)state;

    append(journal, 1, &outcome);
    append(journal, 1, &outcome); /* while the first waits: a second copy on disk, not live */
    run_until(&outcome.calls, 2);
    assert_int_equal(append_one(journal, 1), 0); /* known: no copy */
    assert_int_equal(journal_stats(journal).appends, 2);
    assert_int_equal(journal_stats(journal).live_records, 1);
    close_journal(journal);
    journal = open_journal();
    assert_int_equal(journal_stats(journal).live_records, 1);
    release(journal, 1, 1);
    assert_int_equal(read_due(journal, 0, 10).n, 0);
    close_journal(journal);
    look_at_directory();
    assert_int_equal(files_seen + directories_seen, 0);
}

static void drained_segments_are_deleted(void **state)
{
    struct journal *journal = open_journal();
    (void)state;

    append_many(journal, 0, EVENTS_MAX); /* about 150 bytes each: several segments of 64 KiB */
    look_at_directory();
    assert_true(files_seen >= 4);
    assert_int_equal(journal_stats(journal).disk_bytes, bytes_seen);
    release(journal, 0, EVENTS_MAX - 1); /* all but the last */
    assert_int_equal(read_due(journal, 0, 10).n, 1);
    assert_int_equal(read_due(journal, 0, 10).n, 1); /* the removals were before this */
    look_at_directory();
    assert_int_equal(files_seen, 1);
    assert_int_equal(journal_stats(journal).disk_bytes, bytes_seen);
    close_journal(journal);
    journal = open_journal(); /* what was released in the kept segment is live again: the inbox knows it */
    assert_in_range(journal_stats(journal).live_records, 1, EVENTS_MAX / 4);
    close_journal(journal);
}

/* --- other servers --- */

static void two_live_journals_do_not_steal(void **state)
{
    struct journal *first = open_journal();
    (void)state;

    append_many(first, 1, 2);
    struct journal *second = open_journal();
    assert_int_equal(journal_stats(second).adopted_segments, 0);
    append_many(second, 3, 1);
    assert_int_equal(read_due(first, 0, 10).n, 2);
    assert_int_equal(read_due(second, 0, 10).n, 1);
    close_journal(first);
    close_journal(second);
    second = open_journal();
    assert_int_equal(journal_stats(second).live_records, 3);
    assert_int_equal(journal_stats(second).adopted_segments, 2);
    close_journal(second);
}

static void killed_server_is_adopted(void **state)
{
    pid_t child = fork();
    int status;
    (void)state;

    if (child == 0) {
        append_many(open_journal(), 1, 7);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    struct journal *journal = open_journal();
    assert_int_equal(journal_stats(journal).live_records, 7);
    release(journal, 1, 7);
    assert_int_equal(read_due(journal, 0, 10).n, 0);
    assert_int_equal(read_due(journal, 0, 10).n, 0);
    look_at_directory();
    assert_int_equal(directories_seen, 1); /* only our own is left */
    close_journal(journal);
}

static void server_that_dies_later_is_adopted_too(void **state)
{
    struct journal *dying = open_journal();
    struct journal *living = open_journal();
    (void)state;

    append_many(dying, 1, 4);
    uv_sleep(5); /* turns are kept to the millisecond */
    append_many(living, 5, 1);
    close_journal(dying);
    living->adopt_at_ms = 0; /* the minute is over */
    assert_int_equal(read_due(living, 0, 10).n, 1);
    while (journal_stats(living).adopted_segments == 0)
        uv_run(&loop, UV_RUN_ONCE);
    struct due due = read_due(living, 0, 10);
    assert_int_equal(due.n, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(due.numbers[i], i + 1); /* oldest first */
    release(living, 1, 5);
    close_journal(living);
    look_at_directory();
    assert_int_equal(files_seen + directories_seen, 0);
}

/* --- damage --- */

enum { TORN_RECORDS = 3 };

static size_t make_segment(char *bytes, size_t size)
{
    struct journal *journal = open_journal();
    size_t len;

    append_many(journal, 1, TORN_RECORDS);
    len = load_segment_file(bytes, size);
    close_journal(journal);
    return len;
}

static void torn_at_every_byte(void **state)
{
    char bytes[4096];
    size_t len = make_segment(bytes, sizeof bytes);
    (void)state;

    for (size_t cut = 0; cut <= len; cut++) {
        plant_segment(bytes, cut);
        struct journal *journal = open_journal();
        struct journal_stats stats = journal_stats(journal);
        size_t whole = cut / (len / TORN_RECORDS);
        assert_int_equal(stats.live_records, whole);
        assert_int_equal(stats.torn_records, cut % (len / TORN_RECORDS) != 0);
        assert_int_equal(stats.corrupt_records, 0);
        assert_int_equal(read_due(journal, 0, 10).n, whole);
        release(journal, 1, TORN_RECORDS);
        close_journal(journal);
        look_at_directory();
        assert_int_equal(files_seen + directories_seen, 0);
    }
}

static void damaged_at_every_byte(void **state)
{
    char bytes[4096];
    size_t len = make_segment(bytes, sizeof bytes);
    (void)state;

    for (size_t at = 0; at < len; at++) {
        bytes[at] ^= 0x10;
        plant_segment(bytes, len);
        bytes[at] ^= 0x10;
        struct journal *journal = open_journal();
        struct journal_stats stats = journal_stats(journal);
        assert_int_equal(stats.live_records, TORN_RECORDS - 1);
        assert_true(stats.corrupt_records >= 1);
        assert_int_equal(read_due(journal, 0, 10).n, TORN_RECORDS - 1);
        release(journal, 1, TORN_RECORDS);
        close_journal(journal);
        look_at_directory(); /* the file is kept for a human, and never adopted again */
        assert_int_equal(files_seen, 1);
        assert_int_equal(directories_seen, 1);
        assert_int_equal(bytes_seen, len);
    }
}

static void damaged_while_open(void **state)
{
    struct journal *journal = open_journal();
    char bytes[4096];
    size_t len;
    FILE *file;
    (void)state;

    append_many(journal, 1, 2);
    len = load_segment_file(bytes, sizeof bytes);
    file = fopen(segment_path, "r+b");
    fseek(file, (long)len / 2 - 12, SEEK_SET);
    fputc('#', file);
    fclose(file);
    struct due due = read_due(journal, 0, 10);
    assert_int_equal(due.n, 1);
    assert_int_equal(due.numbers[0], 2);
    assert_int_equal(journal_stats(journal).corrupt_records, 1);
    assert_int_equal(journal_stats(journal).live_records, 1);
    release(journal, 2, 1);
    close_journal(journal);
    look_at_directory();
    assert_int_equal(bytes_seen, len);
}

/* --- disks that fail --- */

static void failed_sync_is_never_reported_ok(void **state)
{
    struct journal *journal = open_journal();
    struct outcome outcome = {0};
    (void)state;

    append_many(journal, 1, 2);
    disk_failures = 1;
    for (unsigned i = 3; i <= 5; i++)
        append(journal, i, &outcome);
    run_until(&outcome.calls, 1);
    assert_int_equal(outcome.last_err, ERR_IO);
    assert_true(journal_stats(journal).failing);
    run_until(&outcome.calls, 3);
    unsigned failed = outcome.calls - outcome.ok;
    assert_in_range(failed, 1, 3);
    assert_int_equal(journal_stats(journal).failures, failed);
    assert_int_equal(append_one(journal, 6), 0); /* in a new segment */
    assert_false(journal_stats(journal).failing);
    assert_int_equal(journal_stats(journal).live_records, 3 + outcome.ok);
    assert_int_equal(read_due(journal, 0, 10).n, 3 + outcome.ok);
    look_at_directory();
    assert_int_equal(files_seen, 2);
    close_journal(journal);
    journal = open_journal(); /* what failed was cut off again */
    assert_int_equal(journal_stats(journal).live_records, 3 + outcome.ok);
    assert_int_equal(journal_stats(journal).torn_records, 0);
    close_journal(journal);
}

static void failed_first_sync_leaves_no_file(void **state)
{
    struct journal *journal = open_journal();
    (void)state;

    disk_failures = 3;
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(append_one(journal, i), ERR_IO);
    assert_int_equal(append_one(journal, 1), 0);
    assert_int_equal(read_due(journal, 0, 10).n, 1);
    look_at_directory();
    assert_int_equal(files_seen, 1);
    close_journal(journal);
}

static void disk_full(void **state)
{
    struct rlimit before;
    struct rlimit tight;
    struct journal *journal = open_journal();
    unsigned number = 0;
    (void)state;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    while (append_one(journal, number) == 0)
        number++;
    assert_in_range(number, 2, 20);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(append_one(journal, number), 0);
    close_journal(journal);
    journal = open_journal();
    assert_int_equal(journal_stats(journal).live_records, number + 1);
    assert_int_equal(journal_stats(journal).torn_records, 0);
    close_journal(journal);
}

static void directory_gone(void **state)
{
    struct journal *journal = open_journal();
    (void)state;

    assert_int_equal(nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(append_one(journal, 1), ERR_IO);
    assert_int_equal(append_one(journal, 2), ERR_IO);
    assert_int_equal(read_due(journal, 0, 10).n, 0);
    close_journal(journal);
    assert_int_equal(mkdir(root, 0700), 0);
}

static void cannot_be_opened(void **state)
{
    static const char *const paths[] = {"/dev/null/journal", "/dev/null", "/nowhere/at/all"};
    struct journal *journal;
    (void)state;

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        config.journal.directory = paths[i];
        assert_int_equal(journal_open(&loop, &config, &journal), ERR_IO);
    }
    assert_int_equal(mkdir(root, 0700), 0);
}

/* --- limits --- */

static void bound_reached_and_left_again(void **state)
{
    struct journal *journal;
    unsigned number = 0;
    (void)state;

    config.journal.size_max_mib = 1;
    config.journal.segment_size_kib = 4096; /* a quarter of the bound is used instead */
    journal = open_journal();
    for (struct outcome outcome = {0}; outcome.last_err == 0; number += 100) {
        for (unsigned i = 0; i < 100; i++)
            append(journal, number + i, &outcome);
        run_until(&outcome.calls, outcome.calls + 100 - outcome.calls % 100);
    }
    assert_int_equal(append_one(journal, 1000000), ERR_TOO_LARGE);
    assert_true(journal_stats(journal).failing);
    look_at_directory();
    assert_in_range(bytes_seen, (1 << 20) - 1000, 1 << 20);
    release(journal, 0, number);
    read_due(journal, 0, 1);
    read_due(journal, 0, 1);
    assert_int_equal(append_one(journal, 1000000), 0);
    assert_true(journal_stats(journal).disk_bytes <= (1 << 18));
    close_journal(journal);
}

static void oversize_event_is_refused(void **state)
{
    static char large[JOURNAL_RECORD_PAYLOAD_MAX];
    struct journal *journal = open_journal();
    struct event event = make_event(1);
    struct outcome outcome = {0};
    (void)state;

    memset(large, 'x', sizeof large);
    for (size_t len = EVENT_RAW_MAX; len <= sizeof large; len *= 2) {
        event.raw = str_slice(large, len + (len < sizeof large));
        journal_append(journal, &event, on_appended, &outcome);
        run_until(&outcome.calls, outcome.calls + 1);
        assert_int_equal(outcome.last_err, ERR_INVALID);
    }
    close_journal(journal);
}

static void hanging_disk(void **state)
{
    struct journal *journal = open_journal();
    struct outcome outcome = {0};
    struct outcome refused = {0};
    (void)state;

    disk_hangs = true;
    append(journal, 0, &outcome);
    sem_wait(&disk_entered);
    for (unsigned i = 1; i < JOURNAL_WAITING_MAX; i++)
        append(journal, i, &outcome);
    append(journal, JOURNAL_WAITING_MAX, &refused);
    run_until(&refused.calls, 1);
    assert_int_equal(refused.last_err, ERR_BUSY);
    assert_int_equal(outcome.calls, 0);
    run_until(&outcome.calls, JOURNAL_WAITING_MAX); /* after 1.5 s, not after the disk */
    assert_int_equal(outcome.last_err, ERR_TIMEOUT);
    disk_hangs = false;
    sem_post(&disk_released);
    while (journal_stats(journal).live_records < JOURNAL_WAITING_MAX)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(append_one(journal, JOURNAL_WAITING_MAX), 0);
    assert_int_equal(outcome.calls, JOURNAL_WAITING_MAX); /* each caller once */
    assert_int_equal(journal_stats(journal).live_records, JOURNAL_WAITING_MAX + 1);
    close_journal(journal);
}

/* --- closing --- */

static void close_finishes_what_waits(void **state)
{
    struct journal *journal = open_journal();
    struct outcome outcome = {0};
    struct outcome late = {0};
    struct due due = {0};
    unsigned closed = 0;
    (void)state;

    for (unsigned i = 0; i < 50; i++)
        append(journal, i, &outcome);
    journal_read_due(journal, 0, 10, on_due, &due);
    journal_close(journal, on_closed, &closed);
    append(journal, 50, &late);
    run_until(&closed, 1);
    assert_int_equal(outcome.ok, 50);
    assert_int_equal(due.calls, 1);
    assert_int_equal(late.last_err, ERR_CANCELLED);
    journal = open_journal();
    assert_int_equal(journal_stats(journal).live_records, 50);
    close_journal(journal);
}

/* Asked for when the thread has ended and the handles are closing. */
struct latecomer {
    struct journal *journal;
    struct outcome outcome;
    struct due due;
    unsigned closed;
};

static void on_check(uv_check_t *check)
{
    struct latecomer *latecomer = check->data;

    if (latecomer->journal->state != JOURNAL_STOPPED)
        return;
    append(latecomer->journal, 1, &latecomer->outcome);
    journal_read_due(latecomer->journal, 0, 10, on_due, &latecomer->due);
    uv_close((uv_handle_t *)check, NULL);
}

static void asked_after_the_thread(void **state)
{
    struct latecomer latecomer = {.journal = open_journal()};
    uv_check_t check;
    (void)state;

    uv_check_init(&loop, &check);
    check.data = &latecomer;
    uv_check_start(&check, on_check);
    journal_close(latecomer.journal, on_closed, &latecomer.closed);
    run_until(&latecomer.closed, 1);
    assert_int_equal(latecomer.outcome.calls, 1);
    assert_int_equal(latecomer.outcome.last_err, ERR_CANCELLED);
    assert_int_equal(latecomer.due.calls, 1);
    assert_int_equal(latecomer.due.n, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
}

#define JOURNAL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOURNAL_TEST(append_read_release),
        JOURNAL_TEST(reopened_with_all_that_was_live),
        JOURNAL_TEST(one_sync_for_all_that_waited),
        JOURNAL_TEST(same_call_twice_is_one_record),
        JOURNAL_TEST(drained_segments_are_deleted),
        JOURNAL_TEST(two_live_journals_do_not_steal),
        JOURNAL_TEST(killed_server_is_adopted),
        JOURNAL_TEST(server_that_dies_later_is_adopted_too),
        JOURNAL_TEST(torn_at_every_byte),
        JOURNAL_TEST(damaged_at_every_byte),
        JOURNAL_TEST(damaged_while_open),
        JOURNAL_TEST(failed_sync_is_never_reported_ok),
        JOURNAL_TEST(failed_first_sync_leaves_no_file),
        JOURNAL_TEST(disk_full),
        JOURNAL_TEST(directory_gone),
        JOURNAL_TEST(cannot_be_opened),
        JOURNAL_TEST(bound_reached_and_left_again),
        JOURNAL_TEST(oversize_event_is_refused),
        JOURNAL_TEST(hanging_disk),
        JOURNAL_TEST(close_finishes_what_waits),
        JOURNAL_TEST(asked_after_the_thread),
    };
    rand_init();
    log_init("test", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
