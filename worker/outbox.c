#include "worker/outbox.h"

#include "common/crash_point.h"
#include "common/err.h"

enum { RETRY_BASE_S = 15, RETRY_RANDOM_S = 30, RETRY_POWER_MAX = 30 };

int64_t outbox_retry_delay_s(int64_t attempt, unsigned random)
{
    int64_t n = attempt < RETRY_POWER_MAX ? attempt : RETRY_POWER_MAX;
    return RETRY_BASE_S + n * n * n * n + random % RETRY_RANDOM_S;
}

static void read_mail(const struct db_result *rows, size_t row, struct outbox_mail *ret)
{
    enum { ID, KIND, SCHOOL, PAYMENT, USER, REVIEW, RECIPIENT, ATTEMPT, CREATED, ALARM };
    *ret = (struct outbox_mail){
        .id = db_int(rows, row, ID),
        .kind = db_text(rows, row, KIND),
        .transaction_id = db_int(rows, row, PAYMENT),
        .user_id = db_int(rows, row, USER),
        .review_id = db_int(rows, row, REVIEW),
        .recipient = db_text(rows, row, RECIPIENT),
        .attempt = db_int(rows, row, ATTEMPT) + 1,
        .created_us = db_int(rows, row, CREATED),
        .alarm_id = db_int(rows, row, ALARM),
    };
}

/* Those of a dead worker before the new ones: they have waited longer. */
static int lock_due(struct db *db, size_t max, struct arena *arena, struct db_result *found)
{
    struct db_value limit = DB_INT((int64_t)max);
    int err = db_run(db, STATEMENT_OUTBOX_ABANDONED, &limit, 1, arena, found);
    if (!err && found->n_rows == 0)
        err = db_run(db, STATEMENT_OUTBOX_DUE, &limit, 1, arena, found);
    return err;
}

/* Locks what is due, then leases it: within the transaction nobody else can have changed the rows. */
static int lease(struct db *db, size_t max, unsigned lease_s, struct arena *arena, struct db_result *found)
{
    struct db_value seconds = DB_INT(lease_s);
    struct db_result result = {0};
    int err = lock_due(db, max, arena, found);
    if (err || found->n_rows == 0)
        return err;
    CRASH_POINT("worker/mail_locked");
    struct db_value *ids = ARENA_ARRAY(arena, found->n_rows, struct db_value);
    for (size_t i = 0; i < found->n_rows; i++)
        ids[i] = DB_INT(db_int(found, i, 0));
    err = db_run_list(db, STATEMENT_OUTBOX_CLAIM, &seconds, 1, ids, found->n_rows, arena, &result);
    return err || result.affected == (int64_t)found->n_rows ? err : ERR_BUSY;
}

int outbox_claim(struct db *db, size_t max, unsigned lease_s, struct arena *arena, const struct outbox_mail **ret,
                 size_t *ret_count)
{
    struct db_result found = {0};
    int err = db_begin(db);
    if (!err)
        err = lease(db, max, lease_s, arena, &found);
    if (found.n_rows)
        CRASH_POINT("worker/mail_leased");
    if (!err)
        err = db_commit(db);
    else
        db_rollback(db);
    if (found.n_rows)
        CRASH_POINT("worker/mail_claimed");
    if (err)
        return err;
    struct outbox_mail *mails = ARENA_ARRAY(arena, found.n_rows, struct outbox_mail);
    for (size_t i = 0; i < found.n_rows; i++)
        read_mail(&found, i, &mails[i]);
    *ret = mails;
    *ret_count = found.n_rows;
    return 0;
}

static int change(struct db *db, enum statement statement, const struct db_value *params, size_t n_params,
                  struct arena *arena)
{
    struct db_result result;
    int err = db_run(db, statement, params, n_params, arena, &result);
    return err || result.affected == 1 ? err : ERR_CONFLICT;
}

int outbox_mark_sent(struct db *db, const struct outbox_mail *mail, struct arena *arena)
{
    struct db_value params[] = {DB_INT(mail->id), DB_INT(mail->attempt)};
    return change(db, STATEMENT_OUTBOX_SENT, params, 2, arena);
}

static int mark_failed(struct db *db, const struct outbox_mail *mail, const char *status, int64_t delay_s,
                       const char *error, struct arena *arena)
{
    struct db_value params[] = {DB_TEXT(str_from(status)), DB_INT(delay_s), DB_TEXT(str_from(error)), DB_INT(mail->id),
                                DB_INT(mail->attempt)};
    return change(db, STATEMENT_OUTBOX_RETRY, params, 5, arena);
}

int outbox_mark_retry(struct db *db, const struct outbox_mail *mail, int64_t delay_s, const char *error,
                      struct arena *arena)
{
    return mark_failed(db, mail, "PENDING", delay_s, error, arena);
}

int outbox_mark_dead(struct db *db, const struct outbox_mail *mail, const char *error, struct arena *arena)
{
    return mark_failed(db, mail, "DEAD", 0, error, arena);
}

int outbox_release(struct db *db, const struct outbox_mail *mail, struct arena *arena)
{
    struct db_value params[] = {DB_INT(mail->id), DB_INT(mail->attempt)};
    return change(db, STATEMENT_OUTBOX_RELEASE, params, 2, arena);
}
