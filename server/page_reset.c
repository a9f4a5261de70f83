/* /mot-de-passe/{token}: the single-use link of the password mail. Opening it changes nothing (mail scanners open
 * links); only the form does. */
#include "common/digest.h"
#include "common/encode.h"
#include "common/err.h"
#include "common/password.h"
#include "server/notice.h"
#include "server/page.h"
#include "server/pages.h"

/* Columns of SQL_RESET_TOKEN. */
enum {
    TOKEN_USER_ID,
    TOKEN_LOGIN,
    TOKEN_LAST_NAME,
    TOKEN_FIRST_NAME,
    TOKEN_EMAIL,
    TOKEN_SCHOOL_NAME,
    TOKEN_SCHOOL_CITY,
};
enum { TOKEN_LEN = 32 };

struct reset {
    struct str token_hash;
    int64_t user_id;
    struct password_owner owner;
    struct login_attempt attempt;
};

static void show_gone(struct page *page)
{
    struct token_gone_view view = {0};
    struct response *response = page_response(page, 410);
    view.page = page->view;
    template_page_token_gone(&response->body, &view);
    page_send(page, response);
}

static void show_form(struct page *page, unsigned status)
{
    struct reset_password_view view = {.token = page->request->params[0], .length_min = PASSWORD_LENGTH_MIN};
    struct response *response;

    page_bind_visitor(page);
    for (unsigned i = 0; i < page->view.n_errors; i++) {
        bool first = str_eq(page->view.errors[i].field, STR("mot_de_passe"));
        *(first ? &view.mot_de_passe.error : &view.confirmation.error) = page->view.errors[i].message;
    }
    response = page_response(page, status);
    view.page = page->view;
    template_page_reset_password(&response->body, &view);
    page_send(page, response);
}

/* No login by the way: whoever holds the mail must still know the login name. */
static void failures_forgotten(void *data, int err, unsigned wait_s)
{
    (void)wait_s;
    if (err)
        page_fail_err(data, err);
    else
        page_redirect(data, STR("/connexion?mot-de-passe=enregistre"));
}

/* Whoever guessed at the old password from this network shall not keep its owner waiting. */
static void sessions_ended(void *data, int err, struct session *session)
{
    struct page *page = data;
    struct reset *reset = page->state;

    (void)session;
    if (err) {
        page_fail_err(page, err);
        return;
    }
    page_init_attempt(page, &reset->attempt, reset->owner.login);
    login_guard_clear(&reset->attempt, failures_forgotten, page);
}

static void stored(struct page *page)
{
    struct reset *reset = page->state;
    notice_password_changed(page->app, reset->owner.login);
    session_destroy_others(page->app->sessions, page->arena, reset->user_id, STR_NULL, sessions_ended, page);
}

static void hashed(void *data, int err, const char *hash)
{
    struct page *page = data;
    struct reset *reset = page->state;

    if (err) {
        page_fail_err(page, err);
        return;
    }
    page_step(page, SQL_RESET_USE, 1, DB_S(reset->token_hash));
    page_step(page, SQL_RESET_STORE, 1, DB_S(arena_str(page->arena, str_from(hash))), DB_I(reset->user_id));
    page_step(page, SQL_RESET_VOID, DB_ANY_COUNT, DB_I(reset->user_id)); /* other mails may lie in other hands */
    page_change(page, stored, show_gone);
}

static void submit(struct page *page)
{
    struct reset *reset = page->state;
    struct str password = form_get(&page->form, "mot_de_passe");
    const char *refusal = password_refusal(password, &reset->owner);

    if (refusal)
        page_error(page, "mot_de_passe", str_from(refusal));
    else if (!str_eq(password, form_get(&page->form, "confirmation")))
        page_error(page, "confirmation", STR("Les deux saisies diffèrent : retapez le même mot de passe."));
    if (page->view.n_errors > 0)
        show_form(page, 422);
    else
        hash_pool_hash(page->app->hashes, password, hashed, page);
}

static void take_owner(struct reset *reset, const struct db_value *row)
{
    reset->user_id = row[TOKEN_USER_ID].number;
    reset->owner = (struct password_owner){
        .login = row[TOKEN_LOGIN].text,
        .last_name = row[TOKEN_LAST_NAME].text,
        .first_name = row[TOKEN_FIRST_NAME].text,
        .email = row[TOKEN_EMAIL].text,
        .school = row[TOKEN_SCHOOL_NAME].text,
        .city = row[TOKEN_SCHOOL_CITY].text,
    };
}

static void token_found(struct page *page)
{
    struct reset *reset = page->state;
    const struct db_result *result = page_result(page, 0);

    if (result->n_rows == 0) {
        show_gone(page);
        return;
    }
    take_owner(reset, db_row(result, 0));
    if (page_is_post(page))
        submit(page);
    else
        show_form(page, 200);
}

static void opened(struct page *page)
{
    struct reset *reset = ARENA_NEW(page->arena, struct reset);
    uint8_t token[TOKEN_LEN];
    uint8_t *hash = arena_alloc(page->arena, DIGEST_SHA256_LEN);

    page->state = reset;
    if (decode_base64url(page->request->params[0], token, sizeof token) != 0) {
        show_gone(page);
        return;
    }
    /* Only the digest of what the mail says is stored. */
    digest_sha256(page->request->params[0], hash);
    reset->token_hash = str_slice((const char *)hash, DIGEST_SHA256_LEN);
    page_step(page, SQL_RESET_TOKEN, DB_ANY_COUNT, DB_S(reset->token_hash));
    page_query(page, token_found);
}

void page_reset(struct request *request)
{
    page_open(request, PAGE_PUBLIC, "Nouveau mot de passe", opened);
}
