#include "server/page.h"

#include <assert.h>

#include "common/err.h"
#include "common/log.h"
#include "server/client_address.h"
#include "server/shared_rate.h"

/* Wrong passwords are counted by network, because one customer may hold a whole one. */
enum { ATTEMPT_IPV4_BITS = 24, ATTEMPT_IPV6_BITS = 56 };

/* --- answers -------------------------------------------------------------------------------------------------------
 */

struct response *page_response(struct page *page, unsigned status)
{
    struct response *response = response_new(page->request, status);
    response->content_type = "text/html; charset=utf-8";
    response->cache = RESPONSE_NO_STORE;
    page_set_visitor(page, response);
    return response;
}

static void page_done(struct page *page)
{
    request_unref(page->request);
}

void page_send(struct page *page, struct response *response)
{
    response_send(response);
    page_done(page);
}

void page_redirect(struct page *page, struct str location)
{
    response_redirect(page->request, location);
    page_done(page);
}

struct error_text {
    unsigned status;
    const char *title;
    const char *advice;
    bool money_may_move;
};

static const struct error_text error_texts[] = {
    {400, "Demande incomprise",
     "Votre navigateur a envoyé une demande que nous ne comprenons pas. Revenez à l'accueil et recommencez.", false},
    {403, "Formulaire périmé",
     "Cette page était ouverte depuis trop longtemps ou dans un autre onglet. Rien n'a été enregistré : revenez en "
     "arrière, "
     "rechargez la page et recommencez.",
     false},
    {404, "Page introuvable",
     "Cette adresse n'existe pas, ou n'est pas la vôtre. Vos paiements se trouvent dans votre historique.", false},
    {405, "Action impossible", "Cette adresse ne s'utilise pas ainsi. Revenez à l'accueil et recommencez.", false},
    {408, "Demande trop lente", "Votre demande n'est pas arrivée entière. Vérifiez votre connexion et recommencez.",
     false},
    {413, "Envoi trop volumineux",
     "Ce que vous avez envoyé est trop long. Raccourcissez vos commentaires et recommencez.", false},
    {417, "Demande incomprise",
     "Votre navigateur a envoyé une demande que nous ne comprenons pas. Revenez à l'accueil et recommencez.", false},
    {429, "Trop de demandes", "Trop de demandes viennent de votre adresse. Patientez quelques secondes et recommencez.",
     false},
    {500, "Erreur de notre part",
     "Une erreur s'est produite chez nous et a été notée. Vous pouvez recommencer dans un moment.", true},
    {503, "Service momentanément indisponible",
     "Le service est très sollicité ou en maintenance. Recommencez dans une minute.", true},
};

static const struct error_text *find_error_text(unsigned status)
{
    const struct error_text *fallback = &error_texts[0];
    for (size_t i = 0; i < sizeof error_texts / sizeof error_texts[0]; i++) {
        if (error_texts[i].status == status)
            return &error_texts[i];
        if (status >= 500 && error_texts[i].status == 500)
            fallback = &error_texts[i];
    }
    return fallback;
}

static void draw_error(struct request *request, const struct page_view *page_view, unsigned status, const char *allow)
{
    const struct error_text *text = find_error_text(status);
    struct response *response = response_new(request, status);
    struct error_view view = {
        .page = *page_view,
        .status = status,
        .title = str_from(text->title),
        .advice = str_from(text->advice),
        .money_may_move = text->money_may_move,
        .request_id = arena_printf(&request->arena, "%016llx", (unsigned long long)request->id),
    };
    view.page.title = view.title;
    response->content_type = "text/html; charset=utf-8";
    response->cache = RESPONSE_NO_STORE;
    if (allow)
        response_header(response, "Allow", str_from(allow));
    if (status == 503 || status == 429)
        response_header(response, "Retry-After", STR("30"));
    template_page_error(&response->body, &view);
    response_send(response);
}

