/* Connexion and déconnexion. */
#include "common/err.h"
#include "common/log.h"
#include "common/password.h"
#include "server/page.h"
#include "server/pages.h"

/* The queue of hashes is done with in BUSY_WAIT_S. */
enum { USER_AGENT_MAX = 255, IDENTIFIER_MAX = 64, BUSY_WAIT_S = 5 };

/* Columns of SQL_USER_BY_LOGIN. */
enum { CANDIDATE_ID, CANDIDATE_SCHOOL, CANDIDATE_HASH, CANDIDATE_MUST_CHANGE };

struct login {
    struct str identifier;
    struct str password;
    const struct db_value *candidate; /* NULL: no such login */
    struct login_attempt attempt;     /* what the guard counts */
    bool is_right;                    /* not to be told before the guard has settled it */
    struct session session;           /* what the session is made of */
};

static struct response *draw_form(struct page *page, unsigned status, struct str identifier)
{
    struct wanted wanted = page_wanted(page);
    struct response *response;
    struct login_view view = {
        .identifiant = {.value = identifier},
        .expired = str_eq(form_get(&page->form, "session"), STR("expiree")),
        .logged_out = str_eq(form_get(&page->form, "session"), STR("fermee")),
        .wanted = wanted.address.len > 0,
        .form_lost = wanted.address.len > 0 && wanted.was_form,
    };

    page_bind_visitor(page);
    if (str_eq(form_get(&page->form, "mot-de-passe"), STR("enregistre")))
        page->view.notice = STR("Votre nouveau mot de passe est enregistré. Connectez-vous avec lui.");
    for (unsigned i = 0; i < page->view.n_errors; i++) {
        bool first = str_eq(page->view.errors[i].field, STR("identifiant"));
        *(first ? &view.identifiant.error : &view.mot_de_passe.error) = page->view.errors[i].message;
    }
    response = page_response(page, status);
    view.page = page->view;
    template_page_login(&response->body, &view);
    return response;
}

static void show_form(struct page *page, unsigned status, struct str identifier)
{
    page_send(page, draw_form(page, status, identifier));
}

/* The same words whether the login or the password is wrong: no one learns which logins exist. */
static void refuse(struct page *page)
{
    struct login *login = page->state;
    page_error(page, "identifiant",
               STR("Identifiant ou mot de passe incorrect. Vérifiez la saisie, ou demandez un nouveau mot de passe."));
    show_form(page, 422, login->identifier);
}

static void show_form_again_later(struct page *page, unsigned status, unsigned wait_s)
{
    struct login *login = page->state;
    struct response *response = draw_form(page, status, login->identifier);

    response_header(response, "Retry-After", arena_printf(page->arena, "%u", wait_s));
    page_send(page, response);
}

/* More people log in than can be served: each keeps the form and what was typed as login. */
static void refuse_while_busy(struct page *page)
{
    page_error(page, "mot_de_passe",
               STR("Beaucoup de familles se connectent en ce moment. Patientez quelques secondes, saisissez à nouveau "
                   "votre mot de passe et validez. Vos paiements ne sont pas concernés."));
    show_form_again_later(page, 503, BUSY_WAIT_S);
}

/* Said without a look at the password, and of unknown logins too. */
static void refuse_for_now(struct page *page, unsigned wait_s)
{
    page_error(page, "mot_de_passe",
               arena_printf(page->arena,
                            "Plusieurs essais ont échoué : attendez %u seconde%s avant de recommencer. "
                            "Un nouveau mot de passe peut être demandé sans attendre.",
                            wait_s, wait_s > 1 ? "s" : ""));
    show_form_again_later(page, 429, wait_s);
}

static void record_attempt(struct page *page, bool success, page_cb next)
{
    struct login *login = page->state;
    struct str agent = request_header(page->request, "User-Agent");
    struct db_value user = login->candidate ? DB_I(login->candidate[CANDIDATE_ID].number) : DB_N;

    if (agent.len > USER_AGENT_MAX)
        agent.len = USER_AGENT_MAX;
    if (!str_is_utf8(agent))
        agent = STR_NULL;
    page_step(page, SQL_LOGIN_RECORD, DB_ANY_COUNT, user, DB_I(success), DB_S(str_from(page->request->address)),
              DB_S(agent));
    page_query(page, next);
}

static void session_created(void *data, int err, struct session *session)
{
    struct page *page = data;
    struct response *response;

    if (err) {
        page_fail_err(page, err);
        return;
    }
    response = response_new(page->request, 303);
    page_set_session(page, response, session);
    if (session->must_change_password) { /* what was wanted comes after that */
        response_header(response, "Location", STR("/mot-de-passe"));
    } else {
        struct str wanted = page_wanted(page).address;
        response_header(response, "Location", wanted.len > 0 ? wanted : STR("/accueil"));
        page_forget_wanted(page, response);
    }
    page_send(page, response);
}

