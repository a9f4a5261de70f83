/* Consulter mon historique: payments, newest first. */
#include "common/clock.h"
#include "common/digits.h"
#include "common/french.h"
#include "common/log.h"
#include "common/payment_state.h"
#include "server/history_filter.h"
#include "server/history_parts.h"
#include "server/page.h"
#include "server/pages.h"
#include "server/row_key.h"

/* Of a payment that the bank took back or gave back the receipt says too much: its page says what it is worth. */
static struct str receipt_number(struct arena *arena, const struct db_value *row, enum payment_state state)
{
    if (row[HISTORY_RECEIPT_NUMBER].type == DB_NULL || !payment_state_is_paid(state))
        return STR_NULL;
    return french_receipt(arena, row[HISTORY_RECEIPT_YEAR].number, row[HISTORY_RECEIPT_NUMBER].number);
}

/* Which account got how much, where the payment is for more than one. */
static void fill_parts(struct arena *arena, struct str text, struct history_row_view *view)
{
    struct history_parts parts;
    struct history_part_view *views;

    history_parts_read(&parts, text);
    view->account = history_parts_names(&parts, arena);
    if (parts.n_items < 2)
        return;
    views = ARENA_ARRAY(arena, parts.n_items, struct history_part_view);
    for (unsigned i = 0; i < parts.n_items; i++)
        views[i] = (struct history_part_view){parts.items[i].first_name, french_money(arena, parts.items[i].cents)};
    view->parts = views;
    view->n_parts = parts.n_items;
}

static struct history_row_view history_row(struct arena *arena, const struct db_value *row)
{
    enum payment_state state;
    if (payment_state_from_name(row[HISTORY_STATE].text, &state) != 0)
        log_fatal("unknown_payment_state", LOG_SLICE("state", row[HISTORY_STATE].text));
    struct history_row_view view = {
        .date = french_datetime_short(arena, row[HISTORY_CREATED_AT].number),
        .date_iso = french_time_iso(arena, row[HISTORY_CREATED_AT].number),
        .amount = french_money(arena, row[HISTORY_AMOUNT].number),
        .state_name = row[HISTORY_STATE].text,
        .state_label = str_from(payment_state_label(state)),
        .reference = row[HISTORY_REFERENCE].text,
        .receipt = receipt_number(arena, row, state),
    };
    fill_parts(arena, row[HISTORY_PARTS].text, &view);
    return view;
}

static void fill_rows(struct page *page, const struct history_filter *filter, struct history_view *view)
{
    const struct db_result *result = page_result(page, 0);
    unsigned n_rows = result->n_rows < HISTORY_PAGE_ROWS ? result->n_rows : HISTORY_PAGE_ROWS;
    struct history_row_view *rows = ARENA_ARRAY(page->arena, n_rows, struct history_row_view);
    struct str query = history_filter_query(filter, page->arena);
    struct str joint = query.len > 0 ? STR("&") : STR("?");

    for (unsigned i = 0; i < n_rows; i++)
        rows[i] = history_row(page->arena, db_row(result, i));
    view->rows = rows;
    view->n_rows = n_rows;
    view->csv_url.url = ARENA_CONCAT(page->arena, STR("/historique/paiements.csv"), query);
    if (result->n_rows > n_rows) {
        const struct db_value *last = db_row(result, n_rows - 1);
        struct str key = row_key_text(page->arena, last[HISTORY_CREATED_AT].number, last[HISTORY_ID].number);
        view->older_url.url = ARENA_CONCAT(page->arena, STR("/historique"), query, joint, STR("avant="), key);
    }
    if (filter->before_id)
        view->newer_url.url = ARENA_CONCAT(page->arena, STR("/historique"), query);
}

