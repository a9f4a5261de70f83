/* The bank calls back. A good seal over the raw bytes is journalled, pushed to the workers and acknowledged, always; a
 * bad or missing seal gets 403 and is counted. No form decoder, no cookie, no session stands in this path (design, "The
 * life of a payment", step 3).
 *
 *     raw ─► contract ─► seal ─► seen? ─► journal ──┬─► acknowledged when the record is synced and Redis
 *                                   └──► stream ────┘   confirmed, was away, or 400 ms passed
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/log.h"
#include "server/app.h"
#include "server/bank_callback.h"
#include "server/call_keeping.h"
#include "server/response.h"

enum { UNVERIFIED_PER_MINUTE_MAX = 600 };

struct call {
    struct request *request; /* holds one reference until the answer and one for each keeper under way */
    struct app *app;
    const struct gateway *gateway;
    const struct gateway_contract *contract; /* of this turn of the loop only */
    bool reloaded;                           /* the contracts were asked for again */
    struct event event;
    enum keeper journal, stream;
    int64_t asked_ms; /* monotonic; when both were asked to keep it */
    bool answered;
    uv_timer_t *timer; /* owned; running while the stream is waited for */
};

/* --- answering -----------------------------------------------------------------------------------------------------
 */

static void timer_closed(uv_handle_t *handle)
{
    free(handle);
}

static void stop_timer(struct call *call)
{
    if (!call->timer)
        return;
    uv_close((uv_handle_t *)call->timer, timer_closed);
    call->timer = NULL;
}

static void finish(struct call *call)
{
    call->answered = true;
    stop_timer(call);
    request_unref(call->request);
}

static void acknowledge(struct call *call)
{
    log_info("bank_call_accepted", LOG_STR("gateway", call->gateway->name),
             LOG_HEX("event_id", call->event.id, EVENT_ID_LEN), LOG_INT("journal", call->journal == KEEPER_KEPT),
             LOG_INT("stream", call->stream == KEEPER_KEPT), LOG_INT("unverified", call->event.unverified),
             LOG_REQUEST(call->request->id));
    seen_calls_insert(call->app->seen, call->event.id, clock_monotonic_ms());
    call->app->bank.accepted++;
    response_text(call->request, 200, str_from(call->gateway->ack_body));
    finish(call);
}

/* Nothing kept it: no answer at all, so that the bank may try again; an operator must look now. */
static void abandon(struct call *call)
{
    log_error("bank_call_abandoned", LOG_STR("gateway", call->gateway->name),
              LOG_HEX("event_id", call->event.id, EVENT_ID_LEN));
    call->app->bank.abandoned++;
    response_abandon(call->request);
    finish(call);
}

static void refuse(struct call *call, const char *why)
{
    log_warn("bank_call_refused", LOG_STR("gateway", call->gateway->name), LOG_STR("why", why),
             LOG_STR("address", call->request->address), LOG_REQUEST(call->request->id));
    call->app->bank.bad_seal++;
    response_text(call->request, 403, STR("sceau refuse\n"));
    finish(call);
}

/* --- keeping -------------------------------------------------------------------------------------------------------
 */

static void decide(struct call *call)
{
    int64_t now_ms = clock_monotonic_ms();
    const struct call_keeping keeping = {
        .journal = call->journal,
        .stream = call->stream,
        .stream_is_durable = event_queue_is_durable(call->app->events),
        .asked_ms = now_ms - call->asked_ms,
        .open_ms = now_ms - call->request->started_ms,
    };
    enum call_verdict verdict = call->answered ? CALL_WAIT : call_keeping_decide(&keeping);

    if (verdict == CALL_ACKNOWLEDGE)
        acknowledge(call);
    else if (verdict == CALL_ABANDON)
        abandon(call);
}

static void timer_fired(uv_timer_t *timer)
{
    decide(timer->data);
}

static void journal_kept(void *data, int err)
{
    struct call *call = data;
    call->journal = err ? KEEPER_FAILED : KEEPER_KEPT;
    if (err)
        log_error("journal_failed", LOG_ERR(err), LOG_HEX("event_id", call->event.id, EVENT_ID_LEN));
    decide(call);
    request_unref(call->request);
}

static void stream_kept(void *data, int err)
{
    struct call *call = data;
    call->stream = err ? KEEPER_FAILED : KEEPER_KEPT;
    decide(call);
    request_unref(call->request);
}

