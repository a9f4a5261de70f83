/* Créditer un compte: the form, its checks, and the transaction it becomes. Also Modifier les informations
 * (?reference=…). */
#include "common/clock.h"
#include "common/crash_point.h"
#include "common/digest.h"
#include "common/encode.h"
#include "common/err.h"
#include "common/log.h"
#include "common/rand.h"
#include "server/credit_edit.h"
#include "server/credit_form.h"
#include "server/credit_start.h"
#include "server/credit_view.h"
#include "server/page.h"
#include "server/pages.h"
#include "server/payment_reference.h"
#include "server/payment_row.h"

enum { REFERENCE_TRIES_MAX = 5, FORM_TOKEN_LEN = 43 };

/* Steps of the first query. */
enum { STEP_ACCOUNTS, STEP_CLAIMS, STEP_STORED };

struct credit {
    struct form query;   /* also of a POST */
    struct str modified; /* reference of the payment being modified; STR_NULL: a new one */
    struct credit_rules rules;
    struct credit_form form;
    struct credit_start start; /* what the form is shown with */
    struct credit_edit edit;
    struct str form_token; /* see token_of_submission() */
    char reference[PAYMENT_REFERENCE_LEN + 1];
    unsigned tries;
};

/* --- showing -------------------------------------------------------------------------------------------------------
 */

static void show_form(struct page *page, unsigned status)
{
    struct credit *credit = page->state;
    struct response *response;
    struct credit_view view = credit_view_make(page, &credit->form, &credit->rules, &credit->edit);

    credit_view_remark(page, &view, &credit->start, &credit->edit);
    view.payments_closed = !page_user_number(page, USER_PAYMENTS_OPEN) || page->user[USER_CONTRACT_ID].type == DB_NULL;
    view.reference = credit->modified;
    response = page_response(page, status);
    view.page = page->view;
    template_page_credit(&response->body, &view);
    page_send(page, response);
}

/* --- storing -------------------------------------------------------------------------------------------------------
 */

/* A double click sends the same bytes twice: the digest of the one-time token and of the whole form is one of the row's
 * keys. The same token with another content (page shown again by the browser, amount changed) is another payment. */
static struct str token_of_submission(struct page *page)
{
    uint8_t digest[DIGEST_SHA256_LEN];
    char *text;

    if (form_get(&page->form, "jeton").len != FORM_TOKEN_LEN)
        return STR_NULL;
    text = arena_alloc(page->arena, FORM_TOKEN_LEN + 1);
    digest_sha256(page->request->body, digest);
    encode_base64url(digest, sizeof digest, text);
    return str_from(text);
}

static void stored(struct page *page)
{
    struct credit *credit = page->state;
    log_info("payment_created", LOG_STR("reference", credit->reference), LOG_INT("cents", credit->form.total_cents),
             LOG_REQUEST(page->request->id));
    CRASH_POINT("server/payment_stored");
    payment_row_show(page, str_from(credit->reference));
    CRASH_POINT("server/payment_shown");
}

static void add_line_steps(struct page *page)
{
    struct credit *credit = page->state;
    for (unsigned i = 0; i < credit->form.n_lines; i++) {
        const struct credit_line *line = &credit->form.lines[i];
        page_step(page, SQL_TRANSACTION_LINE, 1, DB_I(i + 1), DB_I(line->account_id),
                  line->claim_id ? DB_I(line->claim_id) : DB_N, DB_I(line->amount_cents),
                  DB_S(str_from(credit->reference)), PAGE_OWNER(page));
    }
}

static struct db_value kind_of(const struct credit_form *form)
{
    return DB_S(form->is_claim ? STR("CLAIM") : STR("ADVANCE"));
}

static void create(struct page *page);
static void modify(struct page *page);

/* A key said no: the form was sent twice (show the first one's recap), or the reference is taken (another one). */
static void token_looked_up(struct page *page)
{
    struct credit *credit = page->state;
    const struct db_result *result = page_result(page, 0);

    if (result->n_rows > 0)
        payment_row_show(page, db_row(result, 0)[0].text);
    else if (++credit->tries < REFERENCE_TRIES_MAX)
        create(page);
    else
        page_fail(page, 500);
}

static void create_refused(struct page *page)
{
    struct credit *credit = page->state;
    page_step(page, SQL_TRANSACTION_BY_TOKEN, DB_ANY_COUNT, DB_I(page->session->user_id), DB_S(credit->form_token));
    page_query(page, token_looked_up);
}

static void create(struct page *page)
{
    struct credit *credit = page->state;
    const struct credit_form *form = &credit->form;

    payment_reference_make(page_user_text(page, USER_REFERENCE_PREFIX), clock_now_us(), credit->reference);
    page_step(page, SQL_TRANSACTION_CREATE, 1, DB_S(str_from(credit->reference)), DB_I(page->session->school_id),
              DB_I(page->session->user_id), DB_I(page_user_number(page, USER_CONTRACT_ID)), kind_of(form),
              DB_I(form->total_cents), DB_S(form->email), DB_S(form->comment),
              credit->form_token.len > 0 ? DB_S(credit->form_token) : DB_N);
    add_line_steps(page);
    page_change(page, stored, create_refused);
}

