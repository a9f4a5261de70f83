/* dp-admin review: what a human must look at. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/db.h"
#include "admin/operator_log.h"
#include "admin/output.h"
#include "common/err.h"
#include "common/money.h"
#include "common/payment_state.h"

enum { REVIEW_ARENA_MAX = 64 << 20 };

static void put_amount(const struct db_rows *rows, size_t row, size_t column)
{
    char text[MONEY_TEXT_SIZE] = "-";
    if (db_cell(rows, row, column).ptr)
        money_format(db_cell_number(rows, row, column), text);
    fputs(text, stdout);
}

static int list(struct db *db, struct arena *arena)
{
    struct db_rows rows;
    if (db_query(db, STATEMENT_REVIEW_LIST, NULL, arena, &rows))
        return admin_fail("%s", db_error(db));
    for (size_t row = 0; row < rows.n_rows; row++) {
        printf("%.*s  %.19s  %-24.*s ", STR_ARG(db_cell(&rows, row, 0)), db_cell(&rows, row, 1).ptr,
               STR_ARG(db_cell(&rows, row, 2)));
        put_amount(&rows, row, 3);
        printf("  %.*s  %.*s  ", STR_ARG(db_cell(&rows, row, 4)), STR_ARG(db_cell(&rows, row, 5)));
        output_safe(db_cell(&rows, row, 6));
        putchar('\n');
    }
    printf("%zu open\n", rows.n_rows);
    return EXIT_OK;
}

static void put_line(const struct db_rows *rows, const char *name, size_t column)
{
    struct str value = db_cell(rows, 0, column);
    if (value.len == 0)
        return;
    printf("%-12s ", name);
    output_safe(value);
    putchar('\n');
}

static void put_amount_line(const struct db_rows *rows, const char *name, size_t column)
{
    printf("%-12s ", name);
    put_amount(rows, 0, column);
    putchar('\n');
}

/* The bursar's explanation of the reason, if this program knows it. */
static void put_explanation(struct str reason)
{
    for (enum review_reason i = REVIEW_NONE + 1; i < REVIEW_REASON_COUNT; i++) {
        if (str_eq_text(reason, review_reason_name(i)))
            printf("%-12s %s\n", "meaning", review_reason_text(i));
    }
}

static int show(struct db *db, struct arena *arena, int64_t id)
{
    struct db_rows rows;
    if (db_query(db, STATEMENT_REVIEW_SHOW, &DB_NUMBER(id), arena, &rows))
        return admin_fail("%s", db_error(db));
    if (rows.n_rows == 0)
        return admin_fail("there is no review item %lld", (long long)id);
    put_line(&rows, "item", 0);
    put_line(&rows, "created", 1);
    put_line(&rows, "reason", 2);
    put_explanation(db_cell(&rows, 0, 2));
    put_amount_line(&rows, "amount", 3);
    put_line(&rows, "reference", 4);
    put_line(&rows, "school", 5);
    put_line(&rows, "detail", 6);
    put_line(&rows, "state", 7);
    put_amount_line(&rows, "ordered", 8);
    put_line(&rows, "gateway", 9);
    put_line(&rows, "contract", 10);
    put_line(&rows, "event", 11);
    put_line(&rows, "received", 12);
    put_line(&rows, "bank said", 13);
    put_line(&rows, "resolved", 14);
    put_line(&rows, "resolution", 15);
    put_line(&rows, "by", 16);
    return EXIT_OK;
}

static int resolve(struct db *db, int64_t id, const char *reason)
{
    int64_t matched = 0;
    const struct db_param params[] = {DB_TEXT(str_from(reason)), DB_TEXT(operator_name()), DB_NUMBER(id)};
    if (db_begin(db) || db_execute(db, STATEMENT_REVIEW_RESOLVE, params, &matched, NULL))
        return admin_fail("%s", db_error(db));
    if (matched == 0)
        return admin_fail("there is no open review item %lld", (long long)id);
    /* With the last open item the payment's page ceases to say that it is being checked. */
    if (db_execute(db, STATEMENT_REVIEW_CLOSE, &DB_NUMBER(id), NULL, NULL) || db_commit(db))
        return admin_fail("%s", db_error(db));
    printf("item %lld resolved\n", (long long)id);
    return EXIT_OK;
}

struct request {
    enum { ACTION_LIST, ACTION_SHOW, ACTION_RESOLVE } action;
    int64_t id;
    const char *reason;
};

static int parse(int argc, char **argv, struct request *request)
{
    if (argc == 1 && strcmp(argv[0], "list") == 0) {
        request->action = ACTION_LIST;
        return 0;
    }
    if (argc < 2 || str_to_u63(str_from(argv[1]), &request->id))
        return admin_usage(&command_review, "expected list, show ID, or resolve ID --reason TEXT");
    if (argc == 2 && strcmp(argv[0], "show") == 0) {
        request->action = ACTION_SHOW;
        return 0;
    }
    if (argc != 4 || strcmp(argv[0], "resolve") != 0 || strcmp(argv[2], "--reason") != 0)
        return admin_usage(&command_review, "expected list, show ID, or resolve ID --reason TEXT");
    request->action = ACTION_RESOLVE;
    request->reason = argv[3];
    if (!operator_reason_is_valid(request->reason))
        return admin_usage(&command_review, "expected a reason of 1 to %d characters", OPERATOR_REASON_MAX);
    return 0;
}

static int run_review(const struct config *config, int argc, char **argv)
{
    struct request request = {0};
    struct arena arena;
    struct db *db;
    int status = parse(argc, argv, &request);

    if (status)
        return status;
    if (db_open(config, true, &db))
        return EXIT_FAILED;
    arena_init(&arena, REVIEW_ARENA_MAX);
    if (request.action == ACTION_LIST)
        status = list(db, &arena);
    else if (request.action == ACTION_SHOW)
        status = show(db, &arena, request.id);
    else
        status = resolve(db, request.id, request.reason);
    arena_done(&arena);
    db_close(db);
    return status;
}

const struct command command_review = {
    .name = "review",
    .usage = "list | show ID | resolve ID --reason TEXT",
    .help = "What no program may decide: calls that fit no payment, double payments, re-split seals. Resolving an item "
            "books\n"
            "nothing; it records who looked, when, and what was done about it.\n",
    .run = run_review,
};
