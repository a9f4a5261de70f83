/* Retour de la banque: the browser's return changes no payment and credits nothing; it only finds the payment's page
 * again, which says when it first came. Forged or replayed, it shows what the database says. No cookie is set, no token
 * asked: the bank may return by POST, where SameSite=Lax sends no cookie. */
#include "server/page.h"
#include "server/pages.h"
#include "server/payment_reference.h"
#include "server/payment_row.h"

enum { RECORD_WITHIN_MS = 500 };

static void go_to_payment(struct page *page)
{
    payment_row_show(page, form_get(&page->form, "reference"));
}

/* When the browser first came back, for a payment of this session's own; any other reference adds nothing. */
static void record(struct page *page, struct str reference)
{
    page_step(page, SQL_RETURN_RECORD, DB_ANY_COUNT, DB_S(reference), PAGE_OWNER(page));
    page_try(page, RECORD_WITHIN_MS, go_to_payment);
}

static void opened(struct page *page)
{
    struct bank_return_view view = {.page = page->view};
    struct response *response;
    struct str reference = form_get(&page->form, "reference");

    if (page->session && payment_reference_is_plausible(reference)) {
        record(page, reference);
        return;
    }
    if (page->session) {
        page_redirect(page, STR("/historique"));
        return;
    }
    response = page_response(page, 200);
    template_page_bank_return(&response->body, &view);
    page_send(page, response);
}

void page_bank_return(struct request *request)
{
    page_open(request, PAGE_BANK_RETURN, "Paiement en cours de vérification", opened);
}