void page_draw_error(struct request *request, unsigned status, const char *allow)
{
    const struct page_view view = {.school_kind = STR("du lycée / collège")};
    draw_error(request, &view, status, allow);
}

void page_fail(struct page *page, unsigned status)
{
    draw_error(page->request, &page->view, status, NULL);
    page_done(page);
}

void page_fail_err(struct page *page, int err)
{
    bool again_helps = err == ERR_BUSY || err == ERR_UNAVAILABLE || err == ERR_TIMEOUT || err == ERR_CANCELLED;
    log_warn("page_failed", LOG_SLICE("path", page->request->path), LOG_ERR(err), LOG_REQUEST(page->request->id));
    page_fail(page, again_helps ? 503 : 500);
}

/* --- SQL -----------------------------------------------------------------------------------------------------------
 */

void page_add_step(struct page *page, enum statement statement, int64_t expect, const struct db_value *params,
                   unsigned n_params)
{
    struct db_value *copy = ARENA_ARRAY(page->arena, n_params, struct db_value);
    assert(page->n_steps < PAGE_STEPS_MAX);
    memcpy(copy, params, n_params * sizeof *params);
    page->steps[page->n_steps++] = (struct db_step){.statement = statement, .params = copy, .expect = expect};
}

static void page_run_done(struct db_run *run, int err)
{
    struct page *page = run->data;
    page->n_steps = 0;
    if (err == ERR_CONFLICT && page->conflict)
        page->conflict(page);
    else if (err)
        page_fail_err(page, err);
    else
        page->next(page);
}

static void page_try_done(struct db_run *run, int err)
{
    struct page *page = run->data;
    page->n_steps = 0;
    if (err && err != ERR_CONFLICT)
        log_warn("page_try_failed", LOG_SLICE("path", page->request->path), LOG_ERR(err),
                 LOG_REQUEST(page->request->id));
    page->next(page);
}

void page_try(struct page *page, unsigned within_ms, page_cb next)
{
    page->next = next;
    page->run = (struct db_run){
        .arena = page->arena,
        .steps = page->steps,
        .n_steps = page->n_steps,
        .deadline_ms = within_ms,
        .done = page_try_done,
        .data = page,
    };
    db_pool_run(page->app->db, &page->run);
}

static void start_run(struct page *page, page_cb next, page_cb conflict, bool atomic)
{
    page->next = next;
    page->conflict = conflict;
    page->run = (struct db_run){
        .arena = page->arena,
        .steps = page->steps,
        .n_steps = page->n_steps,
        .atomic = atomic,
        .done = page_run_done,
        .data = page,
    };
    db_pool_run(page->app->db, &page->run);
}

void page_query(struct page *page, page_cb next)
{
    start_run(page, next, NULL, false);
}

void page_change(struct page *page, page_cb next, page_cb conflict)
{
    start_run(page, next, conflict, true);
}

const struct db_result *page_result(const struct page *page, unsigned step)
{
    return &page->run.results[step];
}

const struct db_value *db_row(const struct db_result *result, unsigned row)
{
    assert(row < result->n_rows);
    return result->cells + (size_t)row * result->n_columns;
}

/* --- forms ---------------------------------------------------------------------------------------------------------
 */

bool page_is_post(const struct page *page)
{
    return page->request->method == HTTP_POST_;
}

struct str page_field(const struct page *page, const char *name)
{
    return str_trim(form_get(&page->form, name));
}

void page_error(struct page *page, const char *field, struct str message)
{
    if (!page->errors) {
        page->errors = ARENA_ARRAY(page->arena, PAGE_ERRORS_MAX, struct field_error_view);
        page->view.errors = page->errors;
    }
    if (page->view.n_errors < PAGE_ERRORS_MAX)
        page->errors[page->view.n_errors++] = (struct field_error_view){.field = str_from(field), .message = message};
}

struct str page_user_text(const struct page *page, enum user_column column)
{
    return page->user[column].text;
}