/* A row each; a person without accounts has one row without any. */
static void fill_account_options(struct page *page, const struct history_filter *filter, struct history_view *view)
{
    struct option_view *options = ARENA_ARRAY(page->arena, page->opened->n_rows, struct option_view);

    for (unsigned i = 0; i < page->opened->n_rows; i++) {
        const struct db_value *row = db_row(page->opened, i);
        if (row[USER_ACCOUNT_ID].type == DB_NULL)
            continue;
        options[view->n_accounts++] = (struct option_view){
            .value = digits_text(page->arena, row[USER_ACCOUNT_ID].number),
            .label = ARENA_CONCAT(page->arena, row[USER_ACCOUNT_FIRST_NAME].text, STR(" "),
                                  row[USER_ACCOUNT_LAST_NAME].text),
            .selected = row[USER_ACCOUNT_ID].number == filter->account_id,
        };
    }
    view->accounts = options;
}

static void fill_state_options(struct page *page, const struct history_filter *filter, struct history_view *view)
{
    struct option_view *options = ARENA_ARRAY(page->arena, HISTORY_STATE_GROUPS, struct option_view);

    for (unsigned i = 0; i < HISTORY_STATE_GROUPS; i++)
        options[i] = (struct option_view){
            .value = str_from(history_state_groups[i].name),
            .label = str_from(history_state_groups[i].label),
            .selected = filter->states == i,
        };
    view->states = options;
    view->n_states = HISTORY_STATE_GROUPS;
}

/* From this school year back to that of the first payment. */
static void fill_year_options(struct page *page, const struct history_filter *filter, struct history_view *view)
{
    const struct db_value *oldest = &page->user[USER_OLDEST_PAYMENT];
    int64_t last = history_school_year(clock_now_us());
    int64_t first = oldest->type == DB_NULL ? last : history_school_year(oldest->number);
    struct option_view *options = ARENA_ARRAY(page->arena, (size_t)(last - first + 1), struct option_view);

    for (int64_t year = last; year >= first; year--)
        options[view->n_years++] = (struct option_view){
            .value = digits_text(page->arena, year),
            .label =
                ARENA_CONCAT(page->arena, digits_text(page->arena, year), STR("–"), digits_text(page->arena, year + 1)),
            .selected = year == filter->year,
        };
    view->years = options;
}

static void history_loaded(struct page *page)
{
    const struct history_filter *filter = page->state;
    struct history_view view = {.filtered = history_filter_is_set(filter)};
    struct response *response;

    fill_rows(page, filter, &view);
    fill_account_options(page, filter, &view);
    fill_state_options(page, filter, &view);
    fill_year_options(page, filter, &view);
    response = page_response(page, 200);
    view.page = page->view;
    template_page_history(&response->body, &view);
    page_send(page, response);
}

/* One row more than the page shows tells whether there is an older page. */
static void ask(struct page *page, enum statement statement, page_cb next)
{
    struct db_value params[HISTORY_PARAMS_MAX];
    unsigned n_params = history_filter_params(page->state, statement, page->session->user_id, page->session->school_id,
                                              HISTORY_PAGE_ROWS + 1, params);

    page_add_step(page, statement, DB_ANY_COUNT, params, n_params);
    page_query(page, next);
}

/* A payment with more lines than the short statement joins is asked for with the others, once more. */
static void short_history_loaded(struct page *page)
{
    const struct db_result *result = page_result(page, 0);
    unsigned i = 0;

    while (i < result->n_rows && db_row(result, i)[HISTORY_PARTS].type != DB_NULL)
        i++;
    if (i < result->n_rows)
        ask(page, SQL_HISTORY_CHOSEN, history_loaded);
    else
        history_loaded(page);
}

static void history_opened(struct page *page)
{
    struct history_filter *filter = ARENA_NEW(page->arena, struct history_filter);

    page->state = filter;
    if (history_filter_read(&page->form, filter) != 0)
        page_fail(page, 400);
    else if (history_filter_is_set(filter))
        ask(page, SQL_HISTORY_CHOSEN, history_loaded);
    else
        ask(page, SQL_HISTORY, short_history_loaded);
}

void page_history(struct request *request)
{
    page_open_with(request, PAGE_LOGGED_IN, "Consulter mon historique", SQL_USER_HISTORY, history_opened);
}
