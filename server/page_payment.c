/* /paiement/{reference}: the recap while CREATED, afterwards the payment's own page: the database's state and nothing
 * else. */
#include "common/clock.h"
#include "common/french.h"
#include "common/french_number.h"
#include "common/money.h"
#include "server/card_brands.h"
#include "server/page.h"
#include "server/pages.h"
#include "server/payment_proofs.h"
#include "server/validity.h"

/* Two turns: what the second asks for depends on the state that the first one read. */
enum { STEP_TRANSACTION, STEP_LINES };
enum { STEP_SIMILAR = 0, STEP_PROOFS = 0 };

struct payment_page {
    struct payment_row row;
    struct db_result lines;
    struct payment_proofs proofs;
};

/* How often the page of an open payment asks again: often while the parent just came back from the bank, then less; at
 * once while a worker is ending it. */
enum { REFRESH_DISCARDING_S = 2, REFRESH_EAGER_S = 5, REFRESH_PATIENT_S = 15 };
#define REFRESH_EAGER_US   (5 * CLOCK_MINUTE_US)
#define REFRESH_LONGEST_US (60 * CLOCK_MINUTE_US)

static bool payments_are_closed(const struct page *page)
{
    return !page_user_number(page, USER_PAYMENTS_OPEN);
}

static void show_recap(struct page *page)
{
    const struct payment_page *payment = page->state;
    const struct payment_row *row = &payment->row;
    const struct gateway_contract *contract = contracts_by_id(page->app->contracts, row->contract_id);
    const struct db_result *lines = &payment->lines;
    struct card_brand_view brands[CARD_BRANDS_MAX];
    struct recap_view view = {
        .reference = row->reference,
        .created_at = french_datetime(page->arena, row->created_us),
        .created_at_iso = french_time_iso(page->arena, row->created_us),
        .is_claim = row->is_claim,
        .lines = payment_lines_view(page, lines, row->is_claim),
        .n_lines = lines->n_rows,
        .several_lines = lines->n_rows > 1,
        .amount = french_money(page->arena, row->amount_cents),
        .email = row->email,
        .comment = row->comment,
        .brands = brands,
        .n_brands = contract && contract->key ? card_brands_list(contract->means, brands) : 0,
    };
    const struct db_result *similar = page_result(page, STEP_SIMILAR);
    struct response *response;

    view.bars = payment_bars_view(page, lines, &view.n_bars);
    if (similar->n_rows > 0 && view.n_bars == 0) /* the bar says more of the same payment */
        view.similar_reference = db_row(similar, 0)[0].text;
    /* Without a contract that this process can seal with there is nothing to press. */
    view.payments_closed = payments_are_closed(page) || view.n_brands == 0;
    page->view.title = STR("Récapitulatif du paiement");
    response = page_response(page, 200);
    view.page = page->view;
    template_page_recap(&response->body, &view);
    page_send(page, response);
}

/* A page that changes under a screen reader must be possible to stop (RGAA 13.1). */
static bool refresh_is_stopped(const struct page *page)
{
    return str_eq(form_get(&page->form, "actualisation"), STR("non"));
}

static bool is_discarding(const struct payment_row *row)
{
    return payment_row_is_discarding(row, clock_now_us());
}

static int64_t refresh_seconds(const struct page *page, const struct payment_row *row)
{
    int64_t age_us = clock_now_us() - row->sent_us;
    if (is_discarding(row))
        return refresh_is_stopped(page) ? 0 : REFRESH_DISCARDING_S;
    if (row->state != PAYMENT_PENDING || age_us > REFRESH_LONGEST_US || refresh_is_stopped(page))
        return 0;
    return age_us < REFRESH_EAGER_US ? REFRESH_EAGER_S : REFRESH_PATIENT_S;
}

static struct hidden_view *add_hidden(struct hidden_view *at, struct str name, struct str value)
{
    *at = (struct hidden_view){.name = name, .value = value};
    return at + 1;
}

static struct str number_text(struct arena *arena, int64_t number)
{
    return arena_printf(arena, "%lld", (long long)number);
}