int64_t page_user_number(const struct page *page, enum user_column column)
{
    return page->user[column].number;
}

static struct client_address client_address_of(const struct page *page)
{
    struct client_address address = {{0}};
    /* What is no address shares one. */
    (void)client_address_parse(str_from(page->request->address), &address);
    return address;
}

void page_init_attempt(const struct page *page, struct login_attempt *attempt, struct str login)
{
    struct client_address address = client_address_of(page);
    struct client_address network = client_address_network(&address, ATTEMPT_IPV4_BITS, ATTEMPT_IPV6_BITS);
    char text[INET6_ADDRSTRLEN];

    client_address_print(&network, text);
    login_guard_init(attempt, page->app->redis, login, str_from(text));
}

/* --- opening -------------------------------------------------------------------------------------------------------
 */

static struct str school_kind_text(struct str kind)
{
    if (str_eq(kind, STR("COLLEGE")))
        return STR("du collège");
    if (str_eq(kind, STR("LYCEE")))
        return STR("du lycée");
    return STR("de la cité scolaire");
}

static struct safe_url school_file_url(struct page *page, enum user_column column)
{
    struct str name = page_user_text(page, column);
    return (struct safe_url){name.len ? ARENA_CONCAT(page->arena, STR("/ecole/"), name) : STR_NULL};
}

/* The school's own look, where it has one. */
static void fill_identity(struct page *page)
{
    struct page_view *view = &page->view;
    view->sheet_url = school_file_url(page, USER_SCHOOL_SHEET);
    view->logo_url = school_file_url(page, USER_SCHOOL_LOGO);
    if (page_user_number(page, USER_LOGO_HEIGHT) > 0)
        view->logo_width =
            LOGO_HEIGHT * page_user_number(page, USER_LOGO_WIDTH) / page_user_number(page, USER_LOGO_HEIGHT);
}

static void fill_view(struct page *page)
{
    struct page_view *view = &page->view;
    view->demonstration = page->app->config->site.mode == CONFIG_DEMONSTRATION;
    if (page->cookie.len > 0)
        view->csrf = csrf_token(&page->app->csrf, page->arena, page->cookie);
    if (!page->user)
        return;
    view->logged_in = true;
    view->session_end = page_session_end(page);
    fill_identity(page);
    view->school_name = page_user_text(page, USER_SCHOOL_NAME);
    view->school_kind = school_kind_text(page_user_text(page, USER_SCHOOL_KIND));
    view->user_name = ARENA_CONCAT(page->arena, page_user_text(page, USER_FIRST_NAME), STR(" "),
                                   page_user_text(page, USER_LAST_NAME));
}

static bool parse_form(struct page *page)
{
    if (page_is_post(page))
        return form_parse(page->arena, page->request->body, &page->form) == 0;
    return form_parse_repeated(page->arena, page->request->query, page->repeated, &page->form) == 0;
}

/* A form without a cookie, or with a token that is not this cookie's, was not made for this browser. */
static bool csrf_is_good(struct page *page)
{
    return csrf_matches(&page->app->csrf, page->arena, page->cookie, form_get(&page->form, "csrf"));
}

/* Whoever had to choose a password first lands on any page. */
static void fill_notice(struct page *page)
{
    if (page->user && str_eq(form_get(&page->form, "mot-de-passe"), STR("enregistre")))
        page->view.notice = STR("Votre nouveau mot de passe est enregistré.");
}

static void page_ready(struct page *page)
{
    bool from_bank = page->access == PAGE_BANK_RETURN;

    fill_view(page);
    if (!parse_form(page) && !from_bank) {
        page_fail(page, 400);
    } else if (page_is_post(page) && !from_bank && !csrf_is_good(page)) {
        page_fail(page, 403);
    } else {
        fill_notice(page);
        page->handler(page);
    }
}

