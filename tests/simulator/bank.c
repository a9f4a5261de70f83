#include "simulator/bank.h"

#include <stdio.h>

#include "common/encode.h"
#include "common/gateway/spplus.h"
#include "common/money.h"
#include "simulator/fake_http.h"
#include "simulator/installation.h"
#include "simulator/nemesis.h"
#include "simulator/program.h"
#include "simulator/redis_server.h"
#include "simulator/sim.h"

enum {
    STEPS_MAX = 4,
    REF_SIZE = 16,
    TRIES_MAX = 6,
    COPIES_MAX = 4,
    PATIENCE_US = 10 * US_PER_S, /* of the bank for an answer */
    ANSWER_US_MAX = 2500000,
    RAW_MAX = 2048,
};

/* What the bank says of one payment, in its order. */
struct step {
    const char *code;
    bool other_ref; /* another card: another authorisation */
    enum { WHOLE, PART, LESS } amount;
};

static const struct step scripts[][STEPS_MAX] = {
    {{"1", 0, WHOLE}},
    {{"1", 0, WHOLE}},
    {{"1", 0, WHOLE}, {"4", 0, WHOLE}, {"10", 0, WHOLE}},
    {{"10", 0, WHOLE}},
    {{"4", 0, WHOLE}, {"30", 0, WHOLE}},
    {{"2", 0, WHOLE}, {"1", 1, WHOLE}},
    {{"12", 0, WHOLE}, {"1", 1, WHOLE}},
    {{"5", 0, WHOLE}, {"1", 1, WHOLE}},
    {{"2", 0, WHOLE}},
    {{"12", 0, WHOLE}},
    {{"1", 0, WHOLE}, {"1", 1, WHOLE}},
    {{"1", 0, WHOLE}, {"2", 1, WHOLE}},
    {{"1", 0, WHOLE}, {"11", 0, WHOLE}},
    {{"1", 0, WHOLE}, {"4", 0, WHOLE}, {"20", 0, WHOLE}, {"1", 1, WHOLE}},
    {{"1", 0, WHOLE}, {"5", 0, WHOLE}},
    {{"1", 0, WHOLE}, {"17", 0, PART}},
    {{"1", 0, WHOLE}, {"15", 0, PART}, {"17", 0, PART}, {"17", 0, WHOLE}},
    {{"1", 0, WHOLE}, {"15", 0, PART}, {"16", 0, PART}},
    {{"99", 0, WHOLE}},
    {{"1", 0, LESS}},
    {{"1", 0, LESS}, {"1", 1, WHOLE}},
    {{"0", 0, WHOLE}, {"1", 0, WHOLE}},
};

#define UNKNOWN_REFERENCE STR("sim20261123080000xxx")
#define POISON_REFERENCE  STR("sim20261123080000!!!")

static struct bank_call calls[BANK_CALLS_MAX];
static uint8_t forgeries[BANK_FORGERIES_MAX][EVENT_ID_LEN];
static unsigned n_calls, n_forgeries, n_open, n_refs;

/* ---- what is said ---- */

static struct str new_bank_ref(void)
{
    char text[REF_SIZE];
    snprintf(text, sizeof text, "%08u", 31000000 + 7 * n_refs++);
    return world_str(str_from(text));
}

/* The request's own bytes with another amount, then the bank's two values, sealed over all values as they stand. */
static struct str seal_call(struct str pairs)
{
    struct spplus_pairs read;
    struct str values[GATEWAY_PAIRS_MAX];
    char seal[SPPLUS_SEAL_DIGITS + 1], raw[RAW_MAX];
    if (spplus_read_pairs(pairs, &read) != 0)
        sim_unable("a call that cannot be read");
    for (size_t i = 0; i < read.count; i++)
        values[i] = read.items[i].value;
    spplus_seal(school_contract()->key, values, read.count, seal);
    snprintf(raw, sizeof raw, "%.*s&hmac=%s", STR_ARG(pairs), seal);
    return world_str(str_from(raw));
}

static struct str write_pairs(const struct bank_call *call, struct str reference)
{
    char montant[MONEY_TEXT_SIZE], raw[RAW_MAX];
    money_format_bank(call->amount_cents, montant);
    snprintf(raw, sizeof raw,
             "siret=%.*s&reference=%.*s&langue=FR&devise=978&montant=%s&taxe=0.00&validite=23%%2F11%%2F2026&moyen=CBS&"
             "modalite=1x&email=durand%%40example.org&urlretour=https%%3A%%2F%%2Fcantine.example.org%%2Fretour-banque&"
             "version=1&etat=%s&refsfp=%.*s",
             STR_ARG(school_contract()->merchant_id), STR_ARG(reference), montant, call->code, STR_ARG(call->bank_ref));
    return world_str(str_from(raw));
}

