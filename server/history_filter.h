/* history_filter: which payments the history shows: of an account, in a kind of state, of a school year, older than a
 * row already seen. */
#ifndef DP_SERVER_HISTORY_FILTER_H
#define DP_SERVER_HISTORY_FILTER_H

#include "common/arena.h"
#include "server/db_pool.h"
#include "server/form.h"
#include "server/statements.h"

/* The owner and the key, which both statements begin with; all of the longer one. */
enum { HISTORY_PARAMS_KEY = 5, HISTORY_PARAMS_MAX = 12 };

struct history_filter {
    int64_t account_id;           /* 0: all */
    unsigned states;              /* index into history_state_groups; 0: all */
    int64_t year;                 /* school year by its first calendar year; 0: all */
    int64_t before_us, before_id; /* key of the last row seen; the far future: from the newest */
};

/* Kinds of states as parents think of them. */
struct history_state_group {
    const char *name; /* value of the field `etat` */
    const char *label;
    const char *states; /* comma-separated; empty: all */
};
enum { HISTORY_STATE_GROUPS = 5 };
extern const struct history_state_group history_state_groups[HISTORY_STATE_GROUPS];

/* Reads `compte`, `etat`, `annee` and `avant` of the query. ERR_INVALID for what no page of ours links to. */
int history_filter_read(const struct form *query, struct history_filter *ret);
/* True when anything but the page is asked for. */
bool history_filter_is_set(const struct history_filter *filter);
/* "?compte=…&etat=…", or "" when nothing is set; the key is not part of it. */
struct str history_filter_query(const struct history_filter *filter, struct arena *arena);
/* The parameters of SQL_HISTORY or SQL_HISTORY_CHOSEN for one owner, and how many; the first chooses nothing. */
unsigned history_filter_params(const struct history_filter *filter, enum statement statement, int64_t user_id,
                               int64_t school_id, int64_t rows_max, struct db_value out[HISTORY_PARAMS_MAX]);
/* The school year (1 September to 31 August) of a moment, by its first calendar year. */
int64_t history_school_year(int64_t us);

#endif
