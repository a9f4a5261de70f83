#include "server/contracts.h"

#include <stdlib.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/log.h"
#include "server/contracts_file.h"
#include "server/statements.h"

enum {
    RELOAD_EVERY_MS = 60000,
    RELOAD_GAP_MS = 5000,
    RETRY_MS = 1000,
    LOAD_DEADLINE_MS = 2000,
    ARENA_MAX_BYTES = 4 << 20
};
enum { WAITERS_MAX = 256 };

/* One load: a contract's texts live in its arena until the next load replaces all. */
struct contract_set {
    struct arena arena;
    struct gateway_contract *items;
    unsigned n_items;
};

struct waiter {
    contracts_cb done;
    void *data;
};

struct contracts {
    const struct config *config; /* borrowed */
    const struct vault *vault;   /* borrowed */
    struct db_pool *db;          /* borrowed */
    uv_timer_t timer;
    uv_timer_t answer; /* calls back what could be answered at once, a turn later */
    struct contract_set set;
    int64_t loaded_ms; /* monotonic; 0: not from the database yet */
    bool loading, closing;
    struct arena run_arena;
    struct db_step step;
    struct db_run run;
    struct waiter waiters[WAITERS_MAX]; /* of contracts_reload() */
    unsigned n_waiters;
    void (*changed)(void *data); /* NULL: nobody listens */
    void *changed_data;
    unsigned open_handles;
    void (*closed)(void *data);
    void *closed_data;
};

/* --- sets ----------------------------------------------------------------------------------------------------------
 */

static void set_done(struct contract_set *set)
{
    for (unsigned i = 0; i < set->n_items; i++)
        set->items[i].gateway->key_free(set->items[i].key);
    arena_done(&set->arena);
    *set = (struct contract_set){0};
}

/* A contract whose key cannot be opened stays, without it: its calls are kept unverified, never lost. */
static void set_add(struct contract_set *set, const struct contracts *contracts, const struct contract_record *record)
{
    bool demonstration = contracts->config->site.mode == CONFIG_DEMONSTRATION;
    int err = contract_open(record, contracts->vault, demonstration, &set->arena, &set->items[set->n_items]);

    if (err)
        log_error("contract_unusable", LOG_INT("contract", record->id), LOG_SLICE("gateway", record->gateway),
                  LOG_ERR(err));
    if (set->items[set->n_items].gateway)
        set->n_items++;
}

static void set_fill(struct contracts *contracts, const struct contract_record *records, unsigned n_records)
{
    struct contract_set set = {0};

    arena_init(&set.arena, ARENA_MAX_BYTES);
    set.items = ARENA_ARRAY(&set.arena, n_records, struct gateway_contract);
    for (unsigned i = 0; i < n_records; i++)
        set_add(&set, contracts, &records[i]);
    set_done(&contracts->set);
    contracts->set = set;
    if (contracts->changed)
        contracts->changed(contracts->changed_data);
}

void contracts_on_change(struct contracts *contracts, void (*changed)(void *data), void *data)
{
    contracts->changed = changed;
    contracts->changed_data = data;
    changed(data);
}

const struct gateway_contract *contracts_by_merchant(const struct contracts *contracts, const struct gateway *gateway,
                                                     struct str merchant_id)
{
    for (unsigned i = 0; i < contracts->set.n_items; i++) {
        const struct gateway_contract *contract = &contracts->set.items[i];
        if (contract->gateway == gateway && str_eq(contract->merchant_id, merchant_id))
            return contract;
    }
    return NULL;
}

const struct gateway_contract *contracts_by_id(const struct contracts *contracts, int64_t id)
{
    for (unsigned i = 0; i < contracts->set.n_items; i++) {
        if (contracts->set.items[i].id == id)
            return &contracts->set.items[i];
    }
    return NULL;
}

bool contracts_can_seal(const struct contracts *contracts, int64_t id)
{
    const struct gateway_contract *contract = contracts_by_id(contracts, id);
    return contract && contract->key;
}

bool contracts_are_loaded(const struct contracts *contracts)
{
    return contracts->loaded_ms != 0 || contracts->set.n_items > 0;
}

static bool has_word(struct str list, struct str word)
{
    while (list.len > 0) {
        if (str_eq(str_cut(list, ' ', &list), word))
            return true;
    }
    return false;
}

struct str contracts_form_action(const struct contracts *contracts, struct arena *arena)
{
    struct str list = STR("");
    for (unsigned i = 0; i < contracts->set.n_items; i++) {
        struct str url = contracts->set.items[i].payment_url;
        struct str rest;
        struct str scheme = str_cut(url, ':', &rest);
        struct str host = rest.len > 2 ? str_cut(str_slice(rest.ptr + 2, rest.len - 2), '/', &rest) : STR_NULL;
        struct str origin = arena_printf(arena, "%.*s://%.*s", STR_ARG(scheme), STR_ARG(host));
        if (host.len > 0 && !has_word(list, origin))
            list = arena_printf(arena, "%.*s%s%.*s", STR_ARG(list), list.len > 0 ? " " : "", STR_ARG(origin));
    }
    return list;
}

/* --- loading -------------------------------------------------------------------------------------------------------
 */

