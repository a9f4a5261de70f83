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
    CLAIM_RESERVED,
};

struct open_claims open_claims_read(struct arena *arena, const struct db_result *result)
{
    struct open_claim *items = ARENA_ARRAY(arena, result->n_rows, struct open_claim);
    for (unsigned i = 0; i < result->n_rows; i++) {
        const struct db_value *row = result->cells + (size_t)i * result->n_columns;
        items[i] = (struct open_claim){
            .id = row[CLAIM_ID].number,
            .account_id = row[CLAIM_ACCOUNT_ID].number,
            .number = row[CLAIM_NUMBER].text,
            .label = row[CLAIM_LABEL].text,
            .due_date = row[CLAIM_DUE_DATE].text,
            .remaining_cents = row[CLAIM_REMAINING].number,
            .direct_debit = row[CLAIM_DIRECT_DEBIT].number != 0,
            .reserved = row[CLAIM_RESERVED].number != 0,
            .account_name = arena_printf(arena, "%.*s %.*s", STR_ARG(row[CLAIM_FIRST_NAME].text),
                                         STR_ARG(row[CLAIM_LAST_NAME].text)),
        };
    }
    return (struct open_claims){items, result->n_rows};
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
