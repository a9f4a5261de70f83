/* journal: what was confirmed is there after any death, and leaves only when it is released. */
#include <dirent.h>

#include "loop/journal_fixture.h"

enum { EVENTS_MAX = 3000 };

/* --- what it promises --- */

/* A file whose name is not on disk is lost with the power, however well it was synced itself. */
static void every_new_name_is_synced(void **state)
{
    struct journal *journal;
    (void)state;

    directory_syncs = 0;
    journal = open_journal();
    assert_int_equal(directory_syncs, 2); /* the journal's directory, and this server's in it */
    assert_int_equal(append_one(journal, 1), 0);
    assert_int_equal(directory_syncs, 3); /* the segment */
    assert_int_equal(append_one(journal, 2), 0);
    assert_int_equal(directory_syncs, 3);
    close_journal(journal);
}

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
    end_turn_and_wait_for_disk(); /* the first is in its sync: the others gather behind it */
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

/* What the index has no room for stays on disk, counts as live, and has its turn. */
static void more_than_the_index_holds(void **state)
{
    enum { COUNT = JOURNAL_INDEXED_MAX + 3000, AT_ONCE = 1000 };
    static bool seen[COUNT + AT_ONCE];
    struct journal *journal = open_journal();
    unsigned n_seen = 0, count = 0;
    (void)state;

    for (; count < COUNT; count += AT_ONCE)
        append_many(journal, count, AT_ONCE);
    assert_int_equal(journal_stats(journal).live_records, count);
    assert_int_equal(journal_index_count(journal->index), JOURNAL_INDEXED_MAX);
    close_journal(journal);
    journal = open_journal(); /* adopted ones are no more in memory than its own */
    assert_int_equal(journal_stats(journal).live_records, count);
    assert_int_equal(journal_index_count(journal->index), JOURNAL_INDEXED_MAX);
    while (journal_stats(journal).live_records > 0) {
        struct due due = read_due(journal, 0, JOURNAL_READ_MAX);
        for (unsigned i = 0; i < due.n; i++) {
            n_seen += !seen[due.numbers[i]];
            seen[due.numbers[i]] = true;
            release(journal, due.numbers[i], 1);
        }
        assert_true(journal_index_count(journal->index) <= JOURNAL_INDEXED_MAX + (64 << 10) / 100);
    }
    assert_int_equal(n_seen, count);
    assert_int_equal(journal_stats(journal).oldest_at_us, 0);
    close_journal(journal);
    look_at_directory();
    assert_int_equal(files_seen + directories_seen, 0);
}

/* The segment in use is read again too: nothing may ever fill it. */
static void beyond_the_index_in_the_segment_in_use(void **state)
{
    struct journal *journal;
    unsigned count = JOURNAL_INDEXED_MAX + 10;
    (void)state;

    config.journal.size_max_mib = 256;
    config.journal.segment_size_kib = 16 * 1024;
    journal = open_journal();
    for (unsigned at = 0; at < count; at += JOURNAL_INDEXED_MAX / 8)
        append_many(journal, at, count - at < JOURNAL_INDEXED_MAX / 8 ? count - at : JOURNAL_INDEXED_MAX / 8);
    assert_int_equal(journal_index_count(journal->index), JOURNAL_INDEXED_MAX);
    release(journal, 0, 1); /* room, so it may be read again */
    assert_int_equal(read_due(journal, CLOCK_MINUTE_US, 1).n, 0);
    assert_int_equal(journal_stats(journal).live_records, count - 1); /* too young */
    read_due(journal, 0, 1);
    read_due(journal, 0, 1); /* the reading was before this */
    assert_int_equal(journal_stats(journal).live_records, count);
    release(journal, 0, count);
    assert_int_equal(journal_stats(journal).live_records, 0);
    assert_int_equal(append_one(journal, count), 0); /* it is still the segment in use */
    release(journal, count, 1);
    close_journal(journal);
    look_at_directory();
    assert_int_equal(files_seen + directories_seen, 0);
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
    end_turn_and_wait_for_disk();
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

static unsigned count_open_files(void)
{
    unsigned count = 0;
    DIR *listing = opendir("/proc/self/fd");

    assert_non_null(listing);
    while (readdir(listing))
        count++;
    closedir(listing);
    return count;
}

/* What a turn gathered goes to the thread before the word to end does; else its segment would stay open behind it. */
static void close_in_the_turn_of_an_append(void **state)
{
    struct outcome outcome = {0};
    unsigned closed = 0;
    unsigned open_before = count_open_files();
    struct journal *journal = open_journal();
    (void)state;

    append(journal, 1, &outcome);
    journal_close(journal, on_closed, &closed);
    uv_sleep(50); /* for the thread, which could take them in another order */
    run_until(&closed, 1);
    assert_int_equal(outcome.ok, 1);
    assert_int_equal(count_open_files(), open_before);
    journal = open_journal();
    assert_int_equal(journal_stats(journal).live_records, 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOURNAL_TEST(every_new_name_is_synced),
        JOURNAL_TEST(append_read_release),
        JOURNAL_TEST(reopened_with_all_that_was_live),
        JOURNAL_TEST(one_sync_for_all_that_waited),
        JOURNAL_TEST(same_call_twice_is_one_record),
        JOURNAL_TEST(drained_segments_are_deleted),
        JOURNAL_TEST(more_than_the_index_holds),
        JOURNAL_TEST(beyond_the_index_in_the_segment_in_use),
        JOURNAL_TEST(two_live_journals_do_not_steal),
        JOURNAL_TEST(killed_server_is_adopted),
        JOURNAL_TEST(server_that_dies_later_is_adopted_too),
        JOURNAL_TEST(bound_reached_and_left_again),
        JOURNAL_TEST(oversize_event_is_refused),
        JOURNAL_TEST(hanging_disk),
        JOURNAL_TEST(close_finishes_what_waits),
        JOURNAL_TEST(close_in_the_turn_of_an_append),
        JOURNAL_TEST(asked_after_the_thread),
    };
    rand_init();
    log_init("test", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
