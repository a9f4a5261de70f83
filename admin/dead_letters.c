/* dp-admin dead-letters: events that could not be applied, kept for a human. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/db.h"
#include "admin/letter.h"
#include "admin/operator_log.h"
#include "admin/output.h"
#include "admin/redis.h"
#include "common/err.h"
#include "common/money.h"

enum { LETTERS_ARENA_MAX = 256 << 20, LETTERS_PAGE = 200 };

static const char expected[] = "expected list, show ID, retry ID|--all, or drop ID --reason TEXT";

struct request {
    enum { ACTION_LIST, ACTION_SHOW, ACTION_RETRY, ACTION_DROP } action;
    int64_t id; /* 0 for retry: all */
    const char *reason;
    bool json, all;
};

/* Columns of STATEMENT_LETTERS_LIST, of STATEMENT_LETTER_SHOW and of STATEMENT_LETTERS_TO_RETRY. */
enum { ID, CREATED, BURIED, KIND, EVENT, FAILURES, BURIALS, STATE, REASON, FIELDS };
enum { STREAM_ID = FIELDS + 1, RETRIED, APPLIED, DROPPED, DROP_REASON, VERDICT, APPLIED_PAYMENT, REVIEWS };
enum { RETRY_ID, RETRY_FIELDS, RETRY_BURIALS, RETRY_APPLIED };

static struct str amount_text(const struct letter *letter, struct arena *arena)
{
    char text[MONEY_TEXT_SIZE];
    if (letter->amount_cents == 0)
        return STR_NULL;
    money_format(letter->amount_cents, text);
    return arena_str(arena, str_from(text));
}

/* ---- list ---- */

static void put_row(const struct db_rows *rows, size_t row, bool json, struct arena *arena)
{
    struct letter letter = {0};
    (void)letter_read(db_cell(rows, row, FIELDS), arena, &letter); /* unreadable: its facts stay empty */
    const struct output_field fields[] = {
        OUTPUT_DIGITS("id", db_cell(rows, row, ID)),           OUTPUT_TEXT("buried_at", db_cell(rows, row, BURIED)),
        OUTPUT_TEXT("kind", db_cell(rows, row, KIND)),         OUTPUT_TEXT("reference", letter.call.reference),
        OUTPUT_TEXT("amount", amount_text(&letter, arena)),    OUTPUT_TEXT("state", db_cell(rows, row, STATE)),
        OUTPUT_DIGITS("burials", db_cell(rows, row, BURIALS)), OUTPUT_TEXT("event_id", db_cell(rows, row, EVENT)),
        OUTPUT_TEXT("reason", db_cell(rows, row, REASON)),
    };
    if (json) {
        printf("%s", row ? ",\n " : "");
        output_object(fields, sizeof fields / sizeof fields[0]);
        return;
    }
    printf("%.*s  %.19s  %-18.*s  %-20.*s  ", STR_ARG(fields[0].text), db_cell(rows, row, BURIED).ptr,
           STR_ARG(fields[2].text), STR_ARG(letter.call.reference));
    printf("%.*s  %.*s  ", STR_ARG(fields[4].text), STR_ARG(fields[5].text));
    output_safe(db_cell(rows, row, REASON));
    putchar('\n');
}

static int list(struct db *db, struct arena *arena, bool json)
{
    struct db_rows rows;
    if (db_query(db, STATEMENT_LETTERS_LIST, NULL, arena, &rows))
        return admin_fail("%s", db_error(db));
    if (json)
        putchar('[');
    for (size_t row = 0; row < rows.n_rows; row++)
        put_row(&rows, row, json, arena);
    if (json)
        puts("]");
    else
        printf("%zu open\n", rows.n_rows);
    return EXIT_OK;
}

/* ---- show ---- */

static const char *event_says(const struct letter *letter)
{
    if (letter->event_err == 0)
        return "well-formed";
    return letter->event_err == ERR_NOT_FOUND ? "of a kind that this version does not know" : "malformed";
}

