/* The bank calls back. A good seal over the raw bytes is journalled, pushed to the workers and acknowledged, always; a
 * bad or missing seal gets 403 and is counted. No form decoder, no cookie, no session stands in this path (design, "The
 * life of a payment", step 3).
 *
 *     raw ─► contract ─► seal ─► seen? ─► journal ──┬─► acknowledged when the record is synced and Redis
 *                                   └──► stream ────┘   confirmed, was away, or 400 ms passed
 */
#include "server/bank_callback.h"
#include "common/clock.h"
#include "common/crash_point.h"
#include "common/err.h"
#include "common/log.h"
#include "server/app.h"
#include "server/call_keeping.h"
#include "server/response.h"

/* ANSWER_MS: within it, counted from the complete request, every call is acknowledged or closed unanswered; the other
 * waits lie inside it. */
enum { ANSWER_MS = 2000, RELOAD_WAIT_MS = 600, STREAM_WAIT_MS = 400, UNVERIFIED_PER_MINUTE_MAX = 600 };

struct call {
    struct request *request; /* holds one reference until the answer and one for each keeper under way */
    struct app *app;
    const struct gateway *gateway;
    const struct gateway_contract *contract; /* of this turn of the loop only */
    bool reloaded;                           /* the contracts were asked for again … */
    bool reloading;                          /* … and are waited for */
    bool waited;                             /* STREAM_WAIT_MS have passed */
    struct gateway_call read;
    struct event event;
    enum keeper journal, stream;
    bool answered;
    uv_timer_t timer; /* running while something is waited for; holds a reference to the request until it is closed */
    bool has_timer;
};

/* --- answering -----------------------------------------------------------------------------------------------------
 */

static void timer_closed(uv_handle_t *handle)
{
    const struct call *call = handle->data;
    request_unref(call->request);
}

static void close_timer(struct call *call)
{
    if (call->has_timer)
        uv_close((uv_handle_t *)&call->timer, timer_closed);
    call->has_timer = false;
}

