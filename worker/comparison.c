#include "worker/comparison.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/encode.h"
#include "common/err.h"
#include "common/log.h"
#include "worker/batch.h"
#include "worker/poison.h"
#include "worker/stream_call.h"

enum { ARENA_MAX = 64 * 1024 * 1024, MS_PER_S = 1000, US_PER_MS = 1000, HEX_SIZE = 2 * EVENT_ID_LEN + 1 };

/* An entry of the page and what the database must know of it. */
struct looked_up {
    const struct stream_entry *entry;
    bool has_event; /* else it is malformed, or of a kind that this worker does not know */
    bool of_bank;
    uint8_t id[EVENT_ID_LEN];
    char hex[HEX_SIZE];
    char same_as[POISON_SAME_AS_SIZE];
    bool known;
};

struct page {
    struct comparison *comparison;
    struct db *db;
    struct stream *stream;
    struct arena arena;
    struct looked_up *items;
    size_t count;
};

int64_t comparison_due_us(int64_t now_us)
{
    struct clock_local local = clock_to_local(now_us);
    if (local.hour < COMPARISON_HOUR)
        local.day--; /* clock_from_local() knows the days of each month */
    local.hour = COMPARISON_HOUR;
    local.minute = local.second = 0;
    return clock_from_local(&local);
}

static struct db_value id_of(const struct looked_up *item)
{
    return DB_BYTES(str_slice((const char *)item->id, EVENT_ID_LEN));
}

static struct db_value same_as_of(const struct looked_up *item)
{
    return DB_TEXT(str_from(item->same_as));
}

/* Marks the items whose value comes back from the statement. */
static int look_up(struct page *page, enum statement statement, struct db_value (*value_of)(const struct looked_up *),
                   bool events_only)
{
    struct db_value *values = ARENA_ARRAY(&page->arena, page->count, struct db_value);
    struct db_result rows = {0};
    size_t n = 0;
    for (size_t i = 0; i < page->count; i++) {
        if (!page->items[i].known && (page->items[i].has_event || !events_only))
            values[n++] = value_of(&page->items[i]);
    }
    int err = db_run_list(page->db, statement, NULL, 0, values, n, &page->arena, &rows);
    for (size_t row = 0; !err && row < rows.n_rows; row++) {
        for (size_t i = 0; i < page->count; i++) {
            struct looked_up *item = &page->items[i];
            bool is_like = !events_only || (item->has_event && (db_int(&rows, row, 1) != 0) == item->of_bank);
            if (is_like && str_eq(db_text(&rows, row, 0), value_of(item).text))
                item->known = true;
        }
    }
    return err;
}

static int look_up_all(struct page *page)
{
    int err = look_up(page, STATEMENT_INBOX_FIND, id_of, true);
    return err ? err : look_up(page, STATEMENT_LETTERS_FIND, same_as_of, false);
}

static void read_items(struct page *page, const struct stream_entries *entries)
{
    page->items = ARENA_ARRAY(&page->arena, entries->count, struct looked_up);
    page->count = entries->count;
    for (size_t i = 0; i < entries->count; i++) {
        struct looked_up *item = &page->items[i];
        struct event event;
        item->entry = &entries->items[i];
        poison_same_as(item->entry, item->same_as);
        item->has_event = event_from_fields(item->entry->fields, item->entry->n_fields, &event) == 0;
        if (item->has_event) {
            item->of_bank = event_is_of_bank(&event);
            memcpy(item->id, event.id, EVENT_ID_LEN);
            encode_hex(event.id, EVENT_ID_LEN, item->hex);
        }
    }
}

/* A worker has it, or will get it. */
static int is_waiting(struct page *page, const struct looked_up *item, bool *ret)
{
    char delivered[STREAM_ID_SIZE];
    int err = stream_delivered(page->stream, delivered);
    if (err)
        return err;
    *ret = stream_id_compare(stream_id_parse(item->entry->id), stream_id_parse(str_from(delivered))) > 0;
    return *ret ? 0 : stream_is_pending(page->stream, item->entry->id, ret);
}