static void put_log(const struct db_rows *log)
{
    for (size_t row = 0; row < log->n_rows; row++) {
        printf("%-16s %.19s %.*s by %.*s", "log", db_cell(log, row, 0).ptr, STR_ARG(db_cell(log, row, 2)),
               STR_ARG(db_cell(log, row, 1)));
        if (db_cell(log, row, 3).len) {
            fputs(": ", stdout);
            output_safe(db_cell(log, row, 3));
        }
        putchar('\n');
    }
}

static void put_letter(const struct db_rows *rows, const struct letter *letter, bool json, struct arena *arena)
{
    const struct output_field fields[] = {
        OUTPUT_DIGITS("id", db_cell(rows, 0, ID)),
        OUTPUT_TEXT("state", db_cell(rows, 0, STATE)),
        OUTPUT_TEXT("kind", db_cell(rows, 0, KIND)),
        OUTPUT_TEXT("reference", letter->call.reference),
        OUTPUT_TEXT("merchant", letter->call.merchant_id),
        OUTPUT_TEXT("amount", amount_text(letter, arena)),
        OUTPUT_TEXT("bank_code", letter->bank_code),
        OUTPUT_TEXT("bank_ref", letter->bank_ref),
        OUTPUT_TEXT("login", letter->event.login),
        OUTPUT_TEXT("entry", str_from(event_says(letter))),
        OUTPUT_TEXT("event_id", db_cell(rows, 0, EVENT)),
        OUTPUT_TEXT("stream_id", db_cell(rows, 0, STREAM_ID)),
        OUTPUT_TEXT("reason", db_cell(rows, 0, REASON)),
        OUTPUT_DIGITS("failures", db_cell(rows, 0, FAILURES)),
        OUTPUT_DIGITS("burials", db_cell(rows, 0, BURIALS)),
        OUTPUT_TEXT("created_at", db_cell(rows, 0, CREATED)),
        OUTPUT_TEXT("buried_at", db_cell(rows, 0, BURIED)),
        OUTPUT_TEXT("retried_at", db_cell(rows, 0, RETRIED)),
        OUTPUT_TEXT("applied_at", db_cell(rows, 0, APPLIED)),
        OUTPUT_TEXT("verdict", db_cell(rows, 0, VERDICT)),
        OUTPUT_TEXT("applied_to", db_cell(rows, 0, APPLIED_PAYMENT)),
        OUTPUT_TEXT("review_items", db_cell(rows, 0, REVIEWS)),
        OUTPUT_TEXT("dropped_at", db_cell(rows, 0, DROPPED)),
        OUTPUT_TEXT("drop_reason", db_cell(rows, 0, DROP_REASON)),
    };
    if (json) {
        output_object(fields, sizeof fields / sizeof fields[0]);
        putchar('\n');
    } else {
        output_lines(fields, sizeof fields / sizeof fields[0]);
    }
}

static int show(struct db *db, struct arena *arena, const struct request *request)
{
    struct db_rows rows, log;
    struct letter letter = {0};
    struct str target = arena_printf(arena, "%lld", (long long)request->id);
    const struct db_param log_params[] = {DB_TEXT(STR("dead-letters %")), DB_TEXT(target)};
    if (db_query(db, STATEMENT_LETTER_SHOW, &DB_NUMBER(request->id), arena, &rows) ||
        db_query(db, STATEMENT_OPERATOR_LOG_FIND, log_params, arena, &log))
        return admin_fail("%s", db_error(db));
    if (rows.n_rows == 0)
        return admin_fail("there is no dead letter %lld", (long long)request->id);
    if (letter_read(db_cell(&rows, 0, FIELDS), arena, &letter))
        letter.event_err = ERR_INVALID;
    put_letter(&rows, &letter, request->json, arena);
    if (!request->json)
        put_log(&log);
    return EXIT_OK;
}

/* ---- retry ---- */

