/* payment_row: a payment and its lines as SQL_TRANSACTION and SQL_TRANSACTION_LINES give them, and as pages show them.
 */
#ifndef DP_SERVER_PAYMENT_ROW_H
#define DP_SERVER_PAYMENT_ROW_H

#include "common/payment_state.h"
#include "server/page.h"

struct payment_row {
    struct str reference;
    bool is_claim;
    enum payment_state state;
    int64_t amount_cents;
    struct str email, comment;
    int64_t created_us, sent_us, expires_us, accepted_us, updated_us; /* 0: not yet */
    int64_t discard_asked_us;                                         /* by its payer; 0: not */
    bool bank_is_asked;
    struct str bank_request; /* empty before it was sent */
    int64_t contract_id;
    struct str receipt;   /* "2026-000123"; empty before acceptance */
    int64_t receipt_size; /* bytes of its PDF; 0: not made yet */
    bool under_review;    /* an open review item is about it */
};

/* The first step of a payment's pages: the payment that the address names, if it is the person's own. False: it names
 * none, and that was answered (404). */
bool payment_row_ask(struct page *page);
/* 303 to the payment's page. */
void payment_row_show(struct page *page, struct str reference);
/* Reads the one row of `result`; false when there is none (unknown, or somebody else's). */
bool payment_row_read(struct arena *arena, const struct db_result *result, struct payment_row *ret_row);
/* The claims among the lines that cannot be paid now, in the arena. */
const struct claim_bar_view *payment_bars_view(const struct page *page, const struct db_result *lines,
                                               unsigned *ret_n_bars);
/* Open, but its payer gave it up: a worker will end it, soon or late, so it neither goes to the bank nor is modified.
 */
bool payment_row_is_given_up(const struct payment_row *row);
/* Given up, and the workers are expected to end it within seconds. After some minutes something is in their way, and
 * giving up is offered again. */
bool payment_row_is_discarding(const struct payment_row *row, int64_t now_us);
/* One view a line, in the arena. */
const struct payment_line_view *payment_lines_view(const struct page *page, const struct db_result *lines,
                                                   bool is_claim);

#endif