static int send_again(struct page *page, const struct looked_up *item)
{
    struct comparison *comparison = page->comparison;
    comparison->missing++;
    log_error("event_missing", LOG_SLICE("stream_id", item->entry->id), LOG_STR("event_id", item->hex));
    if (comparison->resent >= COMPARISON_RESEND_MAX)
        return 0;
    int err = stream_send_again(page->stream, item->entry);
    if (!err)
        comparison->resent++;
    return err == ERR_TOO_LARGE ? 0 : err; /* not an event of ours: counted, and a human looks */
}

/* Redis is asked before the database a second time: whoever has acknowledged an entry has committed it before. */
static int settle_unknown(struct page *page, struct looked_up *item)
{
    bool waiting;
    struct page alone = *page;
    int err = is_waiting(page, item, &waiting);
    if (err)
        return err;
    if (waiting) {
        page->comparison->waiting++;
        return 0;
    }
    alone.items = item;
    alone.count = 1;
    err = look_up_all(&alone);
    page->arena = alone.arena;
    return err || item->known ? err : send_again(page, item);
}

static int compare_entries(struct page *page, const struct stream_entries *entries)
{
    read_items(page, entries);
    int err = look_up_all(page);
    for (size_t i = 0; !err && i < page->count; i++) {
        if (!page->items[i].known)
            err = settle_unknown(page, &page->items[i]);
    }
    if (!err)
        page->comparison->checked += (int64_t)page->count;
    return err;
}

/* One page; the cursor stands behind it afterwards. */
static int compare_page(struct comparison *comparison, struct db *db, struct stream *stream, bool *ret_end)
{
    struct page page = {.comparison = comparison, .db = db, .stream = stream};
    struct stream_entries entries;
    arena_init(&page.arena, ARENA_MAX);
    int err = stream_scan(stream, comparison->from_id, comparison->to_id, COMPARISON_PAGE, &page.arena, &entries);
    *ret_end = !err && entries.count == 0;
    if (!err && entries.count) {
        err = compare_entries(&page, &entries);
        snprintf(comparison->from_id, sizeof comparison->from_id, "(%.*s",
                 STR_ARG(entries.items[entries.count - 1].id));
    }
    arena_done(&page.arena);
    return err;
}

static int run_counted(struct db *db, enum statement statement, const struct db_value *params, size_t n_params)
{
    struct arena arena;
    struct db_result result;
    arena_init(&arena, ARENA_MAX);
    int err = db_run(db, statement, params, n_params, &arena, &result);
    arena_done(&arena);
    return err || result.affected == 1 ? err : ERR_CONFLICT;
}

static void set_bounds(struct comparison *comparison)
{
    int64_t now_ms = clock_now_us() / US_PER_MS;
    snprintf(comparison->from_id, sizeof comparison->from_id, "%lld",
             (long long)(now_ms - COMPARISON_DAYS * CLOCK_DAY_US / US_PER_MS));
    snprintf(comparison->to_id, sizeof comparison->to_id, "%lld",
             (long long)(now_ms - COMPARISON_AGE_MIN * CLOCK_MINUTE_US / US_PER_MS));
}

/* ERR_CONFLICT: not due, or another worker has it. */
static int take(struct comparison *comparison, struct db *db, struct stream *stream)
{
    int64_t length;
    struct arena arena;
    struct db_result row;
    struct db_value worker = DB_TEXT(str_from(comparison->worker));
    struct db_value claim[] = {worker, DB_INT(COMPARISON_LEASE_S), DB_INT(comparison_due_us(clock_now_us()))};
    int err = run_counted(db, STATEMENT_COMPARISON_TAKE, claim, 3);
    if (!err)
        err = stream_length(stream, &length);
    if (err)
        return err;
    struct db_value begin[] = {worker, DB_INT(length)};
    arena_init(&arena, ARENA_MAX);
    err = db_run(db, STATEMENT_COMPARISON_BEGIN, begin, 2, &arena, &row);
    if (!err) {
        *comparison = (struct comparison){
            .worker = comparison->worker, .id = db_int(&row, 0, 0), .begun_ms = clock_monotonic_ms()};
        set_bounds(comparison);
        log_info("comparison_begun", LOG_INT("comparison", comparison->id), LOG_INT("entries", length));
    }
    arena_done(&arena);
    return err;
}