static void set_raw(struct bank_call *call, struct str raw)
{
    struct arena arena;
    call->raw = raw;
    arena_init(&arena, RAW_MAX);
    event_id_for_bank(STR("spplus"), gateway_spplus.read_call(raw, &arena).unsealed, call->id);
    event_id_for_bank(STR("spplus"), raw, call->unverified_id);
    arena_done(&arena);
}

static struct bank_call *new_call(const struct school_payment *payment, const char *code, struct str bank_ref,
                                  int64_t amount_cents)
{
    if (n_calls == BANK_CALLS_MAX)
        return NULL;
    struct bank_call *call = &calls[n_calls++];
    *call = (struct bank_call){
        .payment = payment, .code = code, .bank_ref = bank_ref, .amount_cents = amount_cents, .seal_is_good = true};
    set_raw(call, seal_call(write_pairs(call, payment ? payment->reference : UNKNOWN_REFERENCE)));
    return call;
}

/* ---- saying it ---- */

static void send_call(void *data);

static void try_again(struct bank_call *call)
{
    if (call->n_tries < TRIES_MAX)
        sim_at(NULL, sim_between(1, 5 * US_PER_S), send_call, call);
    else
        n_open--;
}

/* A call that the server had no contract to check with is kept for the worker. */
static void check_answer(const struct bank_call *call, unsigned status, bool acknowledged, bool could_check)
{
    if (acknowledged && !call->seal_is_good && could_check)
        sim_violation("I9", "a call with a bad seal was acknowledged");
    if (status == 403 && call->seal_is_good)
        sim_violation("I9", "a genuine call was refused (code %s)", call->code);
}

/* One sending: the answer and the end of patience, whichever comes first. */
struct sending {
    struct bank_call *call;
    struct process *server;
    unsigned n_faults; /* of the server then */
    bool could_check;
    bool in_time; /* expected to be: the server does not stand still */
    bool over;
};

/* Also when it stood still for a moment, or something happened to its disk. */
static bool should_be_in_time(const struct sending *sending)
{
    return sending->in_time && sending->server->alive && sending->server->n_faults == sending->n_faults;
}

static void answered(void *data, unsigned status, struct str body, int64_t took_us)
{
    struct sending *sending = data;
    struct bank_call *call = sending->call;
    bool acknowledged = status == 200 && str_eq_text(body, school_contract()->gateway->ack_body);
    check_answer(call, status, acknowledged, sending->could_check);
    if (took_us > ANSWER_US_MAX && should_be_in_time(sending))
        sim_violation("TIME", "the bank waited %lld ms for an answer", (long long)took_us / US_PER_MS);
    if (sending->over)
        return;
    sending->over = true;
    call->acknowledged = call->acknowledged || acknowledged;
    if (acknowledged || status == 403)
        n_open--;
    else
        try_again(call);
}

static void lose_patience(void *data)
{
    struct sending *sending = data;
    if (sending->over)
        return;
    if (should_be_in_time(sending))
        sim_violation("TIME", "the bank got no answer from a server that works");
    sending->over = true;
    try_again(sending->call);
}

static void send_call(void *data)
{
    struct bank_call *call = data;
    struct process *server = installation_pick_server();
    call->n_tries++;
    if (!server || !server->program) {
        try_again(call);
        return;
    }
    SIM_TRACE("bank: payment %lld, code %s, reference %.*s, to %s", call->payment ? (long long)call->payment->id : 0LL,
              call->code, STR_ARG(call->bank_ref), server->name);
    struct sending *sending = world_alloc(sizeof *sending);
    *sending =
        (struct sending){call, server, server->n_faults, program_can_check_seals(server), !server->is_paused, false};
    http_call(server, call->raw, answered, sending);
    sim_at(NULL, PATIENCE_US, lose_patience, sending);
}

/* Once, or repeated at once or later, as if it were the first time. */
static void say(struct bank_call *call, int64_t at_us)
{
    unsigned n = sim_one_in(3) ? 1 + sim_below(COPIES_MAX) : 1;
    if (!call)
        return;
    for (unsigned i = 0; i < n; i++) {
        n_open++;
        sim_at(NULL, at_us, send_call, call);
        at_us += sim_one_in(2) ? sim_between(0, 2000) : sim_between(0, 8 * US_PER_S);
    }
}

