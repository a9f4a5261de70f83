#include "worker/alarm.h"

#include "common/err.h"
#include "common/log.h"

enum { ARENA_MAX = 1024 * 1024 };

static const char *const names[ALARM_KIND_COUNT] = {
    [ALARM_DEAD_LETTERS] = "DEAD_LETTERS",     [ALARM_DEAD_MAILS] = "DEAD_MAILS",
    [ALARM_LATE_MAILS] = "LATE_MAILS",         [ALARM_LATE_JOURNAL] = "LATE_JOURNAL",
    [ALARM_EVENTS_MISSING] = "EVENTS_MISSING", [ALARM_BANK_SILENCE] = "BANK_SILENCE",
};

const char *alarm_kind_name(enum alarm_kind kind)
{
    return names[kind];
}

int alarm_kind_from_name(struct str name, enum alarm_kind *ret)
{
    for (int i = 0; i < ALARM_KIND_COUNT; i++) {
        if (str_eq_text(name, names[i])) {
            *ret = (enum alarm_kind)i;
            return 0;
        }
    }
    return ERR_NOT_FOUND;
}

bool alarm_reminds(enum alarm_kind kind)
{
    return kind != ALARM_BANK_SILENCE;
}

enum alarm_step alarm_decide(enum alarm_kind kind, const struct alarm_row *row, int64_t count)
{
    bool pause_over = row->mailed_age_s >= ALARM_MAIL_PAUSE_S;
    bool reminder_due = alarm_reminds(kind) && row->mailed_age_s >= ALARM_REMINDER_S;
    if (!row->id)
        return count > 0 ? ALARM_RAISE : ALARM_REST;
    if (count <= 0)
        return ALARM_END;
    if ((count > row->mailed_count && pause_over) || reminder_due)
        return ALARM_MAIL;
    return count != row->count ? ALARM_NOTE : ALARM_REST;
}

int alarm_find(struct db *db, enum alarm_kind kind, struct alarm_row *ret)
{
    enum { ID, COUNT, MAILED_COUNT, MAILED_AGE, SINCE };
    struct db_value name = DB_TEXT(str_from(names[kind]));
    struct db_result row;
    struct arena arena;
    arena_init(&arena, ARENA_MAX);
    int err = db_run(db, STATEMENT_ALARM_FIND, &name, 1, &arena, &row);
    if (!err)
        *ret = (struct alarm_row){0};
    if (!err && row.n_rows)
        *ret = (struct alarm_row){db_int(&row, 0, ID), db_int(&row, 0, COUNT), db_int(&row, 0, MAILED_COUNT),
                                  db_int(&row, 0, MAILED_AGE), db_int(&row, 0, SINCE)};
    arena_done(&arena);
    return err;
}

static int run_counted(struct db *db, enum statement statement, const struct db_value *params, size_t n_params,
                       struct arena *arena)
{
    struct db_result result;
    int err = db_run(db, statement, params, n_params, arena, &result);
    return err || result.affected == 1 ? err : ERR_CONFLICT;
}

static int write_mail(struct db *db, const char *kind, int64_t alarm_id, const char *operator_email,
                      struct arena *arena)
{
    struct db_value params[] = {DB_TEXT(str_from(kind)), DB_INT(alarm_id), DB_TEXT(str_from(operator_email))};
    if (!operator_email || !*operator_email)
        return 0;
    return db_run(db, STATEMENT_ALARM_MAIL_ADD, params, 3, arena, NULL);
}

static int end_transaction(struct db *db, int err)
{
    if (!err)
        return db_commit(db);
    db_rollback(db);
    return err;
}

static int mail(struct db *db, const struct alarm_row *row, const struct alarm_finding *finding,
                const char *operator_email, struct arena *arena)
{
    struct db_value params[] = {DB_INT(finding->count), DB_TEXT(str_from(finding->detail)), DB_INT(finding->count),
                                DB_INT(row->id), DB_INT(ALARM_MAIL_PAUSE_S)};
    int err = db_begin(db);
    if (err)
        return err;
    err = run_counted(db, STATEMENT_ALARM_MAILED, params, 5, arena);
    if (!err)
        err = write_mail(db, "OPERATOR_ALARM", row->id, operator_email, arena);
    return end_transaction(db, err);
}

/* Only who was told of a silence is told of its end. The other alarms end by what an operator did. */
static int end(struct db *db, const struct alarm_row *row, const struct alarm_finding *finding,
               const char *operator_email, struct arena *arena)
{
    struct db_value id = DB_INT(row->id);
    int err = db_begin(db);
    if (err)
        return err;
    err = run_counted(db, STATEMENT_ALARM_END, &id, 1, arena);
    if (!err && finding->kind == ALARM_BANK_SILENCE && row->mailed_count > 0)
        err = write_mail(db, "OPERATOR_ALARM_ENDED", row->id, operator_email, arena);
    return end_transaction(db, err);
}

static int raise_alarm(struct db *db, const struct alarm_finding *finding, struct arena *arena)
{
    struct db_value name = DB_TEXT(str_from(names[finding->kind]));
    struct db_value params[] = {name, DB_INT(finding->count), DB_TEXT(str_from(finding->detail)),
                                DB_ID(finding->since_us), name};
    return db_run(db, STATEMENT_ALARM_RAISE, params, 5, arena, NULL);
}

static int note(struct db *db, const struct alarm_row *row, const struct alarm_finding *finding, struct arena *arena)
{
    struct db_value params[] = {DB_INT(finding->count), DB_TEXT(str_from(finding->detail)), DB_INT(row->id)};
    return run_counted(db, STATEMENT_ALARM_NOTE, params, 3, arena);
}

static void report(const struct alarm_finding *finding, enum alarm_step step)
{
    const char *kind = names[finding->kind];
    if (step == ALARM_RAISE)
        log_error("alarm_raised", LOG_STR("kind", kind), LOG_INT("count", finding->count),
                  LOG_STR("detail", finding->detail));
    else if (step == ALARM_END)
        log_info("alarm_ended", LOG_STR("kind", kind));
}

static int take_step(struct db *db, const struct alarm_finding *finding, const char *operator_email,
                     enum alarm_step *ret_step)
{
    struct arena arena;
    struct alarm_row row = {0};
    int err = alarm_find(db, finding->kind, &row);
    *ret_step = err ? ALARM_REST : alarm_decide(finding->kind, &row, finding->count);
    arena_init(&arena, ARENA_MAX);
    if (*ret_step == ALARM_RAISE)
        err = raise_alarm(db, finding, &arena);
    else if (*ret_step == ALARM_MAIL)
        err = mail(db, &row, finding, operator_email, &arena);
    else if (*ret_step == ALARM_NOTE)
        err = note(db, &row, finding, &arena);
    else if (*ret_step == ALARM_END)
        err = end(db, &row, finding, operator_email, &arena);
    arena_done(&arena);
    if (!err)
        report(finding, *ret_step);
    return err;
}

int alarm_update(struct db *db, const struct alarm_finding *finding, const char *operator_email)
{
    enum alarm_step step;
    int err = take_step(db, finding, operator_email, &step);
    /* A new alarm is mailed by a step of its own, which knows of the last mail of its kind. */
    if (!err && step == ALARM_RAISE)
        err = take_step(db, finding, operator_email, &step);
    return err == ERR_CONFLICT ? 0 : err;
}
