/* Créditer un compte: the form, its checks, and the transaction it becomes. Also Modifier les informations
 * (?reference=…). */
#include "common/clock.h"
#include "common/crash_point.h"
#include "common/digest.h"
#include "common/encode.h"
#include "common/err.h"
#include "common/french.h"
#include "common/log.h"
#include "common/money.h"
#include "common/rand.h"
#include "server/credit_form.h"
#include "server/credit_view.h"
#include "server/page.h"
#include "server/pages.h"
#include "server/payment_reference.h"

enum { REFERENCE_TRIES_MAX = 5, FORM_TOKEN_LEN = 43 };

/* Steps of the first query. */
enum { STEP_ACCOUNTS, STEP_CLAIMS, STEP_TRANSACTION, STEP_LINES };

struct credit {
    struct form query;
    struct str modified; /* reference of the payment being modified; STR_NULL: a new one */
    struct credit_rules rules;
    struct credit_form form;
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
    struct credit_view view = credit_view_make(page, &credit->form, &credit->rules);

    view.payments_closed = !page_user_number(page, USER_PAYMENTS_OPEN) || page->user[USER_CONTRACT_ID].type == DB_NULL;
    view.reference = credit->modified;
    response = page_response(page, status);
    view.page = page->view;
    template_page_credit(&response->body, &view);
    page_send(page, response);
}

/* The form as it was stored, for Modifier. */
static void fill_from_transaction(struct page *page, struct credit_form *form)
{
    const struct db_value *transaction = db_row(page_result(page, STEP_TRANSACTION), 0);
    const struct db_result *lines = page_result(page, STEP_LINES);

    form->type_chosen = true;
    form->is_claim = str_eq(transaction[TX_KIND].text, STR("CLAIM"));
    form->email = transaction[TX_EMAIL].text;
    form->comment = transaction[TX_COMMENT].text;
    for (unsigned i = 0; i < lines->n_rows && i < CREDIT_LINES_MAX; i++) {
        const struct db_value *row = db_row(lines, i);
        char amount[MONEY_TEXT_SIZE];
        money_format_input(row[LINE_AMOUNT].number, amount);
        form->lines[i] = (struct credit_line){
            .suffix = i == 0 ? STR("") : arena_printf(page->arena, "_%u", i + 1),
            .account_id = row[LINE_ACCOUNT_ID].number,
            .claim_id = row[LINE_CLAIM_ID].number,
            .amount_text = arena_str(page->arena, str_from(amount)),
        };
        form->n_lines = i + 1;
    }
}

/* An empty form; /crediter?creance=… comes from the home page with the claim chosen. */
static void fill_anew(struct page *page, struct credit *credit)
{
    struct credit_line *line = &credit->form.lines[0];
    const struct open_claim *claim = NULL;
    int64_t claim_id;

    credit->form = (struct credit_form){.n_lines = 1, .email = page_user_text(page, USER_EMAIL)};
    line->suffix = STR("");
    if (credit->rules.accounts.n_items == 1)
        line->account_id = credit->rules.accounts.items[0].id;
    if (str_to_u63(form_get(&credit->query, "creance"), &claim_id) == 0)
        claim = open_claims_find(&credit->rules.claims, claim_id);
    if (claim && open_claims_bar(claim, 0) == BAR_NONE) {
        char amount[MONEY_TEXT_SIZE];
        money_format_input(claim->remaining_cents, amount);
        credit->form.type_chosen = credit->form.is_claim = true;
        line->account_id = claim->account_id;
        line->claim_id = claim->id;
        line->amount_text = arena_str(page->arena, str_from(amount));
    }
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

static void show_recap(struct page *page, struct str reference)
{
    page_redirect(page, arena_printf(page->arena, "/paiement/%.*s", STR_ARG(reference)));
}

static void stored(struct page *page)
{
    struct credit *credit = page->state;
    log_info("payment_created", LOG_STR("reference", credit->reference), LOG_INT("cents", credit->form.total_cents),
             LOG_REQUEST(page->request->id));
    CRASH_POINT("server/payment_stored");
    show_recap(page, str_from(credit->reference));
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
        show_recap(page, db_row(result, 0)[0].text);
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
        show_recap(page, credit->modified);
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

static void submit(struct page *page)
{
    struct credit *credit = page->state;
    bool closed = !page_user_number(page, USER_PAYMENTS_OPEN) || page->user[USER_CONTRACT_ID].type == DB_NULL;

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

static void loaded(struct page *page)
{
    struct credit *credit = page->state;
    const struct db_result *transaction = credit->modified.len > 0 ? page_result(page, STEP_TRANSACTION) : NULL;

    credit->rules = (struct credit_rules){
        .accounts = accounts_read(page->arena, page_result(page, STEP_ACCOUNTS)),
        .claims = open_claims_read(page->arena, page_result(page, STEP_CLAIMS)),
        .amount_min_cents = page_user_number(page, USER_AMOUNT_MIN),
        .amount_max_cents = page_user_number(page, USER_AMOUNT_MAX),
        .part_payment_allowed = page_user_number(page, USER_PART_PAYMENT) != 0,
    };
    if (transaction && transaction->n_rows == 0) {
        page_fail(page, 404);
    } else if (transaction && !str_eq(db_row(transaction, 0)[TX_STATE].text, STR("CREATED"))) {
        show_recap(page, credit->modified); /* too late to modify: its page says why */
    } else if (page_is_post(page)) {
        submit(page);
    } else {
        fill_anew(page, credit);
        if (transaction)
            fill_from_transaction(page, &credit->form);
        show_form(page, 200);
    }
}

static void opened(struct page *page)
{
    struct credit *credit = ARENA_NEW(page->arena, struct credit);

    page->state = credit;
    if (form_parse(page->arena, page->request->query, &credit->query) != 0) {
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
    if (credit->modified.len > 0) {
        page_step(page, SQL_TRANSACTION, DB_ANY_COUNT, DB_S(credit->modified), PAGE_OWNER(page));
        page_step(page, SQL_TRANSACTION_LINES, DB_ANY_COUNT, DB_S(credit->modified), PAGE_OWNER(page));
    }
    page_query(page, loaded);
}

void page_credit(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Créditer un compte", opened);
}