static int64_t amount_of(const struct step *step, const struct school_payment *payment)
{
    if (step->amount == PART)
        return payment->amount_cents / 3;
    return step->amount == LESS ? payment->amount_cents - 1 : payment->amount_cents;
}

/* The order that the bank had in mind is not always the order of arrival. */
static void tell_of(const struct school_payment *payment, int64_t until_us)
{
    const struct step *script = scripts[sim_below(sizeof scripts / sizeof scripts[0])];
    struct str refs[] = {new_bank_ref(), new_bank_ref()};
    int64_t at_us = sim_between(0, until_us / 2);
    bool shuffled = sim_one_in(3);
    for (unsigned i = 0; i < STEPS_MAX && script[i].code; i++) {
        int64_t when_us = shuffled ? sim_between(0, until_us) : at_us;
        say(new_call(payment, script[i].code, refs[script[i].other_ref], amount_of(&script[i], payment)), when_us);
        at_us += sim_one_in(2) ? sim_between(0, 5000) : sim_between(0, until_us / 8);
    }
}

/* A reference that nobody knows, and maybe one that nobody should look for. */
static void tell_of_nobody(int64_t until_us)
{
    struct bank_call *call = new_call(NULL, "1", new_bank_ref(), sim_between(100, 9999));
    if (!call)
        return;
    call->is_poison = sim_one_in(2);
    if (call->is_poison)
        set_raw(call, seal_call(write_pairs(call, POISON_REFERENCE)));
    say(call, sim_between(0, until_us));
}

static void spoil_seal(const struct school_payment *payment, int64_t until_us)
{
    struct bank_call *call = new_call(payment, "1", new_bank_ref(), payment->amount_cents);
    if (!call)
        return;
    char *last = (char *)(uintptr_t)&call->raw.ptr[call->raw.len - 1];
    *last = *last == '0' ? '1' : '0';
    set_raw(call, call->raw);
    call->seal_is_good = false;
    say(call, sim_between(0, until_us));
}

/* "etat=12&refsfp=31000007" has the seal of "etat=1&refsfp=231000007". */
static void recut_seal(const struct school_payment *payment, int64_t until_us)
{
    static const char from[] = "etat=12&refsfp=", to[] = "etat=1&refsfp=2";
    struct bank_call *call = new_call(payment, "12", new_bank_ref(), payment->amount_cents);
    if (!call)
        return;
    char *at = memmem(call->raw.ptr, call->raw.len, from, strlen(from));
    memcpy(at, to, strlen(to));
    set_raw(call, call->raw);
    call->code = "1";
    call->is_recut = true;
    say(call, sim_between(0, until_us));
}

void bank_begin(int64_t until_us)
{
    n_calls = n_forgeries = n_open = n_refs = 0;
    for (unsigned i = 0; i < school.n_payments; i++) {
        if (sim_one_in(10) && school.payments[i].sent.len)
            recut_seal(&school.payments[i], until_us);
        else if (sim_one_in(10))
            spoil_seal(&school.payments[i], until_us);
        tell_of(&school.payments[i], until_us);
    }
    if (sim_one_in(8))
        tell_of_nobody(until_us);
}

/* ---- forgeries ---- */

static void push(const struct str *fields, size_t n_fields)
{
    struct str words[3 + 2 * EVENT_FIELDS_MAX] = {STR("XADD"), STR(EVENT_STREAM), STR("*")};
    memcpy(&words[3], fields, n_fields * sizeof *fields);
    freeReplyObject(redis_server_run(words, n_fields + 3));
}

static void push_event(struct event event, const uint8_t id[EVENT_ID_LEN])
{
    struct arena arena;
    size_t n_fields;
    event.at_us = SIM_EPOCH_US + sim_now_us();
    memcpy(event.id, id, EVENT_ID_LEN);
    arena_init(&arena, RAW_MAX * 4);
    const struct str *fields = event_to_fields(&event, &arena, &n_fields);
    push(fields, n_fields);
    arena_done(&arena);
}

static void forge_event(const uint8_t id[EVENT_ID_LEN], struct str raw)
{
    push_event(
        (struct event){.kind = EVENT_BANK_NOTIFICATION, .gateway = STR("spplus"), .raw = raw, .ip = STR("192.0.2.1")},
        id);
}

/* A payer's word, of nobody who has one, under an id of a genuine call. */
static void forge_word(const struct bank_call *genuine)
{
    push_event((struct event){.kind = EVENT_PAYMENT_DISCARDED,
                              .reference = STR("dem20200101000000xyz"),
                              .user = STR("999999999")},
               sim_one_in(3) ? genuine->unverified_id : genuine->id);
}

