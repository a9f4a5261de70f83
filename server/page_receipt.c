/* /paiement/{reference}/recu.pdf: the receipt as the worker made it and mailed it. */
#include "server/page.h"
#include "server/pages.h"
#include "server/payment_reference.h"
#include "server/payment_row.h"

static void send_file(struct page *page, const struct db_value *row)
{
    struct response *response = page_response(page, 200);

    response->content_type = "application/pdf";
    response_header(response, "Content-Disposition",
                    arena_printf(page->arena, "attachment; filename=\"recu-%lld-%06lld.pdf\"",
                                 (long long)row[RECEIPT_FILE_YEAR].number, (long long)row[RECEIPT_FILE_NUMBER].number));
    buf_append(&response->body, row[RECEIPT_FILE_BYTES].text);
    page_send(page, response);
}

static void loaded(struct page *page)
{
    const struct db_result *result = page_result(page, 0);

    if (result->n_rows == 0) /* not accepted, unknown, or somebody else's */
        page_fail(page, 404);
    else if (db_row(result, 0)[RECEIPT_FILE_BYTES].type == DB_NULL) /* the payment's page says that it is being made */
        payment_row_show(page, page->request->params[0]);
    else
        send_file(page, db_row(result, 0));
}

static void opened(struct page *page)
{
    struct str reference = page->request->params[0];

    if (!payment_reference_is_plausible(reference)) {
        page_fail(page, 404);
        return;
    }
    page_step(page, SQL_RECEIPT_FILE, DB_ANY_COUNT, DB_S(reference), PAGE_OWNER(page));
    page_query(page, loaded);
}

void page_receipt(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Reçu", opened);
}
