#include "server/family.h"

#include "common/clock.h"
#include "common/french.h"
#include "server/statements.h"

struct str family_balance_date(struct arena *arena, int64_t us)
{
    struct clock_local local = clock_to_local(us);

    if (local.hour != 0 || local.minute != 0)
        return french_datetime(arena, us);
    return french_date_from_iso(arena, str_slice(french_time_iso(arena, us).ptr, 10));
}

/* Nothing of nothing: the template leaves it out. */
static struct str money_if_any(struct arena *arena, int64_t cents)
{
    return cents == 0 ? STR("") : french_money(arena, cents);
}

static void fill_balance(struct arena *arena, const struct db_value *row, struct account_view *view)
{
    view->balance = french_money(arena, row[FAMILY_BALANCE].number);
    view->balance_below_zero = row[FAMILY_BALANCE].number < 0;
    view->balance_date = family_balance_date(arena, row[FAMILY_BALANCE_AT].number);
    view->paid_since = money_if_any(arena, row[FAMILY_PAID].number);
    view->paid_by_others = money_if_any(arena, row[FAMILY_PAID_BY_OTHERS].number);
    view->only_by_others = row[FAMILY_PAID_BY_OTHERS].number == row[FAMILY_PAID].number;
    view->taken_back = money_if_any(arena, -row[FAMILY_TAKEN_BACK].number);
}

struct account_view *family_read(struct arena *arena, const struct db_result *result)
{
    struct account_view *views = ARENA_ARRAY(arena, result->n_rows, struct account_view);

    for (unsigned i = 0; i < result->n_rows; i++) {
        const struct db_value *row = result->cells + (size_t)i * result->n_columns;
        struct account_view *view = &views[i];
        view->id = row[FAMILY_ID].number;
        view->name =
            arena_printf(arena, "%.*s %.*s", STR_ARG(row[FAMILY_FIRST_NAME].text), STR_ARG(row[FAMILY_LAST_NAME].text));
        view->class_name = row[FAMILY_CLASS_NAME].text;
        if (row[FAMILY_BALANCE].type != DB_NULL)
            fill_balance(arena, row, view);
    }
    return views;
}
