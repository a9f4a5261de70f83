/* /historique/paiements.csv: the payments that the history's choices show, all of them, for a spreadsheet. */
#include "common/clock.h"
#include "common/csv.h"
#include "common/french.h"
#include "common/log.h"
#include "common/payment_state.h"
#include "server/history_filter.h"
#include "server/history_parts.h"
#include "server/page.h"
#include "server/pages.h"

/* Read piece by piece, so that one download never holds a connection to the database for long; more than ROWS_MAX no
 * family has. */
enum { PIECE_ROWS = 500, ROWS_MAX = 8000 };

struct download {
    struct history_filter filter;
    struct response *response;
    unsigned n_rows;
};

static void put_header(struct buf *out)
{
    buf_append_text(out, CSV_MARK "Date;Heure;Référence;Compte;Type;Montant;État;Reçu");
    csv_end_line(out);
}

static void put_moment(struct buf *out, int64_t us)
{
    struct clock_local at = clock_to_local(us);
    buf_printf(out, "%02d/%02d/%04d;%02d:%02d;", at.day, at.month, at.year, at.hour, at.minute);
}

static void put_row(struct buf *out, struct arena *arena, const struct db_value *row)
{
    enum payment_state state;
    struct history_parts parts;

    if (payment_state_from_name(row[HISTORY_STATE].text, &state) != 0)
        log_fatal("unknown_payment_state", LOG_SLICE("state", row[HISTORY_STATE].text));
    put_moment(out, row[HISTORY_CREATED_AT].number);
    csv_text(out, row[HISTORY_REFERENCE].text);
    csv_next_field(out);
    history_parts_read(&parts, row[HISTORY_PARTS].text);
    csv_text(out, history_parts_names(&parts, arena));
    csv_next_field(out);
    csv_text(out, str_eq(row[HISTORY_KIND].text, STR("CLAIM")) ? STR("créance") : STR("paiement d'avance"));
    csv_next_field(out);
    csv_money(out, row[HISTORY_AMOUNT].number);
    csv_next_field(out);
    csv_text(out, str_from(payment_state_label(state)));
    csv_next_field(out);
    if (row[HISTORY_RECEIPT_NUMBER].type != DB_NULL)
        buf_append(out, french_receipt(arena, row[HISTORY_RECEIPT_YEAR].number, row[HISTORY_RECEIPT_NUMBER].number));
    csv_end_line(out);
}

static void load_piece(struct page *page);

static void piece_loaded(struct page *page)
{
    struct download *download = page->state;
    const struct db_result *result = page_result(page, 0);

    for (unsigned i = 0; i < result->n_rows; i++)
        put_row(&download->response->body, page->arena, db_row(result, i));
    download->n_rows += result->n_rows;
    if (result->n_rows < PIECE_ROWS || download->n_rows >= ROWS_MAX) {
        page_send(page, download->response);
        return;
    }
    const struct db_value *last = db_row(result, result->n_rows - 1);
    download->filter.before_us = last[HISTORY_CREATED_AT].number;
    download->filter.before_id = last[HISTORY_ID].number;
    load_piece(page);
}

static void load_piece(struct page *page)
{
    struct download *download = page->state;
    struct db_value params[HISTORY_PARAMS_MAX];
    unsigned n_params = history_filter_params(&download->filter, SQL_HISTORY_CHOSEN, page->session->user_id,
                                              page->session->school_id, PIECE_ROWS, params);

    page_add_step(page, SQL_HISTORY_CHOSEN, DB_ANY_COUNT, params, n_params);
    page_query(page, piece_loaded);
}

static void opened(struct page *page)
{
    struct download *download = ARENA_NEW(page->arena, struct download);

    page->state = download;
    if (history_filter_read(&page->form, &download->filter) != 0) {
        page_fail(page, 400);
        return;
    }
    download->response = page_response(page, 200);
    download->response->content_type = "text/csv; charset=utf-8";
    response_header(download->response, "Content-Disposition",
                    STR("attachment; filename=\"paiements-demi-pension.csv\""));
    put_header(&download->response->body);
    load_piece(page);
}

void page_history_csv(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Historique des paiements", opened);
}
