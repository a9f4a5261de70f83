/* Accueil: who I am, what I owe and for whom, the three actions. */
#include "common/clock.h"
#include "common/french.h"
#include "server/claim_bar.h"
#include "server/credit_form.h"
#include "server/family.h"
#include "server/page.h"
#include "server/pages.h"

/* The first due, and no more than one payment can take; the form of the payment offers them all. More would make the
 * page heavy and long. */
enum { CLAIMS_SHOWN_MAX = CREDIT_LINES_MAX, SETTLED_SHOWN_MAX = 10 };
enum { CONTACT_LINES_MAX = 3 };
enum { STEP_CLAIMS, STEP_PENDING, STEP_FAMILY };
/* Columns of SQL_PENDING_PAYMENTS. */
enum { PENDING_REFERENCE, PENDING_AMOUNT, PENDING_SENT_AT, PENDING_CREATED_AT };

static unsigned add_contact_line(struct text_view *lines, unsigned n, struct str text)
{
    if (text.len > 0)
        lines[n++].text = text;
    return n;
}

static void fill_contact(struct page *page, struct home_view *view)
{
    struct text_view *lines = ARENA_ARRAY(page->arena, CONTACT_LINES_MAX, struct text_view);
    struct str town = arena_printf(page->arena, "%.*s %.*s", STR_ARG(page_user_text(page, USER_POSTCODE)),
                                   STR_ARG(page_user_text(page, USER_CITY)));
    unsigned n = 0;

    n = add_contact_line(lines, n, page_user_text(page, USER_ADDRESS1));
    n = add_contact_line(lines, n, page_user_text(page, USER_ADDRESS2));
    n = add_contact_line(lines, n, str_trim(town));
    view->contact_lines = lines;
    view->n_contact_lines = n;
}

static bool is_payable(const struct page *page, const struct open_claim *claim)
{
    return open_claims_bar(claim, 0) == BAR_NONE && page_user_number(page, USER_PAYMENTS_OPEN);
}

static struct open_claim_view claim_view(struct page *page, const struct open_claim *claim, struct str today)
{
    struct open_claim_view view = {
        .account = claim->account_name,
        .label = claim->label,
        .number = open_claim_number(claim),
        .due_date = french_date_from_iso(page->arena, claim->due_date),
        .remaining = french_money(page->arena, claim->remaining_cents),
        .direct_debit = claim->direct_debit,
        .bar = claim_bar_view_make(page->arena, claim, 0, STR("")),
    };
    if (claim->others_cents > 0)
        view.others = french_money(page->arena, claim->others_cents);
    if (is_payable(page, claim))
        view.claim_id = arena_printf(page->arena, "%lld", (long long)claim->id);
    /* ISO dates compare as text. */
    view.overdue = claim->due_date.len == today.len && memcmp(claim->due_date.ptr, today.ptr, today.len) < 0;
    return view;
}

/* The sum of what can be paid now. */
static void fill_due(struct page *page, struct home_view *view, const struct open_claims *claims, struct str today)
{
    struct due_view *due = ARENA_NEW(page->arena, struct due_view);
    int64_t total_cents = 0;

    for (unsigned i = 0; i < claims->n_open; i++) {
        if (!is_payable(page, &claims->items[i]))
            continue;
        if (due->count++ == 0)
            due->first = claim_view(page, &claims->items[i], today);
        total_cents += claims->items[i].remaining_cents;
    }
    due->total = french_money(page->arena, total_cents);
    due->several = due->count > 1;
    due->lines_max = due->count > CREDIT_LINES_MAX ? CREDIT_LINES_MAX : 0;
    if (due->count > 0)
        view->due = due;
}

