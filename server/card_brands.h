/* card_brands: the means of payment that a contract accepts, as the recap shows them. */
#ifndef DP_SERVER_CARD_BRANDS_H
#define DP_SERVER_CARD_BRANDS_H

#include "templates/payment_views.h"

enum { CARD_BRANDS_MAX = 8 };

/* Views of the known codes of a contract's comma-separated list ("CBS,AMX"; SP Plus's `moyen`, bank-protocols §1.2).
 * Returns how many. */
unsigned card_brands_list(struct str means, struct card_brand_view out[CARD_BRANDS_MAX]);
/* True when `code` is one of the contract's. */
bool card_brands_has(struct str means, struct str code);

#endif
