/* journal: files cut or damaged at any byte, and disks that fail, fill up or go away. */
#include "loop/journal_fixture.h"

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
    struct outcome failed = {0};
    struct outcome later = {0};
    (void)state;

    append_many(journal, 1, 2);
    disk_failures = 1;
    disk_hangs = true;
    append(journal, 3, &failed);
    end_turn_and_wait_for_disk();
    append(journal, 4, &later); /* not part of what fails: into a new segment */
    append(journal, 5, &later);
    disk_hangs = false;
    sem_post(&disk_released);
    run_until(&failed.calls, 1);
    assert_int_equal(failed.last_err, ERR_IO);
    assert_int_equal(journal_stats(journal).failures, 1);
    run_until(&later.calls, 2);
    assert_int_equal(later.ok, 2);
    assert_false(journal_stats(journal).failing);
    assert_int_equal(journal_stats(journal).live_records, 4);
    assert_int_equal(read_due(journal, 0, 10).n, 4);
    look_at_directory();
    assert_int_equal(files_seen, 2);
    assert_int_equal(journal_stats(journal).disk_bytes, bytes_seen);
    close_journal(journal);
    journal = open_journal(); /* what failed was cut off again */
    assert_int_equal(journal_stats(journal).live_records, 4);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOURNAL_TEST(torn_at_every_byte),
        JOURNAL_TEST(damaged_at_every_byte),
        JOURNAL_TEST(damaged_while_open),
        JOURNAL_TEST(failed_sync_is_never_reported_ok),
        JOURNAL_TEST(failed_first_sync_leaves_no_file),
        JOURNAL_TEST(disk_full),
        JOURNAL_TEST(directory_gone),
        JOURNAL_TEST(cannot_be_opened),
    };
    rand_init();
    log_init("test", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests_name("journal_damage", tests, NULL, NULL);
}
