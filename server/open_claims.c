#include "server/open_claims.h"

/* Columns of SQL_OPEN_CLAIMS. */
enum {
    CLAIM_ID,
    CLAIM_ACCOUNT_ID,
    CLAIM_NUMBER,
    CLAIM_LABEL,
    CLAIM_DUE_DATE,
    CLAIM_REMAINING,
    CLAIM_DIRECT_DEBIT,
    CLAIM_LAST_NAME,
    CLAIM_FIRST_NAME,
    CLAIM_HELD_SINCE,
    CLAIM_HELD_UNTIL,
    CLAIM_OWN_HOLD,
    CLAIM_OTHERS,
    CLAIM_OTHERS_AT,
};

struct open_claims open_claims_read(struct arena *arena, const struct db_result *result)
{
    struct open_claim *items = ARENA_ARRAY(arena, result->n_rows, struct open_claim);
    struct open_claims claims = {.items = items};
    for (unsigned i = 0; i < result->n_rows; i++) {
        const struct db_value *row = result->cells + (size_t)i * result->n_columns;
        /* What another payer settled and the bank took back has been settled by this one since. */
        if (row[CLAIM_REMAINING].number == 0 && row[CLAIM_OTHERS].number <= 0)
            continue;
        claims.n_open += row[CLAIM_REMAINING].number > 0;
        items[claims.n_items++] = (struct open_claim){
            .id = row[CLAIM_ID].number,
            .account_id = row[CLAIM_ACCOUNT_ID].number,
            .number = row[CLAIM_NUMBER].text,
            .label = row[CLAIM_LABEL].text,
            .due_date = row[CLAIM_DUE_DATE].text,
            .remaining_cents = row[CLAIM_REMAINING].number,
            .direct_debit = row[CLAIM_DIRECT_DEBIT].number != 0,
            .held_since_us = row[CLAIM_HELD_SINCE].number,
            .held_until_us = row[CLAIM_HELD_UNTIL].number,
            .own_hold = row[CLAIM_OWN_HOLD].text,
            .others_cents = row[CLAIM_OTHERS].number,
            .others_at_us = row[CLAIM_OTHERS_AT].number,
            .account_name = arena_printf(arena, "%.*s %.*s", STR_ARG(row[CLAIM_FIRST_NAME].text),
                                         STR_ARG(row[CLAIM_LAST_NAME].text)),
        };
    }
    return claims;
}

struct str open_claim_number(const struct open_claim *claim)
{
    bool is_said = memmem(claim->label.ptr, claim->label.len, claim->number.ptr, claim->number.len) != NULL;
    return is_said ? STR("") : claim->number;
}

const struct open_claim *open_claims_find(const struct open_claims *claims, int64_t id)
{
    for (unsigned i = 0; i < claims->n_items; i++) {
        if (claims->items[i].id == id)
            return &claims->items[i];
    }
    return NULL;
}

enum claim_bar open_claims_bar(const struct open_claim *claim, int64_t wanted_cents)
{
    if (claim->remaining_cents == 0)
        return BAR_SETTLED;
    if (claim->direct_debit)
        return BAR_DIRECT_DEBIT;
    if (claim->held_until_us)
        return BAR_HELD;
    return wanted_cents > claim->remaining_cents ? BAR_TOO_MUCH : BAR_NONE;
}
