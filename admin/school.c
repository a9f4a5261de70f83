/* dp-admin school: the switch that stops new payments of a school. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/db.h"
#include "admin/operator_log.h"
#include "admin/output.h"

enum { SCHOOLS_ARENA_MAX = 64 << 20 };

static const char expected[] = "expected list, open UAI, or close UAI";

/* Columns of STATEMENT_SCHOOLS_LIST. */
enum { UAI, OPEN, NAME, PENDING };

static void put_row(const struct db_rows *rows, size_t row, bool json)
{
    struct str state = db_cell_number(rows, row, OPEN) ? STR("open") : STR("closed");
    const struct output_field fields[] = {
        OUTPUT_TEXT("uai", db_cell(rows, row, UAI)),
        OUTPUT_TEXT("payments", state),
        OUTPUT_DIGITS("payments_at_bank", db_cell(rows, row, PENDING)),
        OUTPUT_TEXT("name", db_cell(rows, row, NAME)),
    };
    if (json) {
        printf("%s", row ? ",\n " : "");
        output_object(fields, sizeof fields / sizeof fields[0]);
        return;
    }
    printf("%.*s  %-6.*s  %6.*s at the bank  ", STR_ARG(fields[0].text), STR_ARG(state), STR_ARG(fields[2].text));
    output_safe(db_cell(rows, row, NAME));
    putchar('\n');
}

static int list(struct db *db, bool json)
{
    struct arena arena;
    struct db_rows rows;
    arena_init(&arena, SCHOOLS_ARENA_MAX);
    int err = db_query(db, STATEMENT_SCHOOLS_LIST, NULL, &arena, &rows);
    if (!err && json)
        putchar('[');
    for (size_t row = 0; !err && row < rows.n_rows; row++)
        put_row(&rows, row, json);
    if (!err && json)
        puts("]");
    arena_done(&arena);
    return err ? admin_fail("%s", db_error(db)) : EXIT_OK;
}

static int turn(struct db *db, bool open, const char *uai, const char *reason)
{
    const struct db_param params[] = {DB_NUMBER(open), DB_TEXT(str_from(uai))};
    int64_t matched = 0;
    if (db_begin(db) || db_execute(db, STATEMENT_SCHOOL_SWITCH, params, &matched, NULL))
        return admin_fail("%s", db_error(db));
    if (matched == 0)
        return admin_fail("there is no school \"%s\"", uai);
    if (operator_log_add(db, open ? "school open" : "school close", str_from(uai), reason) || db_commit(db))
        return admin_fail("%s", db_error(db));
    printf("%s: payments are %s\n", uai, open ? "open" : "closed; those at the bank go on");
    return EXIT_OK;
}

static int run_school(const struct config *config, int argc, char **argv)
{
    const char *reason = argc == 4 && strcmp(argv[2], "--reason") == 0 ? argv[3] : NULL;
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    bool lists = argc >= 1 && strcmp(argv[0], "list") == 0 && (argc == 1 || json);
    bool turns = argc >= 1 && (strcmp(argv[0], "open") == 0 || strcmp(argv[0], "close") == 0);
    struct db *db;

    turns = turns && (argc == 2 || reason) && !json && strlen(argv[1]) <= 16;
    if (!lists && !turns)
        return admin_usage(&command_school, "%s", expected);
    if (reason && !operator_reason_is_valid(reason))
        return admin_usage(&command_school, "expected a reason of 1 to %d characters", OPERATOR_REASON_MAX);
    if (db_open(config, true, &db))
        return EXIT_FAILED;
    int status = lists ? list(db, json) : turn(db, strcmp(argv[0], "open") == 0, argv[1], reason);
    db_close(db);
    return status;
}

const struct command command_school = {
    .name = "school",
    .usage = "list [--json] | open UAI [--reason TEXT] | close UAI [--reason TEXT]",
    .help =
        "The schools, whether they take payments, and how many of their payments are at the bank. close: pages stay,\n"
        "nothing new can be paid, what is at the bank is booked as usual. An import does not open a school again.\n"
        "Who, when and why is recorded.\n",
    .run = run_school,
};
