/* Historique de connexion: who tried to log in as this person, newest first; and the end of the other sessions. */
#include "common/french.h"
#include "server/client_address.h"
#include "server/page.h"
#include "server/pages.h"
#include "server/row_key.h"
#include "server/user_agent.h"

/* Columns of SQL_LOGINS. */
enum { ROW_ID, ROW_AT, ROW_SUCCESS, ROW_ADDRESS, ROW_USER_AGENT };

static struct str short_address(struct arena *arena, struct str text)
{
    struct client_address address;
    char out[INET6_ADDRSTRLEN];

    if (client_address_parse(text, &address) != 0)
        return STR("inconnue");
    client_address_print_short(&address, out);
    return arena_str(arena, str_from(out));
}

static struct login_row_view login_row(struct arena *arena, const struct db_value *row)
{
    return (struct login_row_view){
        .at = french_datetime(arena, row[ROW_AT].number),
        .at_iso = french_time_iso(arena, row[ROW_AT].number),
        .success = row[ROW_SUCCESS].number != 0,
        .address = short_address(arena, row[ROW_ADDRESS].text),
        .browser = user_agent_describe(arena, row[ROW_USER_AGENT].text),
    };
}

static void logins_loaded(struct page *page)
{
    const struct db_result *result = page_result(page, 0);
    unsigned n_rows = result->n_rows < LOGINS_PAGE_ROWS ? result->n_rows : LOGINS_PAGE_ROWS;
    struct login_row_view *rows = ARENA_ARRAY(page->arena, n_rows, struct login_row_view);
    struct login_history_view view = {.rows = rows, .n_rows = n_rows};
    struct response *response;

    for (unsigned i = 0; i < n_rows; i++)
        rows[i] = login_row(page->arena, db_row(result, i));
    if (result->n_rows > n_rows) {
        const struct db_value *last = db_row(result, n_rows - 1);
        view.older_url.url = arena_printf(page->arena, "/historique/connexions?avant=%.*s",
                                          STR_ARG(row_key_text(page->arena, last[ROW_AT].number, last[ROW_ID].number)));
    }
    if (form_get(&page->form, "avant").len > 0)
        view.newer_url.url = STR("/historique/connexions");
    if (str_eq(form_get(&page->form, "appareils"), STR("deconnectes")))
        page->view.notice = STR("Vos autres appareils sont déconnectés.");
    response = page_response(page, 200);
    view.page = page->view;
    template_page_login_history(&response->body, &view);
    page_send(page, response);
}

static void logins_opened(struct page *page)
{
    int64_t before_us, before_id;

    if (row_key_read(form_get(&page->form, "avant"), &before_us, &before_id) != 0) {
        page_fail(page, 400);
        return;
    }
    page_step(page, SQL_LOGINS, DB_ANY_COUNT, DB_I(page->session->user_id), DB_I(before_us), DB_I(before_us),
              DB_I(before_us), DB_I(before_id));
    page_query(page, logins_loaded);
}

void page_logins(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Historique de connexion", logins_opened);
}

/* --- the other devices --- */

static void others_ended(void *data, int err, struct session *session)
{
    struct page *page = data;
    (void)session;
    if (err)
        page_fail_err(page, err);
    else
        page_redirect(page, STR("/historique/connexions?appareils=deconnectes"));
}

static void end_others_opened(struct page *page)
{
    session_destroy_others(page->app->sessions, page->arena, page->session->user_id, page->cookie, others_ended, page);
}

void page_logins_end_others(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Déconnecter les autres appareils", end_others_opened);
}
