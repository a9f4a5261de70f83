/* Abandonner: the payer wants an open payment no more. This server does not end it: it tells the workers, notes that it
 * was asked, and shows what is true. */
#include "common/clock.h"
#include "common/french.h"
#include "common/log.h"
#include "server/notice.h"
#include "server/page.h"
#include "server/pages.h"
#include "server/payment_row.h"

enum { STEP_TRANSACTION };

static void go_to_payment(struct page *page)
{
    payment_row_show(page, page->request->params[0]);
}

static void discard(struct page *page, const struct payment_row *row)
{
    struct str user = arena_printf(page->arena, "%lld", (long long)page->session->user_id);

    notice_payment_discarded(page->app, row->reference, user);
    log_info("payment_discard_asked", LOG_SLICE("reference", row->reference), LOG_REQUEST(page->request->id));
    go_to_payment(page);
}

static void show_question(struct page *page, const struct payment_row *row)
{
    struct response *response = page_response(page, 200);
    struct discard_view view = {
        .page = page->view,
        .reference = row->reference,
        .amount = french_money(page->arena, row->amount_cents),
        .is_pending = row->state == PAYMENT_PENDING,
    };

    if (row->sent_us) {
        view.sent_at = french_datetime(page->arena, row->sent_us);
        view.sent_at_iso = french_time_iso(page->arena, row->sent_us);
    }
    template_page_discard(&response->body, &view);
    page_send(page, response);
}

static void loaded(struct page *page)
{
    struct payment_row row;

    if (!payment_row_read(page->arena, page_result(page, STEP_TRANSACTION), &row))
        page_fail(page, 404);
    else if (!payment_state_is_open(row.state) || payment_row_is_discarding(&row, clock_now_us()))
        go_to_payment(page);
    else if (page_is_post(page))
        discard(page, &row);
    else
        show_question(page, &row);
}

static void opened(struct page *page)
{
    struct str reference = page->request->params[0];

    if (!payment_row_ask(page))
        return;
    if (!page_is_post(page)) {
        page_query(page, loaded);
        return;
    }
    page_step(page, SQL_DISCARD_RECORD, DB_ANY_COUNT, DB_S(reference), PAGE_OWNER(page));
    page_change(page, loaded, go_to_payment); /* conflict: a second press of the same moment, the first one is noted */
}

void page_discard(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Abandonner un paiement", opened);
}
