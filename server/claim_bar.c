#include "server/claim_bar.h"

#include "common/french.h"

const struct claim_bar_view *claim_bar_view_make(struct arena *arena, const struct open_claim *claim,
                                                 int64_t wanted_cents, struct str name)
{
    enum claim_bar bar = open_claims_bar(claim, wanted_cents);
    struct claim_bar_view *view;

    if (bar == BAR_NONE)
        return NULL;
    view = ARENA_NEW(arena, struct claim_bar_view);
    *view = (struct claim_bar_view){
        .claim = name,
        .is_settled = bar == BAR_SETTLED,
        .is_direct_debit = bar == BAR_DIRECT_DEBIT,
        .is_held = bar == BAR_HELD,
        .is_too_much = bar == BAR_TOO_MUCH,
    };
    if (bar == BAR_SETTLED)
        view->own_reference = claim->own_settlement;
    if (bar == BAR_HELD) {
        view->own_reference = claim->own_hold;
        view->since = french_datetime(arena, claim->held_since_us);
        view->until = french_hour(arena, claim->held_until_us);
    }
    if (bar == BAR_TOO_MUCH)
        view->remaining = french_money(arena, claim->remaining_cents);
    return view;
}
