/* Payer: CREATED → PENDING, then to the bank. Pressed again, the same signed request: the bank sees one payment, not
 * two. Nothing goes to the bank unless all claims that it pays are kept for it: taken with the state, in one SQL
 * transaction, and looked at again each time. */
#include <stdlib.h>

#include "common/clock.h"
#include "common/crash_point.h"
#include "common/err.h"
#include "common/log.h"
#include "server/card_brands.h"
#include "server/credit_form.h"
#include "server/page.h"
#include "server/pages.h"
#include "server/payment_row.h"
#include "server/validity.h"

enum { STEP_TRANSACTION, STEP_LINES };

struct pay {
    struct payment_row row;
    const struct gateway_contract *contract; /* of the first turn of the loop only */
    struct str payment_url;                  /* the contract's, kept: it may be reloaded meanwhile */
    struct str query;                        /* the signed request */
    int64_t claims[CREDIT_LINES_MAX];        /* among the payment's lines, by id */
    unsigned n_claims;
};

static void go_to_bank(struct page *page, struct str payment_url, struct str query)
{
    page_redirect(page, arena_printf(page->arena, "%.*s?%.*s", STR_ARG(payment_url), STR_ARG(query)));
}

static void show_payment(struct page *page)
{
    payment_row_show(page, page->request->params[0]);
}

static void sent(struct page *page)
{
    struct pay *pay = page->state;
    log_info("payment_sent", LOG_SLICE("reference", pay->row.reference), LOG_INT("cents", pay->row.amount_cents),
             LOG_REQUEST(page->request->id));
    CRASH_POINT("server/payment_sent");
    go_to_bank(page, pay->payment_url, pay->query);
    CRASH_POINT("server/payment_at_bank");
}

static void resumed(struct page *page)
{
    struct pay *pay = page->state;
    log_info("payment_resumed", LOG_SLICE("reference", pay->row.reference), LOG_REQUEST(page->request->id));
    go_to_bank(page, pay->payment_url, pay->query);
}

/* Another click was first, the payment was modified meanwhile, or a claim is somebody else's turn, settled or under
 * direct debit: its page shows what is true now. */
static void send_refused(struct page *page)
{
    struct pay *pay = page->state;
    log_info("payment_not_sent", LOG_SLICE("reference", pay->row.reference), LOG_REQUEST(page->request->id));
    show_payment(page);
}

/* One step a claim, each of which must match. In the order of their ids, so that payments of the same claims wait for
 * one another instead of each for the other. */
static void add_reservations(struct page *page, const struct pay *pay)
{
    for (unsigned i = 0; i < pay->n_claims; i++)
        page_step(page, SQL_CLAIM_RESERVE, 1, DB_S(pay->row.reference), PAGE_OWNER(page), DB_I(pay->claims[i]));
}

static int build_request(struct page *page, struct pay *pay, struct str means, const struct validity *validity)
{
    struct gateway_payment payment = {
        .reference = pay->row.reference,
        .amount_cents = pay->row.amount_cents,
        .currency = pay->contract->currency,
        .email = pay->row.email,
        .means = means,
        .return_url = arena_printf(page->arena, "%s/retour-banque", page->app->config->site.base_url),
        .valid_until = str_from(validity->bank_date),
    };
    struct buf query;
    int err;

    buf_init(&query, GATEWAY_RAW_MAX);
    err = pay->contract->gateway->build_request(pay->contract, &payment, page->arena, &query);
    if (err == 0 && !buf_ok(&query))
        err = ERR_TOO_LARGE;
    if (err == 0)
        pay->query = arena_str(page->arena, buf_str(&query));
    buf_done(&query);
    return err;
}

static void send_to_bank(struct page *page, struct pay *pay)
{
    struct str means = form_get(&page->form, "moyen");
    struct validity validity = validity_from(clock_now_us());
    int err;

    if (!page_user_number(page, USER_PAYMENTS_OPEN)) {
        show_payment(page);
        return;
    }
    /* An image button sends moyen.x and moyen.y beside, or instead of, its value: one brand needs no choice. */
    if (means.len == 0)
        means = str_cut(pay->contract->means, ',', &(struct str){0});
    if (!card_brands_has(pay->contract->means, means)) {
        page_fail(page, 400);
        return;
    }
    pay->payment_url = arena_str(page->arena, pay->contract->payment_url);
    err = build_request(page, pay, means, &validity);
    if (err) {
        page_fail_err(page, err);
        return;
    }
    CRASH_POINT("server/payment_before_sent");
    page_step(page, SQL_TRANSACTION_SEND, 1, DB_S(pay->query),
              DB_S(arena_str(page->arena, str_from(validity.sql_date))), DB_I(validity.expires_us),
              DB_S(pay->row.reference), PAGE_OWNER(page), DB_I(pay->row.amount_cents));
    add_reservations(page, pay);
    page_change(page, sent, send_refused);
}

/* The same signed request; what it pays may be somebody else's turn by now. */
static void return_to_bank(struct page *page, struct pay *pay)
{
    pay->payment_url = arena_str(page->arena, pay->contract->payment_url);
    pay->query = pay->row.bank_request;
    page_step(page, SQL_TRANSACTION_RESUME, 1, DB_S(pay->row.reference), PAGE_OWNER(page));
    add_reservations(page, pay);
    page_change(page, resumed, send_refused);
}

static void find_contract(struct page *page)
{
    struct pay *pay = page->state;

    pay->contract = contracts_by_id(page->app->contracts, pay->row.contract_id);
    if (!pay->contract || !pay->contract->key)
        page_fail(page, 503); /* its key cannot be opened */
    else if (pay->row.state == PAYMENT_CREATED)
        send_to_bank(page, pay);
    else if (pay->row.state == PAYMENT_PENDING && !validity_is_over(pay->row.expires_us, clock_now_us()))
        return_to_bank(page, pay);
    else
        show_payment(page);
}

static void contract_reloaded(void *data, int err)
{
    if (err)
        page_fail_err(data, err);
    else
        find_contract(data);
}

static int by_id(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void take_claims(struct pay *pay, const struct db_result *lines)
{
    for (unsigned i = 0; i < lines->n_rows && pay->n_claims < CREDIT_LINES_MAX; i++) {
        const struct db_value *claim_id = &db_row(lines, i)[LINE_CLAIM_ID];
        if (claim_id->type != DB_NULL)
            pay->claims[pay->n_claims++] = claim_id->number;
    }
    qsort(pay->claims, pay->n_claims, sizeof *pay->claims, by_id);
}

static void loaded(struct page *page)
{
    struct pay *pay = ARENA_NEW(page->arena, struct pay);

    page->state = pay;
    take_claims(pay, page_result(page, STEP_LINES));
    if (!payment_row_read(page->arena, page_result(page, STEP_TRANSACTION), &pay->row))
        page_fail(page, 404);
    else if (payment_row_is_given_up(&pay->row))
        show_payment(page);
    else if (contracts_can_seal(page->app->contracts, pay->row.contract_id))
        find_contract(page);
    else /* imported a moment ago */
        contracts_reload(page->app->contracts, contract_reloaded, page);
}

static void opened(struct page *page)
{
    struct str reference = page->request->params[0];

    if (!payment_row_ask(page))
        return;
    page_step(page, SQL_TRANSACTION_LINES, DB_ANY_COUNT, DB_S(reference), PAGE_OWNER(page));
    page_query(page, loaded);
}

void page_pay(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Paiement", opened);
}
