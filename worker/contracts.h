/* contracts: the schools' contracts with banks, loaded from bank_contracts with their keys opened; what the worker
 * checks seals against. Used by one thread.
 *
 * A contract whose key this host cannot open has none (bank.key NULL), and the log says which: its calls are left to
 * another worker, or until it can be opened. The published demonstration's is left out where it is refused. */
#ifndef DP_WORKER_CONTRACTS_H
#define DP_WORKER_CONTRACTS_H

#include <stdbool.h>

#include "common/config.h"
#include "common/gateway/contract.h"
#include "worker/db.h"

/* At most this often are they loaded again: calls naming unknown merchants must not become load on the database. */
enum { CONTRACTS_RELOAD_MS = 1000, CONTRACTS_MAX = 4096 };

struct contract {
    struct gateway_contract bank;
    int64_t school_id; /* 0 when none or several share the contract */
};

struct contracts;

/* `vault` is borrowed. With `demonstration` false the bank's published merchant and key are refused. */
struct contracts *contracts_new(const struct vault *vault, bool demonstration);
void contracts_free(struct contracts *contracts); /* NULL allowed */

/* New entries are at hand: what was loaded before may be older than they are. */
void contracts_outdate(struct contracts *contracts);
/* How long to wait before a reload, so that CONTRACTS_RELOAD_MS lie between two; 0 when none is needed. */
unsigned contracts_pause_ms(const struct contracts *contracts);
/* Loads all again unless that was done since contracts_outdate(); *ret_loaded says whether. What contracts_find()
 * returned is then gone. On failure the old ones stay. */
int contracts_reload(struct contracts *contracts, struct db *db, bool *ret_loaded);
/* NULL when unknown. Borrowed until the next reload. */
const struct contract *contracts_find(const struct contracts *contracts, struct str gateway, struct str merchant_id);

const struct contract *contracts_find_by_id(const struct contracts *contracts, int64_t id);

#endif
