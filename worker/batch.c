#include "worker/batch.h"

#include <sys/param.h>

#include "common/clock.h"
#include "common/err.h"

static const char *const verdict_names[VERDICT_COUNT] = {
    [VERDICT_NONE] = "none",
    [VERDICT_REPEATED] = "repeated",
    [VERDICT_CREDITED] = "credited",
    [VERDICT_CHANGED] = "changed",
    [VERDICT_UNCHANGED] = "unchanged",
    [VERDICT_REVERSED] = "reversed",
    [VERDICT_REFUNDED] = "refunded",
    [VERDICT_SUSPENSE] = "suspense",
    [VERDICT_REVIEW] = "review",
    [VERDICT_BAD_SEAL] = "bad_seal",
    [VERDICT_RESET] = "reset",
    [VERDICT_NOTICE] = "notice",
    [VERDICT_UNVERIFIABLE] = "unverifiable",
};

const char *batch_verdict_name(enum batch_verdict verdict)
{
    return verdict_names[verdict];
}

bool batch_grow(struct batch *batch, void **items, size_t *max, size_t usual, size_t item_size)
{
    size_t more = *max ? *max * 2 : MAX(usual, 1);
    char *grown = arena_array(&batch->arena, more, item_size);
    if (*max)
        memcpy(grown, *items, *max * item_size);
    *items = grown;
    *max = more;
    return true;
}

void batch_add_holding(struct batch *batch, struct batch_payment *payment, struct batch_holding holding)
{
    if (payment->n_holdings == payment->n_holdings_max)
        batch_grow(batch, (void **)&payment->holdings, &payment->n_holdings_max, payment->n_lines + 1,
                   sizeof *payment->holdings);
    payment->holdings[payment->n_holdings++] = holding;
}

/* What is left to another worker stands in nobody's way. */
static void mark_repeated(struct batch *batch)
{
    struct lookup of_bank = {0}, others = {0};
    for (size_t i = 0; i < batch->n_entries; i++) {
        struct batch_entry *entry = &batch->entries[i];
        struct lookup *seen = batch_entry_is_of_bank(entry) ? &of_bank : &others;
        struct str id = str_slice((const char *)entry->event.id, EVENT_ID_LEN);
        entry->repeated = !entry->parse_err && !entry->unready && !lookup_add(seen, id, i, &batch->arena);
    }
}

/* Who can write to Redis must not make a bank's call look applied: a junk entry under the id of a genuine one would,
 * and so would a copy without its seal, which has the same id in whole. The seal that dp-server could not check is part
 * of a call's id (server/bank_callback.c). */
static bool has_its_own_id(const struct event *event)
{
    uint8_t id[EVENT_ID_LEN];
    struct arena arena;
    const struct gateway *gateway = gateway_find(event->gateway);
    if (event->kind != EVENT_BANK_NOTIFICATION || !gateway)
        return true;
    arena_init(&arena, BATCH_ARENA_MAX);
    struct gateway_call call = gateway->read_call(event->raw, &arena);
    event_id_for_bank(event->gateway, event->unverified ? event->raw : call.unsealed, id);
    arena_done(&arena);
    return call.has_seal && memcmp(id, event->id, EVENT_ID_LEN) == 0;
}

int batch_read_event(const struct stream_entry *entry, struct event *ret)
{
    struct event event;
    int err = event_from_fields(entry->fields, entry->n_fields, &event);
    if (err)
        return err;
    if (!has_its_own_id(&event))
        return ERR_INVALID;
    *ret = event;
    return 0;
}

void batch_init(struct batch *batch, const struct stream_entry *entries, size_t n_entries)
{
    *batch = (struct batch){.n_entries = n_entries};
    arena_init(&batch->arena, BATCH_ARENA_MAX);
    batch->entries = ARENA_ARRAY(&batch->arena, n_entries, struct batch_entry);
    for (size_t i = 0; i < n_entries; i++) {
        struct batch_entry *entry = &batch->entries[i];
        entry->source = &entries[i];
        entry->seal = GATEWAY_SEAL_BAD;
        entry->parse_err = batch_read_event(&entries[i], &entry->event);
        if (batch_entry_is_of_payer(entry))
            entry->reference = entry->event.reference;
    }
}

void batch_init_answer(struct batch *batch, const struct contract *contract, struct str reference, struct str body,
                       const struct gateway_answer *answer)
{
    struct str gateway = str_from(contract->bank.gateway->name);
    *batch = (struct batch){.n_entries = 1};
    arena_init(&batch->arena, BATCH_ARENA_MAX);
    batch->entries = ARENA_NEW(&batch->arena, struct batch_entry);
    *batch->entries = (struct batch_entry){
        .event = {.kind = EVENT_BANK_ANSWER, .at_us = clock_now_us(), .gateway = gateway, .raw = body},
        .merchant_id = contract->bank.merchant_id,
        .reference = reference,
        .contract = contract,
        .seal = GATEWAY_SEAL_GOOD,
    };
    event_id_for_answer(gateway, reference, answer->state, answer->judgement.report.bank_ref, batch->entries->event.id);
}

void batch_done(struct batch *batch)
{
    arena_done(&batch->arena);
}

static bool is_call(const struct batch_entry *entry)
{
    return !entry->parse_err && entry->event.kind == EVENT_BANK_NOTIFICATION;
}

/* A call with a bad seal is remembered with that seal: who can write to Redis could otherwise put a copy of a genuine
 * call with another seal before it, and the genuine one would look applied. */
