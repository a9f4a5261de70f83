/* alarm: what an operator must know of, told once. A row in `alarms` is open from the first sight of a cause until it
 * is gone; a unique key lets only one of many workers open it, and the mails' rows are written in the transaction that
 * notes them, so that no two workers mail the same.
 *
 * Mails: at once, but at most one an hour and kind; another one when it has become worse; a reminder a day, but not of
 * the bank's silence, which nobody here can end. Alarm mails that fail count in no alarm. */
#ifndef DP_WORKER_ALARM_H
#define DP_WORKER_ALARM_H

#include "worker/db.h"

enum { ALARM_MAIL_PAUSE_S = 3600, ALARM_REMINDER_S = 24 * 3600, ALARM_DETAIL_MAX = 500 };

enum alarm_kind {
    ALARM_DEAD_LETTERS,
    ALARM_DEAD_MAILS,
    ALARM_LATE_MAILS,
    ALARM_LATE_JOURNAL,
    ALARM_EVENTS_MISSING,
    ALARM_BANK_SILENCE,
    ALARM_KIND_COUNT,
};
const char *alarm_kind_name(enum alarm_kind kind);               /* as in alarms.kind */
int alarm_kind_from_name(struct str name, enum alarm_kind *ret); /* ERR_NOT_FOUND */

/* What the database knows of a kind. */
struct alarm_row {
    int64_t id; /* 0: none is open */
    int64_t count, mailed_count;
    int64_t mailed_age_s; /* since the last mail of this kind, of an earlier alarm if need be */
    int64_t since_us;     /* 0: not said */
};

/* Whether it is mailed again while it lasts. */
bool alarm_reminds(enum alarm_kind kind);

enum alarm_step { ALARM_REST, ALARM_RAISE, ALARM_MAIL, ALARM_NOTE, ALARM_END };
/* What follows from the row and how many there are now. Pure. */
enum alarm_step alarm_decide(enum alarm_kind kind, const struct alarm_row *row, int64_t count);

/* What somebody found. */
struct alarm_finding {
    enum alarm_kind kind;
    int64_t count;      /* 0: nothing, which ends an alarm */
    int64_t since_us;   /* 0: not said */
    const char *detail; /* shorter than ALARM_DETAIL_MAX; borrowed */
};

/* The open alarm of a kind. Errors of db.h. */
int alarm_find(struct db *db, enum alarm_kind kind, struct alarm_row *ret);
/* Brings the alarm up to the finding. `operator_email`: NULL or empty: only row and log. Errors of db.h but
 * ERR_CONFLICT, which means that another worker was quicker. */
int alarm_update(struct db *db, const struct alarm_finding *finding, const char *operator_email);

/* The alarm's texts, in French: what happened (after the count), what it means, what to do; commands, one a line. */
struct alarm_text {
    const char *subject;
    const char *what_one, *what_many; /* with % where the count stands */
    const char *meaning;
    const char *commands;
};
const struct alarm_text *alarm_text(enum alarm_kind kind);

#endif
