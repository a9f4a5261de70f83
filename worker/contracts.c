#include "worker/contracts.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/heap.h"
#include "common/log.h"

enum { ARENA_MAX = 32 * 1024 * 1024 };

enum column {
    COL_ID,
    COL_GATEWAY,
    COL_MERCHANT,
    COL_URL,
    COL_KEY,
    COL_CURRENCY,
    COL_REF_LEN,
    COL_EXTRA,
    COL_MEANS,
    COL_QUERY_URL,
    COL_QUERY_STATES,
    COL_SCHOOL
};

struct contracts {
    const struct vault *vault; /* borrowed */
    bool demonstration;
    struct arena arena; /* texts and items */
    struct contract *items;
    size_t count;
    int64_t loaded_ms; /* monotonic; 0: never */
    int64_t wanted_ms; /* loaded before then: old */
};

struct contracts *contracts_new(const struct vault *vault, bool demonstration)
{
    struct contracts *contracts = HEAP_NEW(struct contracts);
    contracts->vault = vault;
    contracts->demonstration = demonstration;
    arena_init(&contracts->arena, ARENA_MAX);
    return contracts;
}

static void clear(struct contracts *contracts)
{
    for (size_t i = 0; i < contracts->count; i++)
        contracts->items[i].bank.gateway->key_free(contracts->items[i].bank.key);
    contracts->count = 0;
    arena_done(&contracts->arena);
}

void contracts_free(struct contracts *contracts)
{
    if (!contracts)
        return;
    clear(contracts);
    free(contracts);
}

static struct contract_record record_of(const struct db_result *rows, size_t i)
{
    return (struct contract_record){
        .id = db_int(rows, i, COL_ID),
        .gateway = db_text(rows, i, COL_GATEWAY),
        .merchant_id = db_text(rows, i, COL_MERCHANT),
        .payment_url = db_text(rows, i, COL_URL),
        .sealed_key = db_text(rows, i, COL_KEY),
        .currency = db_text(rows, i, COL_CURRENCY),
        .bank_ref_len = db_int(rows, i, COL_REF_LEN),
        .callback_extra = db_text(rows, i, COL_EXTRA),
        .means = db_text(rows, i, COL_MEANS),
        .query_url = db_text(rows, i, COL_QUERY_URL),
        .query_states = db_text(rows, i, COL_QUERY_STATES),
    };
}

static void take_over(struct contracts *contracts, const struct db_result *rows)
{
    clear(contracts);
    contracts->items = ARENA_ARRAY(&contracts->arena, rows->n_rows, struct contract);
    for (size_t i = 0; i < rows->n_rows && i < CONTRACTS_MAX; i++) {
        struct contract_record record = record_of(rows, i);
        struct contract *contract = &contracts->items[contracts->count];
        int err =
            contract_open(&record, contracts->vault, contracts->demonstration, &contracts->arena, &contract->bank);
        contract->school_id = db_int(rows, i, COL_SCHOOL);
        if (err)
            log_error("contract_unusable", LOG_INT("contract", record.id), LOG_SLICE("gateway", record.gateway),
                      LOG_ERR(err));
        if (contract->bank.gateway)
            contracts->count++;
    }
}

void contracts_outdate(struct contracts *contracts)
{
    contracts->wanted_ms = clock_monotonic_ms();
}

static bool is_new(const struct contracts *contracts)
{
    return contracts->loaded_ms && contracts->loaded_ms >= contracts->wanted_ms;
}

unsigned contracts_pause_ms(const struct contracts *contracts)
{
    int64_t age_ms = clock_monotonic_ms() - contracts->loaded_ms;
    if (!contracts->loaded_ms || is_new(contracts) || age_ms >= CONTRACTS_RELOAD_MS)
        return 0;
    return (unsigned)(CONTRACTS_RELOAD_MS - age_ms);
}

int contracts_reload(struct contracts *contracts, struct db *db, bool *ret_loaded)
{
    struct arena arena;
    struct db_result rows;
    int64_t now_ms = clock_monotonic_ms();
    *ret_loaded = false;
    if (is_new(contracts))
        return 0;
    arena_init(&arena, ARENA_MAX);
    int err = db_run(db, STATEMENT_CONTRACTS, NULL, 0, &arena, &rows);
    if (!err) {
        take_over(contracts, &rows);
        contracts->loaded_ms = now_ms ? now_ms : 1;
        *ret_loaded = true;
    }
    arena_done(&arena);
    return err;
}

const struct contract *contracts_find(const struct contracts *contracts, struct str gateway, struct str merchant_id)
{
    for (size_t i = 0; i < contracts->count; i++) {
        const struct gateway_contract *bank = &contracts->items[i].bank;
        if (str_eq_text(gateway, bank->gateway->name) && str_eq(bank->merchant_id, merchant_id))
            return &contracts->items[i];
    }
    return NULL;
}

const struct contract *contracts_find_by_id(const struct contracts *contracts, int64_t id)
{
    for (size_t i = 0; i < contracts->count; i++) {
        if (contracts->items[i].bank.id == id)
            return &contracts->items[i];
    }
    return NULL;
}