/* What another payer settled lately, so that nobody wonders where a claim has gone. */
static void fill_settled(struct page *page, struct home_view *view, const struct open_claims *claims)
{
    struct settled_claim_view *rows = ARENA_ARRAY(page->arena, SETTLED_SHOWN_MAX, struct settled_claim_view);

    view->settled = rows;
    for (unsigned i = claims->n_open; i < claims->n_items && view->n_settled < SETTLED_SHOWN_MAX; i++) {
        const struct open_claim *claim = &claims->items[i];
        rows[view->n_settled++] = (struct settled_claim_view){
            .account = claim->account_name,
            .label = claim->label,
            .number = claim->number,
            .others = french_money(page->arena, claim->others_cents),
            .settled_at = french_datetime(page->arena, claim->others_at_us),
        };
    }
}

/* The account's own among the claims, which come in the order of their due dates. */
static void fill_account(struct page *page, struct home_view *view, struct account_view *account,
                         const struct open_claims *claims, struct str today)
{
    struct open_claim_view *rows = ARENA_ARRAY(page->arena, CLAIMS_SHOWN_MAX, struct open_claim_view);

    for (unsigned i = 0; i < claims->n_open; i++) {
        struct open_claim_view *row = &rows[account->n_claims];
        if (claims->items[i].account_id != account->id)
            continue;
        if (i >= CLAIMS_SHOWN_MAX) {
            account->n_more_claims++;
            continue;
        }
        *row = claim_view(page, &claims->items[i], today);
        row->has_box = view->due && view->due->several && row->claim_id.len > 0;
        view->ticking = view->ticking || row->has_box;
        account->n_claims++;
    }
    account->claims = rows;
}

static void fill_accounts(struct page *page, struct home_view *view, const struct open_claims *claims, struct str today)
{
    const struct db_result *result = page_result(page, STEP_FAMILY);
    struct account_view *accounts = family_read(page->arena, result);

    for (unsigned i = 0; i < result->n_rows; i++)
        fill_account(page, view, &accounts[i], claims, today);
    view->accounts = accounts;
    view->n_accounts = result->n_rows;
    view->several_accounts = result->n_rows > 1;
}

static void fill_pending(struct page *page, struct home_view *view)
{
    const struct db_result *result = page_result(page, STEP_PENDING);
    struct pending_view *rows = ARENA_ARRAY(page->arena, result->n_rows, struct pending_view);

    for (unsigned i = 0; i < result->n_rows; i++) {
        const struct db_value *row = db_row(result, i);
        rows[i] = (struct pending_view){
            .reference = row[PENDING_REFERENCE].text,
            .amount = french_money(page->arena, row[PENDING_AMOUNT].number),
            .created_at = french_datetime(page->arena, row[PENDING_CREATED_AT].number),
        };
        if (row[PENDING_SENT_AT].type != DB_NULL)
            rows[i].sent_at = french_datetime(page->arena, row[PENDING_SENT_AT].number);
    }
    view->pending = rows;
    view->n_pending = result->n_rows;
}

static void home_loaded(struct page *page)
{
    struct open_claims claims = open_claims_read(page->arena, page_result(page, STEP_CLAIMS));
    struct str today = str_slice(french_time_iso(page->arena, clock_now_us()).ptr, 10);
    struct home_view view = {.payments_closed = !page_user_number(page, USER_PAYMENTS_OPEN)};
    struct response *response;

    fill_due(page, &view, &claims, today);
    fill_accounts(page, &view, &claims, today);
    fill_settled(page, &view, &claims);
    fill_pending(page, &view);
    fill_contact(page, &view);
    if (form_get(&page->form, "coordonnees").len > 0)
        page->view.notice = STR("Vos coordonnées sont enregistrées.");
    response = page_response(page, 200);
    view.page = page->view;
    template_page_home(&response->body, &view);
    page_send(page, response);
}

static void home_opened(struct page *page)
{
    page_step(page, SQL_OPEN_CLAIMS, DB_ANY_COUNT, PAGE_OWNER(page));
    page_step(page, SQL_PENDING_PAYMENTS, DB_ANY_COUNT, PAGE_OWNER(page));
    page_step(page, SQL_FAMILY, DB_ANY_COUNT, PAGE_OWNER(page));
    page_query(page, home_loaded);
}

void page_home(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Accueil", home_opened);
}