static void start_timer(struct call *call)
{
    call->timer = HEAP_NEW(uv_timer_t);
    uv_timer_init(call->app->loop, call->timer);
    call->timer->data = call;
    uv_timer_start(call->timer, timer_fired, CALL_KEEPING_STREAM_WAIT_MS, CALL_KEEPING_STREAM_WAIT_MS);
}

static void keep(struct call *call)
{
    if (seen_calls_has(call->app->seen, call->event.id, clock_monotonic_ms())) {
        call->app->bank.repeated++;
        response_text(call->request, 200, str_from(call->gateway->ack_body));
        finish(call);
        return;
    }
    call->asked_ms = clock_monotonic_ms();
    start_timer(call);
    request_ref(call->request);
    journal_append(call->app->journal, &call->event, journal_kept, call);
    request_ref(call->request);
    event_queue_push(call->app->events, &call->event, CALL_KEEPING_GIVE_UP_MS, stream_kept, call);
}

/* --- judging the seal ----------------------------------------------------------------------------------------------
 */

static void contract_reloaded(void *data, int err);

/* A bank does not always try again after a 403, and a key may be new: one look at the database before it, unless that
 * would only make whoever guesses seals hold connections while it is away. */
static void verify(struct call *call)
{
    if (call->gateway->verify(call->contract, call->event.raw, &call->request->arena) == GATEWAY_SEAL_GOOD) {
        keep(call);
    } else if (!call->reloaded && db_pool_ready(call->app->db) > 0) {
        call->reloaded = true;
        contracts_reload(call->app->contracts, contract_reloaded, call);
    } else {
        refuse(call, "bad seal");
    }
}

/* So many calls that nobody could check are kept; beyond, an attacker would fill the disk. */
static bool may_keep_unverified(struct app *app)
{
    int64_t minute = clock_monotonic_ms() / 60000;
    if (app->unverified_minute != minute) {
        app->unverified_minute = minute;
        app->unverified_count = 0;
    }
    return app->unverified_count++ < UNVERIFIED_PER_MINUTE_MAX;
}

/* Its seal, which nobody has checked, is part of its id: a forgery must not stand in the genuine call's place. */
static void keep_unverified(struct call *call)
{
    if (!may_keep_unverified(call->app)) {
        abandon(call);
        return;
    }
    call->app->bank.unverified++;
    call->event.unverified = true;
    event_id_for_bank(call->event.gateway, call->event.raw, call->event.id);
    keep(call);
}

/* A contract whose key cannot be opened (the master key is being changed) says nothing about a call: the worker will.
 */
static void judge(struct call *call)
{
    if (call->contract->key)
        verify(call);
    else
        keep_unverified(call);
}

static void contract_reloaded(void *data, int err)
{
    struct call *call = data;
    struct gateway_call read = call->gateway->read_call(call->event.raw, &call->request->arena);

    call->contract = contracts_by_merchant(call->app->contracts, call->gateway, read.merchant_id);
    if (call->contract)
        judge(call);
    else if (err == 0)
        refuse(call, "unknown merchant");
    else
        keep_unverified(call);
}

static void take_call(struct request *request, const struct gateway *gateway)
{
    struct call *call = ARENA_NEW(&request->arena, struct call);
    struct str raw = request->method == HTTP_POST_ ? request->body : request->query;
    struct gateway_call read;

    request_ref(request);
    *call = (struct call){.request = request, .app = request->app, .gateway = gateway};
    if (raw.len == 0 || raw.len > GATEWAY_RAW_MAX) {
        refuse(call, "empty or too long");
        return;
    }
    call->event = (struct event){
        .kind = EVENT_BANK_NOTIFICATION,
        .at_us = clock_now_us(),
        .gateway = str_from(gateway->name),
        .raw = raw,
        .ip = str_from(request->address),
    };
    event_id_for_bank(call->event.gateway, gateway->unseal(raw, &request->arena), call->event.id);
    read = gateway->read_call(raw, &request->arena);
    call->contract = contracts_by_merchant(call->app->contracts, gateway, read.merchant_id);
    if (call->contract) {
        judge(call);
    } else {
        call->reloaded = true;
        contracts_reload(call->app->contracts, contract_reloaded, call);
    }
}

void bank_callback_spplus(struct request *request)
{
    take_call(request, &gateway_spplus);
}