/* The form of /crediter with this payment's values: a new payment with a new reference. */
static void fill_again(struct page *page, const struct payment_row *row, struct payment_view *view)
{
    const struct db_result *lines = &((const struct payment_page *)page->state)->lines;
    struct hidden_view *fields = ARENA_ARRAY(page->arena, 3 + 3 * (size_t)lines->n_rows, struct hidden_view);
    struct hidden_view *end = fields;

    end = add_hidden(end, STR("type"), row->is_claim ? STR("creance") : STR("avance"));
    end = add_hidden(end, STR("courriel"), row->email);
    end = add_hidden(end, STR("commentaires"), row->comment);
    for (unsigned i = 0; i < lines->n_rows; i++) {
        const struct db_value *line = db_row(lines, i);
        struct str suffix = i == 0 ? STR("") : arena_printf(page->arena, "_%u", i + 1);
        char amount[MONEY_TEXT_SIZE];
        money_format_input(line[LINE_AMOUNT].number, amount);
        end = add_hidden(end, arena_printf(page->arena, "compte%.*s", STR_ARG(suffix)),
                         number_text(page->arena, line[LINE_ACCOUNT_ID].number));
        end = add_hidden(end, arena_printf(page->arena, "montant%.*s", STR_ARG(suffix)),
                         arena_str(page->arena, str_from(amount)));
        if (line[LINE_CLAIM_ID].type != DB_NULL)
            end = add_hidden(end, arena_printf(page->arena, "creance%.*s", STR_ARG(suffix)),
                             number_text(page->arena, line[LINE_CLAIM_ID].number));
    }
    view->again_fields = fields;
    view->n_again_fields = (unsigned)(end - fields);
}

/* What only a payment with a receipt has. */
static void fill_receipt(struct page *page, const struct payment_row *row, struct payment_view *view)
{
    enum { BYTES_PER_KO = 1000 };
    if (row->receipt.len == 0)
        return;
    view->receipt = row->receipt;
    view->amount_words = french_sum(page->arena, row->amount_cents);
    if (row->receipt_size > 0)
        view->receipt_size =
            arena_printf(page->arena, "%lld\u00a0ko", (long long)(row->receipt_size + BYTES_PER_KO - 1) / BYTES_PER_KO);
}

/* The bank took more than the claims: the review says to the bursar what this says to the parent. */
static struct str waiting_text(struct page *page, const struct db_result *lines)
{
    int64_t cents = 0;
    for (unsigned i = 0; i < lines->n_rows; i++)
        cents += db_row(lines, i)[LINE_CLAIM_WAITING].number;
    return cents > 0 ? french_money(page->arena, cents) : STR_NULL;
}

static void fill_discard(struct page *page, const struct payment_row *row, struct payment_view *view)
{
    view->is_discarding = is_discarding(row);
    view->is_long = view->is_long && !view->is_discarding;
    view->can_discard = payment_state_is_open(row->state) && !view->is_discarding;
    view->discard_is_late = view->can_discard && row->discard_asked_us;
    if (row->discard_asked_us)
        view->discard_asked_at = french_datetime(page->arena, row->discard_asked_us);
}

static void fill_proofs(struct page *page, struct payment_view *view)
{
    const struct payment_page *payment = page->state;
    const struct payment_row *row = &payment->row;

    view->proofs = payment->proofs.items;
    view->n_proofs = payment->proofs.n_items;
    view->is_discarded = payment->proofs.is_discarded;
    view->report_is_on_its_way = payment->proofs.n_reports > payment->proofs.n_arrived;
    if (payment->proofs.n_arrived > 0)
        view->reported_at = french_datetime(page->arena, payment->proofs.arrived_us);
    view->is_long = row->state == PAYMENT_PENDING && clock_now_us() - row->sent_us > REFRESH_LONGEST_US;
    view->bank_is_asked = row->bank_is_asked;
    if (row->expires_us > clock_now_us())
        view->waits_until = french_datetime(page->arena, row->expires_us);
}

