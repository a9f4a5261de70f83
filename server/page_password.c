/* Changing the password: asked for at first login, offered at any time; then the present one is asked for, so that an
 * unwatched screen is not enough. A new session follows, so that a stolen cookie dies with the old password. */
#include "common/err.h"
#include "common/password.h"
#include "server/notice.h"
#include "server/page.h"
#include "server/pages.h"

struct change {
    struct str old_hash, new_hash;
    struct login_attempt attempt; /* guessing the present password here is as slow as at the login page */
    bool is_right;
};

static void show_form(struct page *page, unsigned status)
{
    struct change_password_view view = {
        .first_login = page->session->must_change_password,
        .action = {STR("/mot-de-passe")},
        .login = page_user_text(page, USER_LOGIN),
        .length_min = PASSWORD_LENGTH_MIN,
    };
    struct response *response;

    for (unsigned i = 0; i < page->view.n_errors; i++) {
        const struct field_error_view *error = &page->view.errors[i];
        if (str_eq(error->field, STR("mot_de_passe")))
            view.mot_de_passe.error = error->message;
        else if (str_eq(error->field, STR("mot_de_passe_actuel")))
            view.mot_de_passe_actuel.error = error->message;
        else
            view.confirmation.error = error->message;
    }
    response = page_response(page, status);
    view.page = page->view;
    template_page_change_password(&response->body, &view);
    page_send(page, response);
}

/* After a first login, the page that was wanted; it says itself that the password is stored. */
static struct str next_page(const struct page *page)
{
    struct str wanted = page_wanted(page).address;

    if (!page->session->must_change_password || wanted.len == 0 || str_starts_with(wanted, STR("/mot-de-passe")))
        return STR("/accueil?mot-de-passe=enregistre");
    return arena_printf(page->arena, "%.*s%cmot-de-passe=enregistre", STR_ARG(wanted),
                        str_find(wanted, '?') < 0 ? '?' : '&');
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
    response_header(response, "Location", next_page(page));
    page_set_session(page, response, session);
    page_forget_wanted(page, response);
    page_send(page, response);
}

static void sessions_ended(void *data, int err, struct session *session)
{
    struct page *page = data;
    struct change *change = page->state;
    struct session *values = ARENA_NEW(page->arena, struct session);

    (void)session;
    if (err) {
        page_fail_err(page, err);
        return;
    }
    *values = (struct session){.user_id = page->session->user_id, .school_id = page->session->school_id};
    session_mark_password(values, change->new_hash);
    session_create(page->app->sessions, page->arena, values, session_created, page);
}

static void stored(struct page *page)
{
    notice_password_changed(page->app, page_user_text(page, USER_LOGIN));
    session_destroy_others(page->app->sessions, page->arena, page->session->user_id, STR_NULL, sessions_ended, page);
}

/* Changed meanwhile from another device: nothing was written. */
static void store_refused(struct page *page)
{
    page_fail(page, 403);
}

static void hashed(void *data, int err, const char *hash)
{
    struct page *page = data;
    struct change *change = page->state;

    if (err) {
        page_fail_err(page, err);
        return;
    }
    change->new_hash = arena_str(page->arena, str_from(hash));
    page_step(page, SQL_PASSWORD_CHANGE, 1, DB_S(change->new_hash), PAGE_OWNER(page), DB_S(change->old_hash));
    page_step(page, SQL_RESET_VOID, DB_ANY_COUNT, DB_I(page->session->user_id));
    page_change(page, stored, store_refused);
}

static void compared(void *data, int err)
{
    struct page *page = data;

    if (err == 0) {
        page_error(page, "mot_de_passe", STR("Choisissez un mot de passe différent de l'actuel."));
        show_form(page, 422);
    } else if (err == ERR_FORBIDDEN) {
        hash_pool_hash(page->app->hashes, form_get(&page->form, "mot_de_passe"), hashed, page);
    } else {
        page_fail_err(page, err);
    }
}

static void compare_new(struct page *page)
{
    struct change *change = page->state;
    hash_pool_verify(page->app->hashes, arena_text(page->arena, change->old_hash),
                     form_get(&page->form, "mot_de_passe"), compared, page);
}

static void refuse_present(struct page *page, unsigned wait_s)
{
    page_error(page, "mot_de_passe_actuel",
               wait_s ? arena_printf(page->arena, "Plusieurs essais ont échoué : attendez %u seconde%s.", wait_s,
                                     wait_s > 1 ? "s" : "")
                      : STR("Ce n'est pas votre mot de passe actuel."));
    show_form(page, 422);
}

static void present_settled(void *data, int err, unsigned wait_s)
{
    struct page *page = data;
    struct change *change = page->state;

    if (err)
        page_fail_err(page, err);
    else if (wait_s || !change->is_right)
        refuse_present(page, wait_s);
    else
        compare_new(page);
}

static void present_judged(void *data, int err)
{
    struct page *page = data;
    struct change *change = page->state;

    change->is_right = err == 0;
    if (err && err != ERR_FORBIDDEN)
        page_fail_err(page, err);
    else
        login_guard_settle(&change->attempt, change->is_right, present_settled, page);
}

static void guard_answered(void *data, int err, unsigned wait_s)
{
    struct page *page = data;
    struct change *change = page->state;

    if (err)
        page_fail_err(page, err);
    else if (wait_s)
        refuse_present(page, wait_s);
    else
        hash_pool_verify(page->app->hashes, arena_text(page->arena, change->old_hash),
                         form_get(&page->form, "mot_de_passe_actuel"), present_judged, page);
}

static void old_loaded(struct page *page)
{
    struct change *change = ARENA_NEW(page->arena, struct change);

    if (page_result(page, 0)->n_rows == 0) {
        page_fail(page, 403);
        return;
    }
    change->old_hash = db_row(page_result(page, 0), 0)[0].text;
    page->state = change;
    if (page->session->must_change_password) {
        compare_new(page);
        return;
    }
    page_init_attempt(page, &change->attempt, page_user_text(page, USER_LOGIN));
    login_guard_ask(&change->attempt, guard_answered, page);
}

static void submit(struct page *page)
{
    struct str password = form_get(&page->form, "mot_de_passe");
    const char *refusal = password_refusal(password, &(struct password_owner){
                                                         .login = page_user_text(page, USER_LOGIN),
                                                         .last_name = page_user_text(page, USER_LAST_NAME),
                                                         .first_name = page_user_text(page, USER_FIRST_NAME),
                                                         .email = page_user_text(page, USER_EMAIL),
                                                         .school = page_user_text(page, USER_SCHOOL_NAME),
                                                         .city = page_user_text(page, USER_SCHOOL_CITY),
                                                     });

    if (!page->session->must_change_password && form_get(&page->form, "mot_de_passe_actuel").len == 0)
        page_error(page, "mot_de_passe_actuel", STR("Indiquez votre mot de passe actuel."));
    if (refusal)
        page_error(page, "mot_de_passe", str_from(refusal));
    else if (!str_eq(password, form_get(&page->form, "confirmation")))
        page_error(page, "confirmation", STR("Les deux saisies diffèrent : retapez le même mot de passe."));
    if (page->view.n_errors > 0) {
        show_form(page, 422);
        return;
    }
    page_step(page, SQL_USER_PASSWORD, DB_ANY_COUNT, PAGE_OWNER(page));
    page_query(page, old_loaded);
}

static void opened(struct page *page)
{
    if (page_is_post(page))
        submit(page);
    else
        show_form(page, 200);
}

void page_password(struct request *request)
{
    page_open(request, PAGE_PASSWORD, "Choisir un mot de passe", opened);
}
