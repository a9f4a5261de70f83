#include "server/history_filter.h"

#include "common/clock.h"
#include "common/err.h"
#include "server/row_key.h"

enum { FIRST_MONTH = 9, YEAR_MIN = 2009, YEAR_MAX = 2999 };

const struct history_state_group history_state_groups[HISTORY_STATE_GROUPS] = {
    {"", "Tous les états", ""},
    {"valides", "Paiements validés", "AUTHORISED,CAPTURED,SETTLED"},
    {"attente", "En attente", "CREATED,PENDING"},
    {"sans-suite", "Refusés, abandonnés, expirés", "DECLINED,CANCELLED,EXPIRED"},
    {"annules", "Rejetés ou remboursés", "REVERSED,REFUNDED"},
};

static int read_number(struct str text, int64_t *ret)
{
    return text.len == 0 ? 0 : str_to_u63(text, ret);
}

static int read_states(struct str text, unsigned *ret)
{
    for (unsigned i = 0; i < HISTORY_STATE_GROUPS; i++) {
        if (str_eq_text(text, history_state_groups[i].name)) {
            *ret = i;
            return 0;
        }
    }
    return ERR_INVALID;
}

int history_filter_read(const struct form *query, struct history_filter *ret)
{
    struct history_filter filter = {0};

    if (read_number(form_get(query, "compte"), &filter.account_id) ||
        read_number(form_get(query, "annee"), &filter.year) || read_states(form_get(query, "etat"), &filter.states) ||
        row_key_read(form_get(query, "avant"), &filter.before_us, &filter.before_id))
        return ERR_INVALID;
    if (filter.year != 0 && (filter.year < YEAR_MIN || filter.year > YEAR_MAX))
        return ERR_INVALID;
    *ret = filter;
    return 0;
}

bool history_filter_is_set(const struct history_filter *filter)
{
    return filter->account_id || filter->states || filter->year;
}

struct str history_filter_query(const struct history_filter *filter, struct arena *arena)
{
    struct str account = STR(""), states = STR(""), year = STR("");
    struct str all;

    if (filter->account_id)
        account = arena_printf(arena, "&compte=%lld", (long long)filter->account_id);
    if (filter->states)
        states = arena_printf(arena, "&etat=%s", history_state_groups[filter->states].name);
    if (filter->year)
        year = arena_printf(arena, "&annee=%lld", (long long)filter->year);
    all = arena_printf(arena, "%.*s%.*s%.*s", STR_ARG(account), STR_ARG(states), STR_ARG(year));
    return all.len == 0 ? all : arena_printf(arena, "?%.*s", (int)all.len - 1, all.ptr + 1);
}

static int64_t first_of_september(int64_t year)
{
    const struct clock_local day = {.year = (int)year, .month = FIRST_MONTH, .day = 1};
    return clock_from_local(&day);
}

unsigned history_filter_params(const struct history_filter *filter, enum statement statement, int64_t user_id,
                               int64_t school_id, int64_t rows_max, struct db_value out[HISTORY_PARAMS_MAX])
{
    const struct db_value params[HISTORY_PARAMS_MAX] = {
        DB_I(user_id),
        DB_I(school_id),
        DB_I(filter->before_us), /* once alone, so that the index range ends there */
        DB_I(filter->before_us),
        DB_I(filter->before_id),
        DB_I(filter->year ? first_of_september(filter->year) : 0),
        DB_I(filter->year ? first_of_september(filter->year + 1) : ROW_KEY_NEWEST_US),
        DB_I(filter->states),
        DB_S(str_from(history_state_groups[filter->states].states)),
        DB_I(filter->account_id),
        DB_I(filter->account_id),
    };
    unsigned n_params = statement == SQL_HISTORY_CHOSEN ? HISTORY_PARAMS_MAX - 1 : HISTORY_PARAMS_KEY;

    memcpy(out, params, n_params * sizeof *params);
    out[n_params] = DB_I(rows_max);
    return n_params + 1;
}

int64_t history_school_year(int64_t us)
{
    const struct clock_local at = clock_to_local(us);
    return at.month >= FIRST_MONTH ? at.year : at.year - 1;
}