/* The copy of the entry, with the same fields. ERR_UNAVAILABLE unless Redis confirmed it; said on stderr. */
static int send_entry(redisContext *redis, const struct letter *letter, struct arena *arena)
{
    size_t count = letter->n_fields + 3;
    const char **words = ARENA_ARRAY(arena, count, const char *);
    size_t *lens = ARENA_ARRAY(arena, count, size_t);
    const struct str head[] = {STR("XADD"), STR(EVENT_STREAM), STR("*")};
    for (size_t i = 0; i < count; i++) {
        struct str word = i < 3 ? head[i] : letter->fields[i - 3];
        words[i] = word.ptr ? word.ptr : "";
        lens[i] = word.len;
    }
    redisReply *reply = redisCommandArgv(redis, (int)count, words, lens);
    bool added = reply && reply->type == REDIS_REPLY_STRING;
    if (!added)
        admin_fail("Redis did not take the event: %s", reply && reply->str ? reply->str : redis->errstr);
    freeReplyObject(reply);
    return added ? 0 : ERR_UNAVAILABLE;
}

/* A letter that was buried once more since we looked stays one that nobody retried. */
static int note_retry(struct db *db, const struct db_rows *rows, size_t row, const char *reason)
{
    const struct db_param params[] = {DB_NUMBER(db_cell_number(rows, row, RETRY_ID)),
                                      DB_NUMBER(db_cell_number(rows, row, RETRY_BURIALS))};
    int err = db_begin(db);
    if (!err)
        err = db_execute(db, STATEMENT_LETTER_RETRIED, params, NULL, NULL);
    if (!err)
        err = operator_log_add(db, "dead-letters retry", db_cell(rows, row, RETRY_ID), reason);
    if (!err)
        err = db_commit(db);
    if (err) {
        admin_fail("dead letter %.*s was sent, which could not be noted: %s", STR_ARG(db_cell(rows, row, RETRY_ID)),
                   db_error(db));
        db_rollback(db);
    }
    return err;
}

/* Sent first, noted after: a crash between the two leaves a letter that is open, and an event that the inbox admits
 * once, however often it is sent. */
static int retry_one(struct db *db, redisContext *redis, const struct db_rows *rows, size_t row, const char *reason,
                     struct arena *arena)
{
    struct letter letter;
    struct str id = db_cell(rows, row, RETRY_ID);
    if (db_cell_number(rows, row, RETRY_APPLIED)) {
        printf("%.*s is applied already: nothing to do\n", STR_ARG(id));
        return 0;
    }
    int err = letter_read(db_cell(rows, row, RETRY_FIELDS), arena, &letter);
    if (err || letter.n_fields == 0) {
        admin_fail("dead letter %.*s cannot be read back: it needs an engineer", STR_ARG(id));
        return ERR_CORRUPT;
    }
    err = send_entry(redis, &letter, arena);
    if (!err)
        err = note_retry(db, rows, row, reason);
    if (!err)
        printf("%.*s sent again\n", STR_ARG(id));
    return err;
}

struct retry {
    struct db *db;
    redisContext *redis;
    const struct request *request;
    int64_t after; /* the last id seen */
    size_t n_letters, n_failed;
};

/* Goes on behind what fails, but not without Redis. */
static int retry_page(struct retry *retry, struct arena *arena, size_t *ret_count)
{
    const struct db_param params[] = {DB_NUMBER(retry->after),
                                      DB_NUMBER(retry->request->all ? INT64_MAX : retry->request->id),
                                      DB_NUMBER(LETTERS_PAGE)};
    struct db_rows rows;
    int err = db_query(retry->db, STATEMENT_LETTERS_TO_RETRY, params, arena, &rows);
    if (err) {
        admin_fail("%s", db_error(retry->db));
        return err;
    }
    for (size_t row = 0; err != ERR_UNAVAILABLE && row < rows.n_rows; row++) {
        err = retry_one(retry->db, retry->redis, &rows, row, retry->request->reason, arena);
        retry->after = db_cell_number(&rows, row, RETRY_ID);
        retry->n_failed += err != 0;
        retry->n_letters++;
    }
    *ret_count = rows.n_rows;
    return err == ERR_UNAVAILABLE ? err : 0;
}