static void answer_waiters(struct contracts *contracts, int err)
{
    struct waiter waiters[WAITERS_MAX];
    unsigned n_waiters = contracts->n_waiters;

    memcpy(waiters, contracts->waiters, n_waiters * sizeof *waiters);
    contracts->n_waiters = 0;
    for (unsigned i = 0; i < n_waiters; i++)
        waiters[i].done(waiters[i].data, err);
}

static struct contract_record record_from_row(const struct db_value *row)
{
    return (struct contract_record){
        .id = row[0].number,
        .gateway = row[1].text,
        .merchant_id = row[2].text,
        .payment_url = row[3].text,
        .sealed_key = row[4].text,
        .currency = row[5].text,
        .bank_ref_len = row[6].number,
        .callback_extra = row[7].text,
        .means = row[8].text,
    };
}

static void take_rows(struct contracts *contracts)
{
    const struct db_result *result = &contracts->run.results[0];
    struct contract_record *records = ARENA_ARRAY(&contracts->run_arena, result->n_rows, struct contract_record);

    for (unsigned i = 0; i < result->n_rows; i++)
        records[i] = record_from_row(result->cells + (size_t)i * result->n_columns);
    set_fill(contracts, records, result->n_rows);
    contracts->loaded_ms = clock_monotonic_ms();
    if (contracts_file_write(contracts->config, records, result->n_rows) != 0)
        log_warn("contracts_file_not_written", LOG_STR("directory", contracts->config->journal.directory));
}

static void timer_fired(uv_timer_t *timer);

static void load_done(struct db_run *run, int err)
{
    struct contracts *contracts = run->data;

    contracts->loading = false;
    if (err == 0)
        take_rows(contracts);
    else
        log_warn("contracts_not_loaded", LOG_ERR(err));
    arena_done(&contracts->run_arena);
    if (!contracts->closing)
        uv_timer_start(&contracts->timer, timer_fired, err ? RETRY_MS : RELOAD_EVERY_MS, 0);
    answer_waiters(contracts, err);
}

static void load(struct contracts *contracts)
{
    if (contracts->loading || contracts->closing)
        return;
    contracts->loading = true;
    arena_init(&contracts->run_arena, ARENA_MAX_BYTES);
    contracts->step = (struct db_step){.statement = SQL_CONTRACTS, .expect = DB_ANY_COUNT};
    contracts->run = (struct db_run){
        .arena = &contracts->run_arena,
        .steps = &contracts->step,
        .n_steps = 1,
        .deadline_ms = LOAD_DEADLINE_MS,
        .done = load_done,
        .data = contracts,
    };
    db_pool_run(contracts->db, &contracts->run);
}

static void timer_fired(uv_timer_t *timer)
{
    load(timer->data);
}

static void answer_fired(uv_timer_t *timer)
{
    struct contracts *contracts = timer->data;
    if (!contracts->loading)
        answer_waiters(contracts, 0);
}

void contracts_reload(struct contracts *contracts, contracts_cb done, void *data)
{
    bool just_loaded = contracts->loaded_ms && clock_monotonic_ms() - contracts->loaded_ms < RELOAD_GAP_MS;

    if (contracts->n_waiters == WAITERS_MAX) /* the oldest one gives way: its call is kept unverified */
        answer_waiters(contracts, ERR_TIMEOUT);
    contracts->waiters[contracts->n_waiters++] = (struct waiter){done, data};
    if (!just_loaded)
        load(contracts);
    if (!contracts->loading)
        uv_timer_start(&contracts->answer, answer_fired, 0, 0);
}

/* --- life ----------------------------------------------------------------------------------------------------------
 */

static void load_file(struct contracts *contracts)
{
    struct arena arena;
    struct contract_record *records;
    unsigned n_records;

    arena_init(&arena, ARENA_MAX_BYTES);
    if (contracts_file_read(contracts->config, &arena, &records, &n_records) == 0)
        set_fill(contracts, records, n_records);
    arena_done(&arena);
}

struct contracts *contracts_new(uv_loop_t *loop, const struct config *config, const struct vault *vault,
                                struct db_pool *db)
{
    struct contracts *contracts = HEAP_NEW(struct contracts);
    contracts->config = config;
    contracts->vault = vault;
    contracts->db = db;
    contracts->open_handles = 2;
    uv_timer_init(loop, &contracts->timer);
    uv_timer_init(loop, &contracts->answer);
    contracts->timer.data = contracts->answer.data = contracts;
    load_file(contracts);
    load(contracts);
    return contracts;
}

static void handle_closed(uv_handle_t *handle)
{
    struct contracts *contracts = handle->data;
    if (--contracts->open_handles > 0)
        return;
    set_done(&contracts->set);
    contracts->closed(contracts->closed_data);
    free(contracts);
}

/* The pool is closed first, so no load is under way. */
void contracts_close(struct contracts *contracts, void (*closed)(void *data), void *data)
{
    contracts->closing = true;
    contracts->closed = closed;
    contracts->closed_data = data;
    answer_waiters(contracts, ERR_CANCELLED);
    uv_close((uv_handle_t *)&contracts->timer, handle_closed);
    uv_close((uv_handle_t *)&contracts->answer, handle_closed);
}