/* A copy without its seal: all of it is what the genuine call's id is made of. */
static void forge_unsealed(const struct bank_call *genuine)
{
    static const char mark[] = "&hmac=";
    const char *seal = memmem(genuine->raw.ptr, genuine->raw.len, mark, sizeof mark - 1);
    struct event event = {.kind = EVENT_BANK_NOTIFICATION, .gateway = STR("spplus"), .unverified = sim_one_in(2)};
    if (!seal)
        return;
    event.raw = str_slice(genuine->raw.ptr, (size_t)(seal - genuine->raw.ptr));
    push_event(event, genuine->id);
}

/* What no key sealed stands in the inbox under the id of all its bytes. */
static void remember_forgery(struct str raw)
{
    if (n_forgeries < BANK_FORGERIES_MAX)
        event_id_for_bank(STR("spplus"), raw, forgeries[n_forgeries++]);
}

void bank_forge(void)
{
    static const struct str junk[] = {{"v", 1}, {"1", 1}, {"kind", 4}, {"bank_notification", 17}};
    const struct bank_call *genuine = n_calls ? &calls[sim_below(n_calls)] : NULL;
    struct bank_call forged = {0};
    SIM_TRACE("somebody writes to the stream");
    if (!genuine || !genuine->seal_is_good || sim_one_in(3)) { /* changed once more, a bad seal may be good again */
        push(junk, sizeof junk / sizeof junk[0]);
        return;
    }
    struct str raw = world_str(genuine->raw);
    char *last = (char *)(uintptr_t)&raw.ptr[raw.len - 1];
    *last = *last == '0' ? '1' : '0';
    if (sim_one_in(3)) {
        if (sim_one_in(2))
            forge_word(genuine);
        else
            forge_unsealed(genuine);
        return;
    }
    if (sim_one_in(3)) { /* a copy with another seal, before or after the genuine call */
        remember_forgery(raw);
        forge_event(genuine->id, raw);
        return;
    }
    if (sim_one_in(2)) { /* other bytes under a genuine id */
        char *digit = memmem(raw.ptr, raw.len, "montant=", 8);
        digit[8] = digit[8] == '9' ? '8' : '9';
        forge_event(genuine->id, raw);
        return;
    }
    /* An acceptance that the bank never sealed. */
    struct bank_call wish = *genuine;
    wish.code = "1";
    wish.bank_ref = STR("99999999");
    struct str pairs = write_pairs(&wish, genuine->payment ? genuine->payment->reference : STR("x"));
    char text[RAW_MAX];
    snprintf(text, sizeof text, "%.*s&hmac=0123456789ABCDEF0123456789ABCDEF01234567", STR_ARG(pairs));
    set_raw(&forged, world_str(str_from(text)));
    remember_forgery(forged.raw);
    forge_event(forged.id, forged.raw);
}

/* ---- the truth ---- */

bool bank_is_done(void)
{
    return n_open == 0;
}

const struct bank_call *bank_call_at(unsigned i)
{
    return i < n_calls ? &calls[i] : NULL;
}

const struct bank_call *bank_find_call(const uint8_t id[EVENT_ID_LEN])
{
    for (unsigned i = 0; i < n_calls; i++) {
        /* A call with a bad seal has only the id of all its bytes: the other is the genuine call's. */
        if ((calls[i].seal_is_good && memcmp(calls[i].id, id, EVENT_ID_LEN) == 0) ||
            memcmp(calls[i].unverified_id, id, EVENT_ID_LEN) == 0)
            return &calls[i];
    }
    return NULL;
}

bool bank_is_poison(struct str reference)
{
    return str_eq(reference, POISON_REFERENCE);
}

bool bank_is_forged(const uint8_t id[EVENT_ID_LEN])
{
    for (unsigned i = 0; i < n_forgeries; i++) {
        if (memcmp(forgeries[i], id, EVENT_ID_LEN) == 0)
            return true;
    }
    return false;
}

bool bank_is_money(const struct bank_call *call)
{
    static const char *const codes[] = {"1", "4", "10", "30"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(call->code, codes[i]) == 0)
            return call->seal_is_good && !call->is_recut && !call->is_poison;
    }
    return false;
}

bool bank_is_acceptance(const struct bank_call *call)
{
    return bank_is_money(call) && call->payment && call->payment->sent.len > 0 &&
           call->amount_cents == call->payment->amount_cents;
}