static int retry_letters(struct retry *retry)
{
    size_t count = LETTERS_PAGE;
    int err = 0;
    retry->after = retry->request->all ? 0 : retry->request->id - 1;
    while (!err && count == LETTERS_PAGE) {
        struct arena arena;
        arena_init(&arena, LETTERS_ARENA_MAX);
        err = retry_page(retry, &arena, &count);
        arena_done(&arena);
    }
    if (!err && !retry->request->all && retry->n_letters == 0)
        return admin_fail("there is no open dead letter %lld", (long long)retry->request->id);
    printf("%zu of %zu sent or applied\n", retry->n_letters - retry->n_failed, retry->n_letters);
    return err || retry->n_failed ? EXIT_FAILED : EXIT_OK;
}

static int run_retry(const struct config *config, struct db *db, const struct request *request)
{
    struct retry retry = {.db = db, .request = request};
    if (redis_open(config, &retry.redis))
        return EXIT_FAILED;
    int status = retry_letters(&retry);
    redisFree(retry.redis);
    return status;
}

/* ---- drop ---- */

static int drop(struct db *db, struct arena *arena, const struct request *request)
{
    struct str target = arena_printf(arena, "%lld", (long long)request->id);
    const struct db_param params[] = {DB_TEXT(str_from(request->reason)), DB_NUMBER(request->id)};
    int64_t matched = 0;
    if (db_begin(db) || db_execute(db, STATEMENT_LETTER_DROP, params, &matched, NULL))
        return admin_fail("%s", db_error(db));
    if (matched == 0)
        return admin_fail("there is no open dead letter %lld", (long long)request->id);
    if (operator_log_add(db, "dead-letters drop", target, request->reason) || db_commit(db))
        return admin_fail("%s", db_error(db));
    printf("dead letter %lld dropped; it is kept and never applied\n", (long long)request->id);
    return EXIT_OK;
}

/* ---- arguments ---- */

static bool parse_action(const char *word, struct request *request)
{
    static const char *const names[] = {"list", "show", "retry", "drop"};
    for (int i = 0; i < 4; i++) {
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
    if (strcmp(word, "--json") == 0 && request->action <= ACTION_SHOW)
        request->json = true;
    else if (strcmp(word, "--all") == 0 && request->action == ACTION_RETRY)
        request->all = true;
    else if (strcmp(word, "--reason") == 0 && request->action >= ACTION_RETRY && *at + 1 < argc)
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
        return admin_usage(&command_dead_letters, "%s", expected);
    if (request->reason && !operator_reason_is_valid(request->reason))
        return admin_usage(&command_dead_letters, "expected a reason of 1 to %d characters", OPERATOR_REASON_MAX);
    return 0;
}

static int run_dead_letters(const struct config *config, int argc, char **argv)
{
    struct request request = {0};
    struct arena arena;
    struct db *db;
    int status = parse(argc, argv, &request);

    if (status)
        return status;
    if (db_open(config, true, &db))
        return EXIT_FAILED;
    arena_init(&arena, LETTERS_ARENA_MAX);
    if (request.action == ACTION_LIST)
        status = list(db, &arena, request.json);
    else if (request.action == ACTION_SHOW)
        status = show(db, &arena, &request);
    else if (request.action == ACTION_RETRY)
        status = run_retry(config, db, &request);
    else
        status = drop(db, &arena, &request);
    arena_done(&arena);
    db_close(db);
    return status;
}

const struct command command_dead_letters = {
    .name = "dead-letters",
    .usage = "list [--json] | show ID [--json] | retry ID|--all [--reason TEXT] | drop ID --reason TEXT",
    .help =
        "Events that could not be applied: failed alone five times, or five workers died of them. Nothing was booked.\n"
        "retry sends the event to the workers again: once the cause is gone it is applied, and only once, however "
        "often\n"
        "it is sent. A letter is closed by itself when its event is applied. drop closes one that never will be; the\n"
        "event is kept. Who, when and why is recorded. Times are UTC.\n",
    .run = run_dead_letters,
};
