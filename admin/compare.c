/* dp-admin compare: asks a worker for the nightly comparison, now, and follows it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/db.h"
#include "admin/operator_log.h"
#include "admin/output.h"
#include "common/clock.h"

enum {
    COMPARE_ARENA_MAX = 16 << 20,
    POLL_MS = 500,
    MS_PER_S = 1000,
    US_PER_MS = 1000,
    WAIT_DEFAULT_S = 1800, /* what a worker gives itself */
    WAIT_MAX_S = 86400,
};

/* Columns of STATEMENT_COMPARISON_SEE. */
enum { TAKEN, ID, WORKER, STARTED, FINISHED, TOTAL, CHECKED, WAITING, MISSING, RESENT, JOURNAL_LATE, FAULT };

struct compare {
    struct db *db;
    bool json;
    int64_t until_ms;
    int64_t after_id;     /* comparisons that were there before */
    int64_t checked_said; /* the progress that was printed last */
};

/* The newest comparison after `after_id`, in the arena. */
static int see(struct compare *compare, struct arena *arena, struct db_rows *rows)
{
    if (db_query(compare->db, STATEMENT_COMPARISON_SEE, &DB_NUMBER(compare->after_id), arena, rows))
        return admin_fail("%s", db_error(compare->db));
    return rows->n_rows ? 0 : admin_fail("the database has no task \"comparison\": run dp-admin migrate");
}

static int ask(struct compare *compare)
{
    struct arena arena;
    struct db_rows rows;
    arena_init(&arena, COMPARE_ARENA_MAX);
    int status = see(compare, &arena, &rows);
    if (!status)
        compare->after_id = db_cell_number(&rows, 0, ID);
    arena_done(&arena);
    if (status)
        return status;
    if (db_begin(compare->db) || db_execute(compare->db, STATEMENT_COMPARISON_ASK, NULL, NULL, NULL) ||
        operator_log_add(compare->db, "compare", STR("comparison"), NULL) || db_commit(compare->db))
        return admin_fail("%s", db_error(compare->db));
    return 0;
}

static int put_result(const struct compare *compare, const struct db_rows *rows)
{
    int64_t missing = db_cell_number(rows, 0, MISSING), late = db_cell_number(rows, 0, JOURNAL_LATE);
    const struct output_field fields[] = {
        OUTPUT_DIGITS("id", db_cell(rows, 0, ID)),
        OUTPUT_TEXT("worker", db_cell(rows, 0, WORKER)),
        OUTPUT_TEXT("started_at", db_cell(rows, 0, STARTED)),
        OUTPUT_TEXT("finished_at", db_cell(rows, 0, FINISHED)),
        OUTPUT_DIGITS("checked", db_cell(rows, 0, CHECKED)),
        OUTPUT_DIGITS("waiting", db_cell(rows, 0, WAITING)),
        OUTPUT_DIGITS("missing", db_cell(rows, 0, MISSING)),
        OUTPUT_DIGITS("resent", db_cell(rows, 0, RESENT)),
        OUTPUT_DIGITS("journal_late", db_cell(rows, 0, JOURNAL_LATE)),
    };
    if (compare->json) {
        output_object(fields, sizeof fields / sizeof fields[0]);
        putchar('\n');
    } else {
        output_lines(fields, sizeof fields / sizeof fields[0]);
        puts(missing ? "Events were missing; they were sent again. Compare once more in a minute."
                     : "Every event older than ten minutes is in the database or on its way.");
    }
    return missing || late ? EXIT_FAILED : EXIT_OK;
}

/* On stderr, so that the result alone is on stdout. */
static void put_progress(struct compare *compare, const struct db_rows *rows)
{
    int64_t checked = db_cell_number(rows, 0, CHECKED);
    if (checked == compare->checked_said)
        return;
    compare->checked_said = checked;
    fprintf(stderr, "checked %lld of at most %lld\n", (long long)checked, (long long)db_cell_number(rows, 0, TOTAL));
}

/* A worker that gave up leaves its reason; another one begins again when its lease has ended. */
static void put_fault(struct compare *compare, const struct db_rows *rows)
{
    struct str fault = db_cell(rows, 0, FAULT);
    if (fault.len == 0)
        return;
    fprintf(stderr, "%.*s gave up (%.*s); another attempt follows within minutes\n", STR_ARG(db_cell(rows, 0, WORKER)),
            STR_ARG(fault));
    compare->after_id = db_cell_number(rows, 0, ID);
    compare->checked_said = 0;
}

/* True when the end was seen, with its status. */
static bool look(struct compare *compare, int *ret_status)
{
    struct arena arena;
    struct db_rows rows;
    arena_init(&arena, COMPARE_ARENA_MAX);
    int status = see(compare, &arena, &rows);
    bool ended = status != 0;
    if (!status && db_cell(&rows, 0, ID).ptr)
        put_progress(compare, &rows);
    if (!status && db_cell(&rows, 0, FINISHED).ptr) {
        status = put_result(compare, &rows);
        ended = true;
    } else if (!status && db_cell(&rows, 0, ID).ptr) {
        put_fault(compare, &rows);
    }
    arena_done(&arena);
    *ret_status = status;
    return ended;
}

static int follow(struct compare *compare)
{
    int status;
    while (!look(compare, &status)) {
        if (clock_monotonic_ms() >= compare->until_ms)
            return admin_fail("no worker has finished the comparison in time: is one running?");
        usleep(POLL_MS * US_PER_MS);
    }
    return status;
}

static int run_compare(const struct config *config, int argc, char **argv)
{
    struct compare compare = {0};
    int64_t wait_s = WAIT_DEFAULT_S;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            compare.json = true;
        else if (strcmp(argv[i], "--wait") == 0 && i + 1 < argc && str_to_u63(str_from(argv[i + 1]), &wait_s) == 0 &&
                 wait_s > 0 && wait_s <= WAIT_MAX_S)
            i++;
        else
            return admin_usage(&command_compare, "unexpected argument \"%s\"", argv[i]);
    }
    if (db_open(config, true, &compare.db))
        return EXIT_FAILED;
    compare.until_ms = clock_monotonic_ms() + wait_s * MS_PER_S;
    int status = ask(&compare);
    if (!status)
        status = follow(&compare);
    db_close(compare.db);
    return status;
}

const struct command command_compare = {
    .name = "compare",
    .usage = "[--wait SECONDS] [--json]",
    .help = "Has a worker look up every event of the last seven days in the database, as it does each night at 3, and\n"
            "follows it. What was finished for Redis but is not in the database is sent again. Exit status 1 when\n"
            "something was missing, a journal has waited for too long, or no worker did it in time (30 minutes).\n",
    .run = run_compare,
};
