/* family: a person's accounts, with what the school says that they hold and what they got here since, as SQL_FAMILY
 * lists them. */
#ifndef DP_SERVER_FAMILY_H
#define DP_SERVER_FAMILY_H

#include "common/arena.h"
#include "server/db_pool.h"
#include "templates/payment_views.h"

/* One view an account, in the arena, without its claims. An account without a balance says nothing of money: what was
 * paid here alone would look like one. */
struct account_view *family_read(struct arena *arena, const struct db_result *result);
/* The moment as a day, with the hour where it is not the day's beginning: "28 novembre 2026 à 18 h 30". */
struct str family_balance_date(struct arena *arena, int64_t us);

#endif
