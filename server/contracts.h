/* contracts: the bank contracts of all schools, in memory, so that a call can be checked while MariaDB is away.
 *
 * Loaded from MariaDB at start, every minute, and once when an unknown merchant calls. A copy with the keys still
 * sealed stands in a 0600 file beside the journal: a dp-server started while MariaDB is down checks seals with that. */
#ifndef DP_SERVER_CONTRACTS_H
#define DP_SERVER_CONTRACTS_H

#include <uv.h>

#include "common/config.h"
#include "common/gateway/gateway.h"
#include "common/vault.h"
#include "server/db_pool.h"

enum { CONTRACTS_MAX = 1000 };

struct contracts;

/* Reads the file, then begins to load from the database. */
struct contracts *contracts_new(uv_loop_t *loop, const struct config *config, const struct vault *vault,
                                struct db_pool *db);
/* Called after every load, and now. One listener. */
void contracts_on_change(struct contracts *contracts, void (*changed)(void *data), void *data);
/* After the pool: ends waiting reloads with ERR_CANCELLED, frees, then calls back. */
void contracts_close(struct contracts *contracts, void (*closed)(void *data), void *data);

/* NULL when unknown; without a key when that could not be opened. Borrowed until the loop's next turn: a reload
 * replaces it. */
const struct gateway_contract *contracts_by_merchant(const struct contracts *contracts, const struct gateway *gateway,
                                                     struct str merchant_id);
const struct gateway_contract *contracts_by_id(const struct contracts *contracts, int64_t id);
/* Whether the contract is known, with its key: payments can be sent. */
bool contracts_can_seal(const struct contracts *contracts, int64_t id);

/* True once there is a list to go by, from the file or from the database. */
bool contracts_are_loaded(const struct contracts *contracts);
/* The origins of all payment pages, space-separated: for the form-action of the security policy. */
struct str contracts_form_action(const struct contracts *contracts, struct arena *arena);

/* Loads again for the sake of an unknown merchant or contract, or a bad seal. err 0: done now or less than five seconds
 * ago, look again; other: the database did not answer. Exactly once, never before it returned.
 */
typedef void (*contracts_cb)(void *data, int err);
void contracts_reload(struct contracts *contracts, contracts_cb done, void *data);

#endif