static struct payment_view payment_view_make(struct page *page, const struct payment_row *row)
{
    const struct db_result *lines = &((const struct payment_page *)page->state)->lines;
    struct arena *arena = page->arena;
    struct payment_view view = {
        .reference = row->reference,
        .state_name = str_from(payment_state_name(row->state)),
        .state_label = str_from(payment_state_label(row->state)),
        .is_pending = row->state == PAYMENT_PENDING,
        .refresh_s = refresh_seconds(page, row),
        .refresh_stopped = refresh_is_stopped(page),
        .is_paid = payment_state_is_paid(row->state),
        .is_declined = row->state == PAYMENT_DECLINED,
        .is_cancelled = row->state == PAYMENT_CANCELLED,
        .is_expired = row->state == PAYMENT_EXPIRED,
        .is_reversed = row->state == PAYMENT_REVERSED,
        .is_refunded = row->state == PAYMENT_REFUNDED,
        .can_resume = row->state == PAYMENT_PENDING && !validity_is_over(row->expires_us, clock_now_us()),
        .under_review = row->under_review,
        .is_claim = row->is_claim,
        .lines = payment_lines_view(page, lines, row->is_claim),
        .n_lines = lines->n_rows,
        .several_lines = lines->n_rows > 1,
        .amount = french_money(arena, row->amount_cents),
        .was_sent = row->sent_us != 0,
        .bursar_email = page_user_text(page, USER_BURSAR_EMAIL),
        .bursar_phone = page_user_text(page, USER_BURSAR_PHONE),
        .email = row->email,
        .comment = row->comment,
        /* The page of a payment under review asks not to pay a second time. */
        .can_pay_again = payment_state_rank(row->state) == 2 && !row->under_review && !payments_are_closed(page),
    };
    if (row->accepted_us) {
        view.accepted_at = french_datetime(arena, row->accepted_us);
        view.accepted_at_iso = french_time_iso(arena, row->accepted_us);
    }
    if (view.can_resume)
        view.bars = payment_bars_view(page, lines, &view.n_bars);
    view.can_resume = view.can_resume && view.n_bars == 0;
    if (view.is_paid && row->under_review)
        view.waiting = waiting_text(page, lines);
    fill_proofs(page, &view);
    fill_discard(page, row, &view);
    view.can_resume = view.can_resume && !payment_row_is_given_up(row);
    fill_receipt(page, row, &view);
    if (view.can_pay_again)
        fill_again(page, row, &view);
    return view;
}

static void show_payment(struct page *page)
{
    struct payment_page *payment = page->state;
    const struct payment_row *row = &payment->row;

    payment_proofs_read(page->arena, row, page_result(page, STEP_PROOFS), clock_now_us(), &payment->proofs);
    struct payment_view view = payment_view_make(page, row);
    struct response *response = page_response(page, 200);

    if (view.refresh_s > 0)
        response_header(response, "Refresh", number_text(page->arena, view.refresh_s));
    view.page = page->view;
    template_page_payment(&response->body, &view);
    page_send(page, response);
}

/* Imported a moment ago: the button, and the bank's origin in the security policy, would be missing. Without the
 * database the page says that nothing can be paid now. */
static void contract_reloaded(void *data, int err)
{
    struct page *page = data;
    (void)err;
    show_recap(page);
}

static void similar_loaded(struct page *page)
{
    const struct payment_page *payment = page->state;

    if (contracts_can_seal(page->app->contracts, payment->row.contract_id))
        show_recap(page);
    else
        contracts_reload(page->app->contracts, contract_reloaded, page);
}

static void loaded(struct page *page)
{
    struct payment_page *payment = ARENA_NEW(page->arena, struct payment_page);
    const struct payment_row *row = &payment->row;
    struct db_value reference = DB_S(page->request->params[0]);

    page->state = payment;
    if (!payment_row_read(page->arena, page_result(page, STEP_TRANSACTION), &payment->row)) {
        page_fail(page, 404);
        return;
    }
    payment->lines = *page_result(page, STEP_LINES);
    if (row->state == PAYMENT_CREATED && !payment_row_is_given_up(row)) {
        page_step(page, SQL_SIMILAR_PAYMENT, DB_ANY_COUNT, reference, PAGE_OWNER(page));
        page_query(page, similar_loaded);
        return;
    }
    page_step(page, SQL_PAYMENT_PROOFS, DB_ANY_COUNT, reference, PAGE_OWNER(page), reference, PAGE_OWNER(page),
              reference, PAGE_OWNER(page));
    page_query(page, show_payment);
}

static void opened(struct page *page)
{
    struct str reference = page->request->params[0];

    if (!payment_row_ask(page))
        return;
    page_step(page, SQL_TRANSACTION_LINES, DB_ANY_COUNT, DB_S(reference), PAGE_OWNER(page));
    page_query(page, loaded);
}

void page_payment(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Paiement", opened);
}