static int keep(struct comparison *comparison, struct db *db)
{
    struct db_value lease[] = {DB_INT(COMPARISON_LEASE_S), DB_TEXT(str_from(comparison->worker))};
    struct db_value progress[] = {DB_INT(comparison->checked), DB_INT(comparison->waiting), DB_INT(comparison->missing),
                                  DB_INT(comparison->resent), DB_INT(comparison->id)};
    int err = run_counted(db, STATEMENT_COMPARISON_KEEP, lease, 2);
    return err ? err : run_counted(db, STATEMENT_COMPARISON_PROGRESS, progress, 5);
}

static int count_late_journals(struct db *db, int64_t *ret)
{
    struct arena arena;
    struct db_result rows;
    arena_init(&arena, ARENA_MAX);
    int err = db_run(db, STATEMENT_LATE_JOURNALS, NULL, 0, &arena, &rows);
    int64_t sum = 0;
    for (size_t row = 0; !err && row < rows.n_rows; row++)
        sum += db_int(&rows, row, 1);
    if (!err)
        *ret = sum;
    arena_done(&arena);
    return err;
}

/* The report first: a worker that dies between the two makes the comparison run once more. */
static int finish(struct comparison *comparison, struct db *db)
{
    int64_t journal_late;
    struct db_value lease[] = {DB_INT(comparison->id), DB_TEXT(str_from(comparison->worker))};
    int err = count_late_journals(db, &journal_late);
    if (err)
        return err;
    struct db_value report[] = {DB_INT(comparison->checked), DB_INT(comparison->waiting), DB_INT(comparison->missing),
                                DB_INT(comparison->resent),  DB_INT(journal_late),        DB_INT(comparison->id)};
    err = run_counted(db, STATEMENT_COMPARISON_FINISH, report, 6);
    if (!err)
        err = run_counted(db, STATEMENT_COMPARISON_GIVE_BACK, lease, 2);
    if (err)
        return err;
    log_write(comparison->missing ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "comparison_finished",
              LOG_FIELDS(LOG_INT("comparison", comparison->id), LOG_INT("checked", comparison->checked),
                         LOG_INT("waiting", comparison->waiting), LOG_INT("missing", comparison->missing),
                         LOG_INT("resent", comparison->resent), LOG_INT("journal_late", journal_late)));
    comparison->id = 0;
    return 0;
}

static int go_on(struct comparison *comparison, struct db *db, struct stream *stream, struct drain *drain)
{
    int64_t until_ms = clock_monotonic_ms() + COMPARISON_TURN_MS;
    bool end = false;
    int err = 0;
    if (clock_monotonic_ms() - comparison->begun_ms > (int64_t)COMPARISON_RUN_MAX_S * MS_PER_S)
        return ERR_TIMEOUT;
    while (!err && !end && !drain_begun(drain) && clock_monotonic_ms() < until_ms)
        err = compare_page(comparison, db, stream, &end);
    if (!err)
        err = keep(comparison, db);
    return err || !end ? err : finish(comparison, db);
}

/* What is left is the row without an end, and the lease, which ends by itself. */
static void give_up(struct comparison *comparison, struct db *db, int err)
{
    struct db_value params[] = {DB_TEXT(str_from(err_name(err))), DB_INT(comparison->id)};
    log_warn("comparison_given_up", LOG_INT("comparison", comparison->id), LOG_ERR(err));
    run_counted(db, STATEMENT_COMPARISON_FAIL, params, 2);
    comparison->id = 0;
}

int comparison_turn(struct comparison *comparison, struct db *db, struct stream *stream, struct drain *drain)
{
    int err = 0;
    if (comparison->id == 0)
        err = take(comparison, db, stream);
    if (err)
        return err == ERR_CONFLICT ? 0 : err;
    err = go_on(comparison, db, stream, drain);
    if (err)
        give_up(comparison, db, err);
    return err == ERR_CONFLICT || err == ERR_TIMEOUT ? 0 : err;
}
