#include "server/payment_row.h"

#include "common/clock.h"
#include "common/french.h"
#include "common/log.h"
#include "server/claim_bar.h"
#include "server/payment_reference.h"

#define DISCARD_LATE_US (5 * CLOCK_MINUTE_US)

bool payment_row_ask(struct page *page)
{
    struct str reference = page->request->params[0];

    if (!payment_reference_is_plausible(reference)) {
        page_fail(page, 404);
        return false;
    }
    page_step(page, SQL_TRANSACTION, DB_ANY_COUNT, DB_S(reference), PAGE_OWNER(page));
    return true;
}

void payment_row_show(struct page *page, struct str reference)
{
    page_redirect(page, arena_printf(page->arena, "/paiement/%.*s", STR_ARG(reference)));
}

bool payment_row_read(struct arena *arena, const struct db_result *result, struct payment_row *ret_row)
{
    const struct db_value *row;

    if (result->n_rows == 0)
        return false;
    row = db_row(result, 0);
    *ret_row = (struct payment_row){
        .reference = row[TX_REFERENCE].text,
        .is_claim = str_eq(row[TX_KIND].text, STR("CLAIM")),
        .amount_cents = row[TX_AMOUNT].number,
        .email = row[TX_EMAIL].text,
        .comment = row[TX_COMMENT].text,
        .created_us = row[TX_CREATED_AT].number,
        .sent_us = row[TX_SENT_AT].number,
        .expires_us = row[TX_EXPIRES_AT].number,
        .accepted_us = row[TX_ACCEPTED_AT].number,
        .updated_us = row[TX_UPDATED_AT].number,
        .bank_request = row[TX_BANK_REQUEST].text,
        .contract_id = row[TX_CONTRACT_ID].number,
        .receipt_size = row[TX_RECEIPT_SIZE].number,
        .discard_asked_us = row[TX_DISCARD_ASKED_AT].number,
        .bank_is_asked = row[TX_BANK_IS_ASKED].number != 0,
        .under_review = row[TX_REVIEW].number != 0,
    };
    if (payment_state_from_name(row[TX_STATE].text, &ret_row->state) != 0)
        log_fatal("unknown_payment_state", LOG_SLICE("state", row[TX_STATE].text));
    if (row[TX_RECEIPT_NUMBER].type != DB_NULL)
        ret_row->receipt = french_receipt(arena, row[TX_RECEIPT_YEAR].number, row[TX_RECEIPT_NUMBER].number);
    return true;
}

bool payment_row_is_given_up(const struct payment_row *row)
{
    return payment_state_is_open(row->state) && row->discard_asked_us;
}

bool payment_row_is_discarding(const struct payment_row *row, int64_t now_us)
{
    return payment_row_is_given_up(row) && now_us - row->discard_asked_us < DISCARD_LATE_US;
}

const struct payment_line_view *payment_lines_view(const struct page *page, const struct db_result *lines,
                                                   bool is_claim)
{
    struct arena *arena = page->arena;
    bool commensal = str_eq(page_user_text(page, USER_ROLE), STR("COMMENSAL"));
    struct payment_line_view *views = ARENA_ARRAY(arena, lines->n_rows, struct payment_line_view);
    for (unsigned i = 0; i < lines->n_rows; i++) {
        const struct db_value *row = db_row(lines, i);
        views[i] = (struct payment_line_view){
            .last_name = row[LINE_LAST_NAME].text,
            .first_name = row[LINE_FIRST_NAME].text,
            .class_name = row[LINE_CLASS_NAME].text,
            .unassigned_claim = is_claim && row[LINE_CLAIM_ID].type == DB_NULL,
            .commensal = commensal,
            .amount = french_money(arena, row[LINE_AMOUNT].number),
        };
        if (row[LINE_CLAIM_ID].type != DB_NULL)
            views[i].claim = french_claim(arena, row[LINE_CLAIM_NUMBER].text, row[LINE_CLAIM_LABEL].text);
    }
    return views;
}

static struct open_claim claim_of_line(const struct db_value *row)
{
    return (struct open_claim){
        .remaining_cents = row[LINE_CLAIM_REMAINING].number,
        .direct_debit = row[LINE_CLAIM_DIRECT_DEBIT].number != 0,
        .held_since_us = row[LINE_CLAIM_HELD_SINCE].number,
        .held_until_us = row[LINE_CLAIM_HELD_UNTIL].number,
        .own_hold = row[LINE_CLAIM_OWN_HOLD].text,
        .own_settlement = row[LINE_CLAIM_OWN_SETTLEMENT].text,
    };
}

const struct claim_bar_view *payment_bars_view(const struct page *page, const struct db_result *lines,
                                               unsigned *ret_n_bars)
{
    struct claim_bar_view *bars = ARENA_ARRAY(page->arena, lines->n_rows, struct claim_bar_view);
    unsigned n = 0;

    for (unsigned i = 0; i < lines->n_rows; i++) {
        const struct db_value *row = db_row(lines, i);
        struct open_claim claim = claim_of_line(row);
        struct str name = arena_printf(page->arena, "%.*s %.*s, %.*s", STR_ARG(row[LINE_FIRST_NAME].text),
                                       STR_ARG(row[LINE_LAST_NAME].text), STR_ARG(row[LINE_CLAIM_LABEL].text));
        const struct claim_bar_view *bar = NULL;
        if (row[LINE_CLAIM_ID].type != DB_NULL)
            bar = claim_bar_view_make(page->arena, &claim, row[LINE_AMOUNT].number, name);
        if (bar)
            bars[n++] = *bar;
    }
    *ret_n_bars = n;
    return bars;
}
