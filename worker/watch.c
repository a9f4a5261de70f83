#include "worker/watch.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/french.h"
#include "worker/alarm.h"

enum { ARENA_MAX = 1024 * 1024 };

static int update(struct watch *watch, enum alarm_kind kind, int64_t count, int64_t since_us, const char *detail)
{
    struct alarm_finding finding = {kind, count, since_us, detail};
    return alarm_update(watch->db, &finding, watch->config->site.operator_email);
}

/* "web1 : 3 depuis le 29 mars 2026 à 10 h 42 ; web2 …" */
static void describe_journals(const struct db_result *rows, struct arena *arena, char out[ALARM_DETAIL_MAX])
{
    enum { HOST, RECORDS, OLDEST };
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < rows->n_rows; i++) {
        struct str part = arena_printf(arena, "%s%.*s\u00a0: %lld, depuis le %.*s", i ? "\u00a0; " : "",
                                       STR_ARG(db_text(rows, i, HOST)), (long long)db_int(rows, i, RECORDS),
                                       STR_ARG(french_datetime(arena, db_int(rows, i, OLDEST))));
        if (len + part.len >= ALARM_DETAIL_MAX)
            return;
        memcpy(out + len, part.ptr, part.len + 1);
        len += part.len;
    }
}

static int watch_journals(struct watch *watch)
{
    struct arena arena;
    struct db_result rows;
    char detail[ALARM_DETAIL_MAX];
    int64_t records = 0;
    arena_init(&arena, ARENA_MAX);
    int err = db_run(watch->db, STATEMENT_LATE_JOURNALS, NULL, 0, &arena, &rows);
    for (size_t i = 0; !err && i < rows.n_rows; i++)
        records += db_int(&rows, i, 1);
    if (!err) {
        describe_journals(&rows, &arena, detail);
        err = update(watch, ALARM_LATE_JOURNAL, records, 0, detail);
    }
    arena_done(&arena);
    return err;
}

static int watch_counts(struct watch *watch)
{
    enum { LETTERS, DEAD_MAILS, LATE_MAILS, MISSING, ALARMS, COMPARISON_AGE };
    static const struct {
        enum alarm_kind kind;
        size_t col;
    } counted[] = {{ALARM_DEAD_LETTERS, LETTERS},
                   {ALARM_DEAD_MAILS, DEAD_MAILS},
                   {ALARM_LATE_MAILS, LATE_MAILS},
                   {ALARM_EVENTS_MISSING, MISSING}};
    struct arena arena;
    struct db_result row;
    arena_init(&arena, ARENA_MAX);
    int err = db_run(watch->db, STATEMENT_ALARM_COUNTS, NULL, 0, &arena, &row);
    for (size_t i = 0; !err && i < sizeof counted / sizeof counted[0]; i++)
        err = update(watch, counted[i].kind, db_int(&row, 0, counted[i].col), 0, "");
    if (!err) {
        metrics_set(watch->metrics, METRIC_ALARMS_OPEN, db_int(&row, 0, ALARMS));
        metrics_set(watch->metrics, METRIC_EVENTS_MISSING, db_int(&row, 0, MISSING));
        metrics_set(watch->metrics, METRIC_COMPARISON_AGE_S, db_int(&row, 0, COMPARISON_AGE));
    }
    arena_done(&arena);
    return err;
}

static int settle_letters(struct db *db)
{
    struct arena arena;
    arena_init(&arena, ARENA_MAX);
    int err = db_run(db, STATEMENT_LETTERS_SETTLE, NULL, 0, &arena, NULL);
    arena_done(&arena);
    return err;
}

int watch_database(struct watch *watch)
{
    int err = settle_letters(watch->db);
    if (!err)
        err = watch_counts(watch);
    return err ? err : watch_journals(watch);
}

/* ---- the bank's silence ---- */

static int ask_number(struct db *db, enum statement statement, const struct db_value *params, size_t n_params,
                      int64_t *ret)
{
    struct arena arena;
    struct db_result row;
    arena_init(&arena, ARENA_MAX);
    int err = db_run(db, statement, params, n_params, &arena, &row);
    if (!err)
        *ret = row.n_rows ? db_int(&row, 0, 0) : 0;
    arena_done(&arena);
    return err;
}

