/* dp-admin status: one look at everything that can be late. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/db.h"
#include "admin/output.h"
#include "admin/queue_status.h"
#include "common/err.h"

enum { STATUS_ARENA_MAX = 1 << 20, ITEMS_MAX = 32, JOURNAL_DEPTH_MAX = 3 };

struct item {
    const char *name;  /* in JSON */
    const char *label; /* for people */
    int64_t value;
};

struct report {
    struct item items[ITEMS_MAX];
    size_t count;
    struct arena arena; /* of the alarms */
    struct db_rows alarms;
    bool incomplete;
};

static void add(struct report *report, const char *name, const char *label, int64_t value)
{
    if (report->count < ITEMS_MAX)
        report->items[report->count++] = (struct item){name, label, value};
}

static void add_queue(struct report *report, const struct config *config)
{
    struct queue_status queue;
    int err = queue_status_read(config, &queue);
    if (err && err != ERR_NOT_FOUND) {
        report->incomplete = true;
        return;
    }
    if (err == ERR_NOT_FOUND)
        queue.waiting = queue.length;
    add(report, "queue_length", "events in the stream", queue.length);
    add(report, "queue_waiting", "events that no worker has taken", queue.waiting);
    add(report, "queue_pending", "events at a worker", queue.pending);
    add(report, "queue_oldest_pending_ms", "… idle for, at most (ms)", queue.oldest_ms);
    add(report, "queue_consumers", "workers known to the stream", queue.consumers);
}

static void add_row(struct report *report, const struct db_rows *rows, const char *const names[][2])
{
    for (size_t i = 0; i < rows->n_columns; i++)
        add(report, names[i][0], names[i][1], db_cell_number(rows, 0, i));
}

static int query_database(struct report *report, struct db *db, struct arena *arena)
{
    static const char *const outbox[][2] = {{"mail_pending", "mails to send"},
                                            {"mail_sending", "mails being sent"},
                                            {"mail_dead", "mails given up"},
                                            {"mail_sent", "mails sent"},
                                            {"mail_oldest_s", "oldest mail to send (s)"}};
    static const char *const counts[][2] = {{"dead_letters", "dead letters"},
                                            {"reviews_open", "open review items"},
                                            {"payments_pending", "payments at the bank"},
                                            {"events_applied", "events applied"},
                                            {"alarms_open", "open alarms"},
                                            {"comparison_age_s", "since the last comparison (s)"},
                                            {"bank_silence_s", "since the bank's last call (s); -1: none ever"}};
    struct db_rows rows;
    int err = db_query(db, STATEMENT_STATUS_OUTBOX, NULL, arena, &rows);
    if (!err)
        add_row(report, &rows, outbox);
    if (!err)
        err = db_query(db, STATEMENT_STATUS_COUNTS, NULL, arena, &rows);
    if (!err)
        add_row(report, &rows, counts);
    if (!err)
        err = db_query(db, STATEMENT_STATUS_ALARMS, NULL, &report->arena, &report->alarms);
    if (err)
        admin_fail("%s", db_error(db));
    return err;
}

static void add_database(struct report *report, const struct config *config)
{
    struct arena arena;
    struct db *db;
    if (db_open(config, true, &db)) {
        report->incomplete = true;
        return;
    }
    arena_init(&arena, STATUS_ARENA_MAX);
    report->incomplete |= query_database(report, db, &arena) != 0;
    arena_done(&arena);
    db_close(db);
}

struct journal_size {
    int64_t bytes, files;
};

/* The segments of this host, in the directories of the servers that write them. */
static bool measure(int parent, const char *name, unsigned depth, struct journal_size *size)
{
    struct stat st;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    if (!directory) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.' || fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        if (S_ISDIR(st.st_mode) && depth > 1)
            measure(fd, entry->d_name, depth - 1, size);
        if (!S_ISREG(st.st_mode))
            continue;
        size->bytes += st.st_size;
        size->files++;
    }
    closedir(directory);
    return true;
}

/* A host that runs only workers has no journal: that is no fault. */
static void add_journal(struct report *report, const struct config *config)
{
    struct journal_size size = {0};
    if (!measure(AT_FDCWD, config->journal.directory, JOURNAL_DEPTH_MAX, &size))
        return;
    add(report, "journal_bytes", "bytes in this host's journal", size.bytes);
    add(report, "journal_files", "files in this host's journal", size.files);
}

static void print_json(const struct report *report)
{
    putchar('{');
    for (size_t i = 0; i < report->count; i++)
        printf("\"%s\": %lld, ", report->items[i].name, (long long)report->items[i].value);
    fputs("\"alarms\": [", stdout);
    for (size_t row = 0; row < report->alarms.n_rows; row++)
        printf("%s\"%.*s\"", row ? ", " : "", STR_ARG(db_cell(&report->alarms, row, 0)));
    printf("], \"complete\": %s}\n", report->incomplete ? "false" : "true");
}

static void print_table(const struct report *report)
{
    for (size_t i = 0; i < report->count; i++)
        printf("%12lld  %s\n", (long long)report->items[i].value, report->items[i].label);
    for (size_t row = 0; row < report->alarms.n_rows; row++) {
        const struct db_rows *alarms = &report->alarms;
        printf("ALARM %.*s (%.*s) since %.19s UTC  ", STR_ARG(db_cell(alarms, row, 0)),
               STR_ARG(db_cell(alarms, row, 1)), db_cell(alarms, row, 2).ptr);
        output_safe(db_cell(alarms, row, 3));
        putchar('\n');
    }
}

static int run_status(const struct config *config, int argc, char **argv)
{
    struct report report = {.count = 0};
    bool json = argc == 1 && strcmp(argv[0], "--json") == 0;

    if (argc > 0 && !json)
        return admin_usage(&command_status, "unexpected argument \"%s\"", argv[argc - 1]);
    arena_init(&report.arena, STATUS_ARENA_MAX);
    add_queue(&report, config);
    add_database(&report, config);
    add_journal(&report, config);
    if (json)
        print_json(&report);
    else
        print_table(&report);
    arena_done(&report.arena);
    return report.incomplete ? EXIT_FAILED : EXIT_OK;
}

const struct command command_status = {
    .name = "status",
    .usage = "[--json]",
    .help = "Queue, mails, dead letters, open reviews, open alarms and this host's journal. What cannot be asked is "
            "left out and "
            "the exit\n"
            "status is 1.\n",
    .run = run_status,
};