static void identify(struct batch_entry *entry, const struct gateway_call *call)
{
    bool whole = entry->event.unverified || entry->seal != GATEWAY_SEAL_GOOD;
    if (!entry->unready)
        event_id_for_bank(entry->event.gateway, whole ? entry->event.raw : call->unsealed, entry->event.id);
}

static void verify_entry(struct batch_entry *entry, const struct contracts *contracts, struct arena *arena)
{
    const struct gateway *gateway = gateway_find(entry->event.gateway);
    entry->unready = !gateway;
    if (!gateway)
        return;
    struct gateway_call call = gateway->read_call(entry->event.raw, arena);
    entry->merchant_id = call.merchant_id;
    entry->reference = call.reference;
    entry->contract = contracts_find(contracts, entry->event.gateway, call.merchant_id);
    entry->unready = entry->contract && !entry->contract->bank.key;
    if (entry->contract && !entry->unready)
        entry->seal = gateway->verify(&entry->contract->bank, &call);
    identify(entry, &call);
}

bool batch_verify(struct batch *batch, const struct contracts *contracts)
{
    bool all_good = true;
    for (size_t i = 0; i < batch->n_entries; i++) {
        struct batch_entry *entry = &batch->entries[i];
        if (!is_call(entry))
            continue;
        entry->contract = NULL;
        entry->seal = GATEWAY_SEAL_BAD;
        verify_entry(entry, contracts, &batch->arena);
        all_good = all_good && entry->seal == GATEWAY_SEAL_GOOD;
    }
    mark_repeated(batch);
    return all_good;
}

bool batch_entry_is_of_bank(const struct batch_entry *entry)
{
    return !entry->parse_err && event_is_of_bank(&entry->event);
}

static struct gateway_judgement read_judgement(const struct batch_entry *entry, struct str sent, struct arena *arena)
{
    const struct gateway_contract *bank = &entry->contract->bank;
    if (entry->event.kind == EVENT_BANK_ANSWER)
        return bank->gateway->read_answer(bank, entry->reference, sent, entry->event.raw, arena).judgement;
    return bank->gateway->judge(bank, sent, entry->event.raw, arena);
}

const struct gateway_judgement *batch_judge(struct batch_entry *entry, const struct batch_payment *payment,
                                            struct arena *arena)
{
    if (!entry->judged) {
        struct gateway_judgement *judgement = ARENA_NEW(arena, struct gateway_judgement);
        *judgement = read_judgement(entry, payment ? payment->sent : STR_NULL, arena);
        entry->judged = judgement;
    }
    return entry->judged;
}

bool batch_entry_is_sealed_call(const struct batch_entry *entry)
{
    return batch_entry_is_of_bank(entry) && !entry->repeated && entry->contract && entry->seal == GATEWAY_SEAL_GOOD;
}

bool batch_entry_is_of_payer(const struct batch_entry *entry)
{
    return !entry->parse_err && !entry->repeated &&
           (entry->event.kind == EVENT_PAYMENT_DISCARDED || entry->event.kind == EVENT_PROBLEM_REPORTED);
}

/* Payments that were added since the last look. */
static void index_payments(struct batch *batch)
{
    for (size_t i = batch->n_payments_indexed; i < batch->payments.count; i++) {
        const struct batch_payment *payment = &batch->payments.items[i];
        lookup_add(&batch->payments_by_reference, payment->reference, i, &batch->arena);
        lookup_add(&batch->payments_by_id, LOOKUP_NUMBER(&payment->id), i, &batch->arena);
    }
    batch->n_payments_indexed = batch->payments.count;
}

struct batch_payment *batch_find_payment(struct batch *batch, struct str reference)
{
    size_t place;
    index_payments(batch);
    return lookup_find(&batch->payments_by_reference, reference, &place) ? &batch->payments.items[place] : NULL;
}

struct batch_payment *batch_find_payment_by_id(struct batch *batch, int64_t id)
{
    size_t place;
    index_payments(batch);
    return lookup_find(&batch->payments_by_id, LOOKUP_NUMBER(&id), &place) ? &batch->payments.items[place] : NULL;
}

/* Contract, kind and reference as bytes. */
static struct str bank_ref_key(struct arena *arena, int64_t contract_id, struct str bank_ref, bool is_payment)
{
    size_t len = sizeof contract_id + 1 + bank_ref.len;
    char *key = arena_alloc(arena, len);
    memcpy(key, &contract_id, sizeof contract_id);
    key[sizeof contract_id] = is_payment;
    if (bank_ref.len)
        memcpy(key + sizeof contract_id + 1, bank_ref.ptr, bank_ref.len);
    return str_slice(key, len);
}

const struct batch_bank_ref *batch_find_bank_ref(struct batch *batch, int64_t contract_id, struct str bank_ref,
                                                 bool is_payment)
{
    struct lookup *lookup = &batch->bank_refs_by_key;
    struct arena *arena = &batch->arena;
    size_t place;
    for (size_t i = batch->n_bank_refs_indexed; i < batch->bank_refs.count; i++) {
        const struct batch_bank_ref *known = &batch->bank_refs.items[i];
        lookup_add(lookup, bank_ref_key(arena, known->contract_id, known->bank_ref, known->is_payment), i, arena);
    }
    batch->n_bank_refs_indexed = batch->bank_refs.count;
    struct str key = bank_ref_key(arena, contract_id, bank_ref, is_payment);
    return lookup_find(lookup, key, &place) ? &batch->bank_refs.items[place] : NULL;
}