static int count_between(struct db *db, enum statement statement, struct silence_window window, int64_t *ret)
{
    struct db_value params[] = {DB_INT(window.from_us), DB_INT(window.to_us)};
    return ask_number(db, statement, params, 2, ret);
}

static int load_history(struct db *db, struct silence_facts *facts)
{
    int64_t first_us = 0;
    int err = ask_number(db, STATEMENT_SILENCE_FIRST_CALL, NULL, 0, &first_us);
    if (err || !first_us)
        return err;
    int64_t weeks = (facts->now_us - first_us) / (7 * CLOCK_DAY_US);
    facts->n_weeks = weeks < 0 ? 0 : weeks < SILENCE_WEEKS ? (unsigned)weeks : SILENCE_WEEKS;
    for (unsigned week = 1; !err && week <= facts->n_weeks; week++)
        err = count_between(db, STATEMENT_SILENCE_CALLS, silence_window(facts->now_us, facts->last_call_us, week),
                            &facts->calls[week - 1]);
    return err;
}

int watch_load_silence(struct db *db, int64_t now_us, struct silence_facts *ret)
{
    struct silence_facts facts = {.now_us = now_us};
    int err = ask_number(db, STATEMENT_SILENCE_LAST_CALL, NULL, 0, &facts.last_call_us);
    if (!err && now_us - facts.last_call_us >= SILENCE_MINUTES_MIN * CLOCK_MINUTE_US) {
        struct silence_window silent = silence_window(now_us, facts.last_call_us, 0);
        silent.to_us -= WATCH_PAYMENT_MINUTES * CLOCK_MINUTE_US;
        err = load_history(db, &facts);
        if (!err)
            err = count_between(db, STATEMENT_SILENCE_PAYMENTS, silent, &facts.payments_waiting);
    }
    if (!err)
        *ret = facts;
    return err;
}

static void describe_silence(const struct silence_facts *facts, struct arena *arena, char out[ALARM_DETAIL_MAX])
{
    struct str last = facts->last_call_us ? french_datetime(arena, facts->last_call_us) : STR("aucun");
    snprintf(
        out, ALARM_DETAIL_MAX,
        "Dernier appel\u00a0: %.*s. Appels attendus depuis, d'après les mêmes heures des semaines passées\u00a0: %lld. "
        "Paiements envoyés à la banque et restés sans réponse\u00a0: %lld.",
        STR_ARG(last), (long long)silence_usual_calls(facts), (long long)facts->payments_waiting);
}

/* An alarm stands until a call has come, be it night by then. */
static int judge_silence(struct watch *watch, const struct silence_facts *facts)
{
    struct arena arena;
    struct alarm_row row;
    char detail[ALARM_DETAIL_MAX];
    int err = alarm_find(watch->db, ALARM_BANK_SILENCE, &row);
    if (err)
        return err;
    bool still = row.id && facts->last_call_us <= row.since_us;
    bool silent = still || silence_judge(facts) != SILENCE_NONE;
    arena_init(&arena, ARENA_MAX);
    describe_silence(facts, &arena, detail);
    err = update(watch, ALARM_BANK_SILENCE, silent, facts->last_call_us, detail);
    arena_done(&arena);
    metrics_set(watch->metrics, METRIC_BANK_SILENCE, silent);
    return err;
}

/* A stream that is behind looks like a silence, and is not one. */
static bool is_up_to_date(const struct watch *watch)
{
    return metrics_get(watch->metrics, METRIC_STREAM_LAG) == 0 && metrics_get(watch->metrics, METRIC_REDIS_UP) == 1;
}

int watch_bank(struct watch *watch)
{
    struct silence_facts facts;
    if (!is_up_to_date(watch) || watch->turn++ % WATCH_SILENCE_EVERY != 0)
        return 0;
    int err = watch_load_silence(watch->db, clock_now_us(), &facts);
    if (err)
        return err;
    metrics_set(watch->metrics, METRIC_BANK_SILENCE_S,
                facts.last_call_us ? (facts.now_us - facts.last_call_us) / CLOCK_SECOND_US : -1);
    return judge_silence(watch, &facts);
}

int watch_compare(struct watch *watch)
{
    return comparison_turn(&watch->comparison, watch->db, watch->stream, watch->drain);
}