/* Paid or sent to the bank meanwhile in another tab, or an unlucky reference: the payment's page tells. */
static void modify_refused(struct page *page)
{
    struct credit *credit = page->state;
    if (page->run.db_errno != 0 && ++credit->tries < REFERENCE_TRIES_MAX)
        modify(page);
    else
        payment_row_show(page, credit->modified);
}

static void modify(struct page *page)
{
    struct credit *credit = page->state;
    const struct credit_form *form = &credit->form;

    payment_reference_make(page_user_text(page, USER_REFERENCE_PREFIX), clock_now_us(), credit->reference);
    page_step(page, SQL_TRANSACTION_MODIFY, 1, DB_S(str_from(credit->reference)), kind_of(form),
              DB_I(form->total_cents), DB_S(form->email), DB_S(form->comment), DB_S(credit->modified),
              PAGE_OWNER(page));
    add_line_steps(page);
    page_change(page, stored, modify_refused);
}

/* "Ajouter une ligne" or "Retirer cette ligne": the same form again, and nothing is stored. */
static void show_edited(struct page *page)
{
    struct credit *credit = page->state;
    credit_form_weigh(&credit->form, page->arena, &credit->rules);
    show_form(page, 200);
}

static void submit(struct page *page)
{
    struct credit *credit = page->state;
    bool closed = !page_user_number(page, USER_PAYMENTS_OPEN) || page->user[USER_CONTRACT_ID].type == DB_NULL;

    credit->edit = credit_edit_read(&credit->form, page->arena, &page->form);
    if (credit->edit.kind != CREDIT_EDIT_NONE) {
        show_edited(page);
        return;
    }
    credit_form_read(&credit->form, page->arena, &page->form);
    credit_form_check(&credit->form, page->arena, &credit->rules);
    if (credit->form.n_errors > 0 || closed || credit->rules.accounts.n_items == 0) {
        show_form(page, 422);
        return;
    }
    credit->form_token = token_of_submission(page);
    if (credit->modified.len > 0)
        modify(page);
    else
        create(page);
}

/* --- opening -------------------------------------------------------------------------------------------------------
 */

/* An empty form, one with the claims that were asked for, or one as it was stored. */
static void show_anew(struct page *page, const struct db_result *stored)
{
    struct credit *credit = page->state;

    credit->form.email = page_user_text(page, USER_EMAIL);
    if (stored)
        credit_start_modify(&credit->form, page->arena, stored);
    else if (credit_start_fill(&credit->form, page->arena, &credit->query, &credit->rules, &credit->start) != 0) {
        page_fail(page, 400);
        return;
    }
    credit_form_weigh(&credit->form, page->arena, &credit->rules);
    show_form(page, 200);
}

static bool is_beyond_change(const struct db_value *stored)
{
    return !str_eq(stored[STORED_STATE].text, STR("CREATED")) || stored[STORED_GIVEN_UP].number != 0;
}

static void loaded(struct page *page)
{
    struct credit *credit = page->state;
    const struct db_result *stored = credit->modified.len > 0 ? page_result(page, STEP_STORED) : NULL;

    credit->rules = (struct credit_rules){
        .accounts = accounts_read(page->arena, page_result(page, STEP_ACCOUNTS)),
        .claims = open_claims_read(page->arena, page_result(page, STEP_CLAIMS)),
        .amount_min_cents = page_user_number(page, USER_AMOUNT_MIN),
        .amount_max_cents = page_user_number(page, USER_AMOUNT_MAX),
        .part_payment_allowed = page_user_number(page, USER_PART_PAYMENT) != 0,
    };
    if (stored && stored->n_rows == 0)
        page_fail(page, 404);
    else if (stored && is_beyond_change(db_row(stored, 0)))
        payment_row_show(page, credit->modified); /* its page says why */
    else if (page_is_post(page))
        submit(page);
    else
        show_anew(page, stored);
}

/* creance may be there several times, but only where boxes are ticked: in the query of a GET. */
static bool read_query(struct page *page, struct form *ret_query)
{
    if (page_is_post(page))
        return form_parse(page->arena, page->request->query, ret_query) == 0;
    *ret_query = page->form;
    return true;
}

static void opened(struct page *page)
{
    struct credit *credit = ARENA_NEW(page->arena, struct credit);

    page->state = credit;
    if (!read_query(page, &credit->query)) {
        page_fail(page, 400);
        return;
    }
    credit->modified = form_get(&credit->query, "reference");
    if (credit->modified.ptr && !payment_reference_is_plausible(credit->modified)) {
        page_fail(page, 404);
        return;
    }
    page_step(page, SQL_ACCOUNTS, DB_ANY_COUNT, PAGE_OWNER(page));
    page_step(page, SQL_OPEN_CLAIMS, DB_ANY_COUNT, PAGE_OWNER(page));
    if (credit->modified.len > 0)
        page_step(page, SQL_STORED_PAYMENT, DB_ANY_COUNT, DB_S(credit->modified), PAGE_OWNER(page));
    page_query(page, loaded);
}

void page_credit(struct request *request)
{
    page_open_repeated(request, PAGE_LOGGED_IN, "Créditer un compte", "creance", opened);
}
