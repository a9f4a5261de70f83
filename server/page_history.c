/* Consulter mon historique: payments, newest first, and logins. */
#include "common/french.h"
#include "common/log.h"
#include "common/payment_state.h"
#include "server/page.h"
#include "server/pages.h"

/* Columns of SQL_HISTORY_FIRST and SQL_HISTORY_BEFORE. */
enum { ROW_ID, ROW_CREATED_AT, ROW_REFERENCE, ROW_STATE, ROW_AMOUNT, ROW_NAMES };
/* Columns of SQL_LOGINS. */
enum { ROW_AT, ROW_SUCCESS, ROW_ADDRESS, ROW_USER_AGENT };

static struct history_row_view history_row(struct arena *arena, const struct db_value *row)
{
    enum payment_state state;
    if (payment_state_from_name(row[ROW_STATE].text, &state) != 0)
        log_fatal("unknown_payment_state", LOG_SLICE("state", row[ROW_STATE].text));
    return (struct history_row_view){
        .date = french_datetime_short(arena, row[ROW_CREATED_AT].number),
        .date_iso = french_time_iso(arena, row[ROW_CREATED_AT].number),
        .account = row[ROW_NAMES].text,
        .amount = french_money(arena, row[ROW_AMOUNT].number),
        .state_name = row[ROW_STATE].text,
        .state_label = str_from(payment_state_label(state)),
        .reference = row[ROW_REFERENCE].text,
    };
}

static void history_loaded(struct page *page)
{
    const struct db_result *result = page_result(page, 0);
    struct history_row_view rows[HISTORY_PAGE_ROWS];
    unsigned n_rows = result->n_rows < HISTORY_PAGE_ROWS ? result->n_rows : HISTORY_PAGE_ROWS;
    struct history_view view = {.rows = rows, .n_rows = n_rows};
    struct response *response;

    for (unsigned i = 0; i < n_rows; i++)
        rows[i] = history_row(page->arena, db_row(result, i));
    if (result->n_rows > n_rows) {
        const struct db_value *last = db_row(result, n_rows - 1);
        view.older_url.url = arena_printf(page->arena, "/historique?avant=%lld.%lld",
                                          (long long)last[ROW_CREATED_AT].number, (long long)last[ROW_ID].number);
    }
    if (form_get(&page->form, "avant").len > 0)
        view.newer_url.url = STR("/historique");
    response = page_response(page, 200);
    view.page = page->view;
    template_page_history(&response->body, &view);
    page_send(page, response);
}

/* "avant" is the key of the last row seen: microseconds, a point, the id. */
static bool read_key(struct str text, int64_t *ret_at, int64_t *ret_id)
{
    struct str id;
    struct str at = str_cut(text, '.', &id);
    return str_to_u63(at, ret_at) == 0 && str_to_u63(id, ret_id) == 0;
}

static void history_opened(struct page *page)
{
    struct str before = form_get(&page->form, "avant");
    int64_t at, id;

    if (before.len == 0) {
        page_step(page, SQL_HISTORY_FIRST, DB_ANY_COUNT, PAGE_OWNER(page));
    } else if (read_key(before, &at, &id)) {
        page_step(page, SQL_HISTORY_BEFORE, DB_ANY_COUNT, PAGE_OWNER(page), DB_I(at), DB_I(at), DB_I(id));
    } else {
        page_fail(page, 400);
        return;
    }
    page_query(page, history_loaded);
}

void page_history(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Consulter mon historique", history_opened);
}

static void logins_loaded(struct page *page)
{
    const struct db_result *result = page_result(page, 0);
    struct login_row_view *rows = ARENA_ARRAY(page->arena, result->n_rows, struct login_row_view);
    struct login_history_view view = {.rows = rows, .n_rows = result->n_rows};
    struct response *response;

    for (unsigned i = 0; i < result->n_rows; i++) {
        const struct db_value *row = db_row(result, i);
        rows[i] = (struct login_row_view){
            .at = french_datetime(page->arena, row[ROW_AT].number),
            .at_iso = french_time_iso(page->arena, row[ROW_AT].number),
            .success = row[ROW_SUCCESS].number != 0,
            .address = row[ROW_ADDRESS].text,
            .browser = row[ROW_USER_AGENT].text,
        };
    }
    response = page_response(page, 200);
    view.page = page->view;
    template_page_login_history(&response->body, &view);
    page_send(page, response);
}

static void logins_opened(struct page *page)
{
    page_step(page, SQL_LOGINS, DB_ANY_COUNT, DB_I(page->session->user_id));
    page_query(page, logins_loaded);
}

void page_logins(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Historique de connexion", logins_opened);
}
