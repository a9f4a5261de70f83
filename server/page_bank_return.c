/* Retour de la banque: the browser's return changes nothing and credits nothing; it only finds the payment's page
 * again. Forged or replayed, it shows what the database says. No cookie is set, no token asked: the bank may return by
 * POST, where SameSite=Lax sends no cookie. */
#include "server/page.h"
#include "server/pages.h"
#include "server/payment_reference.h"

static void opened(struct page *page)
{
    struct bank_return_view view = {.page = page->view};
    struct response *response;
    struct str reference = form_get(&page->form, "reference");

    if (page->session) {
        page_redirect(page, payment_reference_is_plausible(reference)
                                ? arena_printf(page->arena, "/paiement/%.*s", STR_ARG(reference))
                                : STR("/historique"));
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
