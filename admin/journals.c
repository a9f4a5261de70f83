/* dp-admin journals: what the journals of the dp-servers still hold, by their own word. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/db.h"
#include "admin/operator_log.h"
#include "admin/output.h"

enum { JOURNALS_ARENA_MAX = 16 << 20, HOST_MAX = 64 };

static const char expected[] = "expected list, or forget HOST --reason TEXT";

/* Columns of STATEMENT_JOURNALS_LIST. */
enum { HOST, INSTANCE, RECORDS, OLDEST, REPORTED };

static void put_row(const struct db_rows *rows, size_t row, bool json)
{
    const struct output_field fields[] = {
        OUTPUT_TEXT("host", db_cell(rows, row, HOST)),
        OUTPUT_DIGITS("instance", db_cell(rows, row, INSTANCE)),
        OUTPUT_DIGITS("records", db_cell(rows, row, RECORDS)),
        OUTPUT_TEXT("oldest_at", db_cell(rows, row, OLDEST)),
        OUTPUT_TEXT("reported_at", db_cell(rows, row, REPORTED)),
    };
    if (json) {
        printf("%s", row ? ",\n " : "");
        output_object(fields, sizeof fields / sizeof fields[0]);
        return;
    }
    output_safe(fields[0].text);
    printf(" %.*s  %6.*s records  oldest %.19s  reported %.19s\n", STR_ARG(fields[1].text), STR_ARG(fields[2].text),
           fields[3].text.ptr ? fields[3].text.ptr : "-", fields[4].text.ptr);
}

static int list(struct db *db, bool json)
{
    struct arena arena;
    struct db_rows rows;
    arena_init(&arena, JOURNALS_ARENA_MAX);
    int err = db_query(db, STATEMENT_JOURNALS_LIST, NULL, &arena, &rows);
    if (!err && json)
        putchar('[');
    for (size_t row = 0; !err && row < rows.n_rows; row++)
        put_row(&rows, row, json);
    if (!err && json)
        puts("]");
    arena_done(&arena);
    return err ? admin_fail("%s", db_error(db)) : EXIT_OK;
}

static int forget(struct db *db, const char *host, const char *reason)
{
    int64_t matched = 0;
    if (db_begin(db) || db_execute(db, STATEMENT_JOURNALS_FORGET, &DB_TEXT(str_from(host)), &matched, NULL))
        return admin_fail("%s", db_error(db));
    if (matched == 0)
        return admin_fail("there is no host \"%s\" that has been silent for ten minutes", host);
    if (operator_log_add(db, "journals forget", str_from(host), reason) || db_commit(db))
        return admin_fail("%s", db_error(db));
    printf("%s: %lld reports forgotten\n", host, (long long)matched);
    return EXIT_OK;
}

static int run_journals(const struct config *config, int argc, char **argv)
{
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    bool lists = argc >= 1 && strcmp(argv[0], "list") == 0 && (argc == 1 || json);
    bool forgets =
        argc == 4 && strcmp(argv[0], "forget") == 0 && strcmp(argv[2], "--reason") == 0 && strlen(argv[1]) <= HOST_MAX;
    struct db *db;

    if (!lists && !forgets)
        return admin_usage(&command_journals, "%s", expected);
    if (forgets && !operator_reason_is_valid(argv[3]))
        return admin_usage(&command_journals, "expected a reason of 1 to %d characters", OPERATOR_REASON_MAX);
    if (db_open(config, true, &db))
        return EXIT_FAILED;
    int status = lists ? list(db, json) : forget(db, argv[1], argv[3]);
    db_close(db);
    return status;
}

const struct command command_journals = {
    .name = "journals",
    .usage = "list [--json] | forget HOST --reason TEXT",
    .help = "What the journal of each dp-server held when it last reported, which it does once a minute. forget: a "
            "host that\n"
            "is gone for good with its disk; its calls must be found on the bank's portal first. Times are UTC.\n",
    .run = run_journals,
};