/* 303 to the login page, and from there to the page that was asked for; an invalid cookie is removed on the way. */
static void send_to_login(struct page *page)
{
    struct response *response = response_new(page->request, 303);
    response_header(response, "Location", page->cookie.len > 0 ? STR("/connexion?session=expiree") : STR("/connexion"));
    page_keep_wanted(page, response);
    if (page->cookie.len > 0)
        page_clear_session(page, response);
    response_send(response);
    page_done(page);
}

static void continue_logged_out(struct page *page)
{
    page->session = NULL;
    if (page->access == PAGE_LOGGED_IN || page->access == PAGE_PASSWORD) {
        send_to_login(page);
        return;
    }
    page->cookie = page_visitor_cookie(page);
    page_ready(page);
}

static void user_loaded(struct page *page)
{
    const struct db_result *result = page_result(page, 0);
    if (result->n_rows == 0) { /* deactivated, or another password, since the login */
        continue_logged_out(page);
        return;
    }
    page->opened = result;
    page->user = db_row(result, 0);
    if (page->session->must_change_password && page->access == PAGE_LOGGED_IN)
        page_redirect(page, STR("/mot-de-passe"));
    else
        page_ready(page);
}

static void find_user(struct page *page)
{
    page_step(page, page->opening, DB_ANY_COUNT, PAGE_OWNER(page), DB_S(str_from(page->session->password_mark)));
    page_query(page, user_loaded);
}

/* Both answers of Redis are there. */
static void continue_opening(struct page *page)
{
    if (page->is_over_rate)
        page_fail(page, 429);
    else if (page->cookie.len == 0 || page->session_err == ERR_NOT_FOUND)
        continue_logged_out(page);
    else if (page->session_err)
        page_fail_err(page, page->session_err);
    else
        find_user(page);
}

static void rate_taken(void *data, bool is_allowed)
{
    struct page *page = data;
    page->is_over_rate = !is_allowed;
    if (--page->n_awaited == 0)
        continue_opening(page);
}

static void session_loaded(void *data, int err, struct session *session)
{
    struct page *page = data;
    page->session_err = err;
    page->session = session;
    if (--page->n_awaited == 0)
        continue_opening(page);
}

/* The limit that holds across servers costs a page that looks up a session no round trip: both leave together. */
static void ask_redis(struct page *page)
{
    const struct config *config = page->app->config;
    bool has_cookie = page->cookie.len > 0;
    char client[INET6_ADDRSTRLEN];
    struct client_address address = client_address_of(page);
    struct client_address limited = client_address_limit_key(&address);

    client_address_print(&limited, client);
    page->n_awaited = has_cookie ? 2 : 1;
    shared_rate_take(page->app->redis, page->arena, str_from(client), config->listen.rate_per_second,
                     config->listen.rate_burst, rate_taken, page);
    if (has_cookie)
        session_load(page->app->sessions, page->arena, page->cookie, session_loaded, page);
}

static void open_page(struct request *request, enum page_access access, const char *title, enum statement opening,
                      const char *repeated, page_cb next)
{
    struct page *page = ARENA_NEW(&request->arena, struct page);
    request_ref(request);
    request->page = page;
    page->request = request;
    page->app = request->app;
    page->arena = &request->arena;
    page->access = access;
    page->opening = opening;
    page->repeated = repeated;
    page->view.title = str_from(title);
    page->view.school_kind = STR("du lycée / collège");
    page->handler = next;
    page->cookie = page_session_cookie(page);
    ask_redis(page);
}

void page_open(struct request *request, enum page_access access, const char *title, page_cb next)
{
    open_page(request, access, title, SQL_USER_PAGE, "", next);
}

void page_open_with(struct request *request, enum page_access access, const char *title, enum statement opening,
                    page_cb next)
{
    open_page(request, access, title, opening, "", next);
}

void page_open_repeated(struct request *request, enum page_access access, const char *title, const char *repeated,
                        page_cb next)
{
    open_page(request, access, title, SQL_USER_PAGE, repeated, next);
}