static void success_recorded(struct page *page)
{
    struct login *login = page->state;
    login->session = (struct session){
        .user_id = login->candidate[CANDIDATE_ID].number,
        .school_id = login->candidate[CANDIDATE_SCHOOL].number,
        .must_change_password = login->candidate[CANDIDATE_MUST_CHANGE].number != 0,
    };
    session_mark_password(&login->session, login->candidate[CANDIDATE_HASH].text);
    session_create(page->app->sessions, page->arena, &login->session, session_created, page);
}

/* Only now may anybody hear of it. */
static void attempt_settled(void *data, int err, unsigned wait_s)
{
    struct page *page = data;
    const struct login *login = page->state;

    if (err)
        page_fail_err(page, err);
    else if (wait_s > 0)
        refuse_for_now(page, wait_s);
    else
        record_attempt(page, login->is_right, login->is_right ? success_recorded : refuse);
}

static void password_checked(void *data, int err)
{
    struct page *page = data;
    struct login *login = page->state;

    if (err == ERR_BUSY) {
        refuse_while_busy(page);
        return;
    }
    if (err && err != ERR_FORBIDDEN) {
        page_fail_err(page, err);
        return;
    }
    login->is_right = err == 0 && login->candidate;
    login_guard_settle(&login->attempt, login->is_right, attempt_settled, page);
}

/* An unknown login costs the same hash as a known one. */
static void guard_answered(void *data, int err, unsigned wait_s)
{
    struct page *page = data;
    struct login *login = page->state;
    const char *hash = password_dummy_hash();

    if (err) {
        page_fail_err(page, err);
    } else if (wait_s > 0) {
        refuse_for_now(page, wait_s);
    } else {
        if (login->candidate)
            hash = arena_text(page->arena, login->candidate[CANDIDATE_HASH].text);
        hash_pool_verify(page->app->hashes, hash, login->password, password_checked, page);
    }
}

static void candidate_found(struct page *page)
{
    struct login *login = page->state;
    const struct db_result *result = page_result(page, 0);

    if (result->n_rows > 0)
        login->candidate = db_row(result, 0);
    page_init_attempt(page, &login->attempt, login->identifier);
    login_guard_ask(&login->attempt, guard_answered, page);
}

/* Logins are printable ASCII. The database's collation takes other spellings for the same login ("dürand"), and the
 * guard would count each of them anew. */
static bool can_be_login(struct str identifier)
{
    for (size_t i = 0; i < identifier.len; i++) {
        if (identifier.ptr[i] <= ' ' || identifier.ptr[i] > '~')
            return false;
    }
    return identifier.len <= IDENTIFIER_MAX;
}

static void login_submitted(struct page *page)
{
    struct login *login = ARENA_NEW(page->arena, struct login);
    page->state = login;
    login->identifier = page_field(page, "identifiant");
    login->password = form_get(&page->form, "mot_de_passe");
    if (login->identifier.len == 0)
        page_error(page, "identifiant",
                   STR("Indiquez votre identifiant : il figure dans le courrier de l'établissement."));
    if (login->password.len == 0)
        page_error(page, "mot_de_passe", STR("Indiquez votre mot de passe."));
    if (page->view.n_errors > 0) {
        show_form(page, 422, login->identifier);
    } else if (!can_be_login(login->identifier) || login->password.len > PASSWORD_LENGTH_MAX * 4) {
        refuse(page); /* nothing like that exists */
    } else if (!hash_pool_has_room(page->app->hashes)) {
        refuse_while_busy(page); /* before the stores are asked, which the banks' calls need too */
    } else {
        page_step(page, SQL_USER_BY_LOGIN, DB_ANY_COUNT, DB_S(login->identifier));
        page_query(page, candidate_found);
    }
}

static void login_opened(struct page *page)
{
    if (page_is_post(page))
        login_submitted(page);
    else if (page->session)
        page_redirect(page, STR("/accueil"));
    else
        show_form(page, 200, STR_NULL);
}

void page_login(struct request *request)
{
    page_open(request, PAGE_PUBLIC, "Connexion", login_opened);
}

static void logged_out(void *data, int err, struct session *session)
{
    struct page *page = data;
    struct response *response;

    (void)session;
    if (err && err != ERR_NOT_FOUND) {
        page_fail_err(page, err);
        return;
    }
    response = response_new(page->request, 303);
    response_header(response, "Location", STR("/connexion?session=fermee"));
    page_clear_session(page, response);
    page_forget_wanted(page, response);
    page_send(page, response);
}

static void logout_opened(struct page *page)
{
    session_destroy(page->app->sessions, page->arena, page->cookie, logged_out, page);
}

void page_logout(struct request *request)
{
    page_open(request, PAGE_PASSWORD, "Déconnexion", logout_opened);
}

static void root_opened(struct page *page)
{
    page_redirect(page, page->session ? STR("/accueil") : STR("/connexion"));
}

void page_root(struct request *request)
{
    page_open(request, PAGE_PUBLIC, "Accueil", root_opened);
}