/* At most `wait_ms`, and never beyond ANSWER_MS. */
static void start_timer(struct call *call, int64_t wait_ms, uv_timer_cb fired)
{
    int64_t left_ms = call->request->dispatched_ms + ANSWER_MS - clock_monotonic_ms();

    if (!call->has_timer) {
        request_ref(call->request);
        uv_timer_init(call->app->loop, &call->timer);
        call->timer.data = call;
        call->has_timer = true;
    }
    if (wait_ms > left_ms)
        wait_ms = left_ms;
    uv_update_time(call->app->loop);
    uv_timer_start(&call->timer, fired, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

static void finish(struct call *call)
{
    call->answered = true;
    close_timer(call);
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
    CRASH_POINT("server/call_before_answer");
    response_text(call->request, 200, str_from(call->gateway->ack_body));
    CRASH_POINT("server/call_answered");
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

static void decide(struct call *call, bool due)
{
    const struct call_keeping keeping = {
        .journal = call->journal,
        .stream = call->stream,
        .stream_is_durable = event_queue_is_durable(call->app->events),
        .waited = call->waited,
        .due = due,
    };
    enum call_verdict verdict = call->answered ? CALL_WAIT : call_keeping_decide(&keeping);

    if (verdict == CALL_ACKNOWLEDGE)
        acknowledge(call);
    else if (verdict == CALL_ABANDON)
        abandon(call);
}

static void answer_is_due(uv_timer_t *timer)
{
    decide(timer->data, true);
}

static void stream_was_waited_for(uv_timer_t *timer)
{
    struct call *call = timer->data;

    call->waited = true;
    start_timer(call, ANSWER_MS, answer_is_due);
    decide(call, false);
}

static void journal_kept(void *data, int err)
{
    struct call *call = data;
    call->journal = err ? KEEPER_FAILED : KEEPER_KEPT;
    CRASH_POINT("server/call_in_journal");
    if (err)
        log_error("journal_failed", LOG_ERR(err), LOG_HEX("event_id", call->event.id, EVENT_ID_LEN));
    decide(call, false);
    request_unref(call->request);
}

static void stream_kept(void *data, int err)
{
    struct call *call = data;
    call->stream = err ? KEEPER_FAILED : KEEPER_KEPT;
    CRASH_POINT("server/call_in_stream");
    decide(call, false);
    request_unref(call->request);
}

static void keep(struct call *call)
{
    if (seen_calls_has(call->app->seen, call->event.id, clock_monotonic_ms())) {
        call->app->bank.repeated++;
        CRASH_POINT("server/call_repeated");
        response_text(call->request, 200, str_from(call->gateway->ack_body));
        finish(call);
        return;
    }
    CRASH_POINT("server/call_verified");
    start_timer(call, STREAM_WAIT_MS, stream_was_waited_for);
    request_ref(call->request);
    journal_append(call->app->journal, &call->event, journal_kept, call);
    request_ref(call->request);
    event_queue_push(call->app->events, &call->event, ANSWER_MS, stream_kept, call);
}

/* --- judging the seal ----------------------------------------------------------------------------------------------
 */

static void ask_contracts_again(struct call *call);

/* A bank does not always try again after a 403, and a key may be new: one look at the database before it, unless that
 * would only make whoever guesses seals hold connections while it is away. */
static void verify(struct call *call)
{
    if (call->gateway->verify(call->contract, &call->read) == GATEWAY_SEAL_GOOD) {
        keep(call);
    } else if (!call->reloaded && db_pool_ready(call->app->db) > 0) {
        ask_contracts_again(call);
    } else {
        refuse(call, "bad seal");
    }
}

/* So many calls that nobody could check are kept; beyond, an attacker would fill the disk. Half of them may come from
 * one address, so that one alone cannot use up what is for the banks. */
static bool may_keep_unverified(struct call *call)
{
    struct app *app = call->app;
    int64_t now_ms = clock_monotonic_ms();

    if (app->unverified_minute != now_ms / 60000) {
        app->unverified_minute = now_ms / 60000;
        app->unverified_count = 0;
        app->unverified_limit_logged = false;
    }
    return app->unverified_count < UNVERIFIED_PER_MINUTE_MAX &&
           rate_limit_take(app->unverified_rates, call->request->address, now_ms);
}

/* No answer, as when nothing could keep it: a bank may take a status for final. One line a minute. */
static void turn_away(struct call *call)
{
    if (!call->app->unverified_limit_logged)
        log_error("bank_calls_over_limit", LOG_STR("gateway", call->gateway->name),
                  LOG_STR("address", call->request->address));
    call->app->unverified_limit_logged = true;
    call->app->bank.over_limit++;
    response_abandon(call->request);
    finish(call);
}

/* Its seal, which nobody has checked, is part of its id: a forgery must not stand in the genuine call's place. */
static void keep_unverified(struct call *call)
{
    if (!may_keep_unverified(call)) {
        turn_away(call);
        return;
    }
    call->app->unverified_count++;
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

static void judge_again(struct call *call, int err)
{
    call->reloading = false;
    uv_timer_stop(&call->timer);
    call->contract = contracts_by_merchant(call->app->contracts, call->gateway, call->read.merchant_id);
    if (call->contract)
        judge(call);
    else if (err == 0)
        refuse(call, "unknown merchant");
    else
        keep_unverified(call);
}

static void contract_reloaded(void *data, int err)
{
    struct call *call = data;
    struct request *request = call->request;

    if (call->reloading)
        judge_again(call, err);
    request_unref(request);
}

static void contracts_were_waited_for(uv_timer_t *timer)
{
    judge_again(timer->data, ERR_TIMEOUT);
}

static void ask_contracts_again(struct call *call)
{
    call->reloaded = call->reloading = true;
    start_timer(call, RELOAD_WAIT_MS, contracts_were_waited_for);
    request_ref(call->request);
    contracts_reload(call->app->contracts, contract_reloaded, call);
}

static void take_call(struct request *request, const struct gateway *gateway)
{
    struct call *call = ARENA_NEW(&request->arena, struct call);
    struct str raw = request->method == HTTP_POST_ ? request->body : request->query;

    CRASH_POINT("server/call_received");
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
    call->read = gateway->read_call(raw, &request->arena);
    if (!call->read.has_seal) {
        refuse(call, "no seal");
        return;
    }
    event_id_for_bank(call->event.gateway, call->read.unsealed, call->event.id);
    call->contract = contracts_by_merchant(call->app->contracts, gateway, call->read.merchant_id);
    if (call->contract)
        judge(call);
    else
        ask_contracts_again(call);
}

void bank_callback_spplus(struct request *request)
{
    take_call(request, &gateway_spplus);
}
