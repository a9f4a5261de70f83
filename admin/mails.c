/* dp-admin mails: mails that were given up or do not get through. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/db.h"
#include "admin/operator_log.h"
#include "admin/output.h"

enum { MAILS_ARENA_MAX = 64 << 20 };

static const char expected[] = "expected list, retry ID|--all, or drop ID --reason TEXT";

struct request {
    enum { ACTION_LIST, ACTION_RETRY, ACTION_DROP } action;
    int64_t id;
    const char *reason;
    bool json, all;
};

/* Columns of STATEMENT_MAILS_LIST. */
enum { ID, CREATED, KIND, RECIPIENT, STATUS, ATTEMPT, NEXT, LAST_ERROR };

static void put_row(const struct db_rows *rows, size_t row, bool json)
{
    const struct output_field fields[] = {
        OUTPUT_DIGITS("id", db_cell(rows, row, ID)),
        OUTPUT_TEXT("created_at", db_cell(rows, row, CREATED)),
        OUTPUT_TEXT("kind", db_cell(rows, row, KIND)),
        OUTPUT_TEXT("recipient", db_cell(rows, row, RECIPIENT)),
        OUTPUT_TEXT("status", db_cell(rows, row, STATUS)),
        OUTPUT_DIGITS("attempt", db_cell(rows, row, ATTEMPT)),
        OUTPUT_TEXT("next_attempt_at", db_cell(rows, row, NEXT)),
        OUTPUT_TEXT("last_error", db_cell(rows, row, LAST_ERROR)),
    };
    if (json) {
        printf("%s", row ? ",\n " : "");
        output_object(fields, sizeof fields / sizeof fields[0]);
        return;
    }
    printf("%.*s  %.19s  %-20.*s  %-7.*s  %.*s  ", STR_ARG(fields[0].text), db_cell(rows, row, CREATED).ptr,
           STR_ARG(fields[2].text), STR_ARG(fields[4].text), STR_ARG(fields[5].text));
    output_safe(db_cell(rows, row, RECIPIENT));
    fputs("  ", stdout);
    output_safe(db_cell(rows, row, LAST_ERROR));
    putchar('\n');
}

static int list(struct db *db, bool json)
{
    struct arena arena;
    struct db_rows rows;
    arena_init(&arena, MAILS_ARENA_MAX);
    int err = db_query(db, STATEMENT_MAILS_LIST, NULL, &arena, &rows);
    if (!err && json)
        putchar('[');
    for (size_t row = 0; !err && row < rows.n_rows; row++)
        put_row(&rows, row, json);
    if (!err && json)
        puts("]");
    else if (!err)
        printf("%zu given up or tried again\n", rows.n_rows);
    arena_done(&arena);
    return err ? admin_fail("%s", db_error(db)) : EXIT_OK;
}

/* The change and its record together, or neither. */
static int change(struct db *db, const struct request *request)
{
    static const char *const actions[] = {[ACTION_RETRY] = "mails retry", [ACTION_DROP] = "mails drop"};
    enum statement statement = request->all                      ? STATEMENT_MAILS_RETRY
                               : request->action == ACTION_RETRY ? STATEMENT_MAIL_RETRY
                                                                 : STATEMENT_MAIL_DROP;
    char target[24] = "all";
    int64_t matched = 0;
    if (!request->all)
        snprintf(target, sizeof target, "%lld", (long long)request->id);
    if (db_begin(db) || db_execute(db, statement, &DB_NUMBER(request->id), &matched, NULL))
        return admin_fail("%s", db_error(db));
    if (matched == 0 && !request->all)
        return admin_fail("mail %s is not one that was given up", target);
    if (operator_log_add(db, actions[request->action], str_from(target), request->reason) || db_commit(db))
        return admin_fail("%s", db_error(db));
    if (request->action == ACTION_RETRY)
        printf("%lld to be tried again\n", (long long)matched);
    else
        printf("mail %s dropped\n", target);
    return EXIT_OK;
}

static bool parse_action(const char *word, struct request *request)
{
    static const char *const names[] = {"list", "retry", "drop"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(word, names[i]) == 0) {
            request->action = i;
            return true;
        }
    }
    return false;
}

static bool parse_word(char **argv, int argc, int *at, struct request *request)
{
    const char *word = argv[*at];
    if (strcmp(word, "--json") == 0 && request->action == ACTION_LIST)
        request->json = true;
    else if (strcmp(word, "--all") == 0 && request->action == ACTION_RETRY)
        request->all = true;
    else if (strcmp(word, "--reason") == 0 && request->action != ACTION_LIST && *at + 1 < argc)
        request->reason = argv[++*at];
    else
        return request->id == 0 && str_to_u63(str_from(word), &request->id) == 0 && request->id > 0;
    return true;
}

static int parse(int argc, char **argv, struct request *request)
{
    bool good = argc > 0 && parse_action(argv[0], request);
    for (int at = 1; good && at < argc; at++)
        good = parse_word(argv, argc, &at, request);
    bool wants_id = request->action != ACTION_LIST && !request->all;
    if (!good || (request->id > 0) != wants_id || (request->action == ACTION_DROP && !request->reason))
        return admin_usage(&command_mails, "%s", expected);
    if (request->reason && !operator_reason_is_valid(request->reason))
        return admin_usage(&command_mails, "expected a reason of 1 to %d characters", OPERATOR_REASON_MAX);
    return 0;
}

static int run_mails(const struct config *config, int argc, char **argv)
{
    struct request request = {0};
    struct db *db;
    int status = parse(argc, argv, &request);
    if (status)
        return status;
    if (db_open(config, true, &db))
        return EXIT_FAILED;
    status = request.action == ACTION_LIST ? list(db, request.json) : change(db, &request);
    db_close(db);
    return status;
}

const struct command command_mails = {
    .name = "mails",
    .usage = "list [--json] | retry ID|--all [--reason TEXT] | drop ID --reason TEXT",
    .help =
        "Mails that were given up (DEAD), with the last error, and those that are being tried again. retry gives one,\n"
        "or all that were given up, new attempts from now on. drop closes one that no attempt will help: a wrong\n"
        "address. Who, when and why is recorded. Times are UTC.\n",
    .run = run_mails,
};
