#include "worker/bank_query.h"

#include "common/clock.h"
#include "common/crash_point.h"
#include "common/err.h"
#include "common/log.h"
#include "worker/bank_answer.h"

enum { ARENA_MAX = 16 * 1024 * 1024, MS_PER_S = 1000, MINUTE_S = 60, HOUR_S = 3600 };

/* Seconds after the payment was sent (reliability: a bank that calls does so within minutes). */
static const int steps_s[] = {BANK_QUERY_FIRST_S, 10 * MINUTE_S, 30 * MINUTE_S, 2 * HOUR_S, 6 * HOUR_S, 24 * HOUR_S};

enum { N_STEPS = sizeof steps_s / sizeof steps_s[0] };

/* A payment about which the bank is to be asked. */
struct question {
    int64_t transaction_id, contract_id;
    int64_t attempt;
    int64_t asked_us, sent_us, expires_us;
    struct str reference, sent;
    enum payment_state state;
};

/* What came of it. */
struct outcome {
    enum gateway_answer_kind kind;
    const char *reason; /* for the log, where the answer does not speak for itself */
    struct str words;   /* the bank's own, for who must configure what they mean */
};

int64_t bank_query_next_us(int64_t asked_us, int64_t sent_us, int64_t expires_us, enum gateway_answer_kind kind)
{
    bool is_certain = kind == GATEWAY_ANSWER_REPORTED || kind == GATEWAY_ANSWER_UNKNOWN;
    int64_t next_us = 0;
    if (asked_us >= expires_us && is_certain)
        return 0;
    for (int i = 0; i < N_STEPS && next_us == 0; i++) {
        int64_t step_us = sent_us + steps_s[i] * CLOCK_SECOND_US;
        if (step_us > asked_us)
            next_us = step_us;
    }
    if (expires_us > asked_us && (next_us == 0 || expires_us < next_us))
        next_us = expires_us;
    return next_us;
}

void bank_query_init(struct bank_query *query, const struct bank_query_settings *settings)
{
    const struct config *config = settings->config;
    bool demonstration = config->site.mode == CONFIG_DEMONSTRATION;
    struct bank_client_settings client = {
        .timeout_ms = config->worker.bank_timeout_ms,
        .ca_file = config->worker.bank_ca_file,
        .plain_allowed = demonstration,
        .drain = settings->drain,
    };
    *query = (struct bank_query){
        .settings = settings,
        .db = db_new(config),
        .contracts = contracts_new(settings->vault, demonstration),
        .client = bank_client_new(&client),
    };
}

void bank_query_done(struct bank_query *query)
{
    bank_client_free(query->client);
    contracts_free(query->contracts);
    db_free(query->db);
}

int bank_query_find_new(struct bank_query *query)
{
    struct arena arena;
    struct db_value params[] = {DB_INT(steps_s[0]), DB_INT(BANK_QUERY_NEW_MAX)};
    arena_init(&arena, ARENA_MAX);
    int err = db_run(query->db, STATEMENT_QUERIES_ADD, params, 2, &arena, NULL);
    arena_done(&arena);
    return err;
}

/* ---- claiming ---- */

/* The condition of the UPDATE decides between two workers, not the lock before it. */
static int claim(struct bank_query *query, struct arena *arena, int64_t *ret_id)
{
    int64_t lease_s = query->settings->config->worker.bank_timeout_ms / MS_PER_S + BANK_QUERY_LEASE_MARGIN_S;
    struct db_result due = {0}, claimed = {0};
    int64_t id = 0;
    int err = db_begin(query->db);
    if (!err)
        err = db_run(query->db, STATEMENT_QUERY_DUE, NULL, 0, arena, &due);
    if (!err && due.n_rows) {
        id = db_int(&due, 0, 0);
        struct db_value params[] = {DB_INT(lease_s), DB_INT(id)};
        err = db_run(query->db, STATEMENT_QUERY_CLAIM, params, 2, arena, &claimed);
        CRASH_POINT("worker/question_leased");
    }
    if (!err)
        err = db_commit(query->db);
    else
        db_rollback(query->db);
    if (id)
        CRASH_POINT("worker/question_claimed");
    if (!err)
        *ret_id = claimed.affected == 1 ? id : 0;
    return err;
}

static int load(struct bank_query *query, int64_t id, struct arena *arena, struct question *ret)
{
    enum { ATTEMPT, ASKED, CONTRACT, REFERENCE, SENT_AT, EXPIRES_AT, REQUEST, STATE };
    struct db_value param = DB_INT(id);
    struct db_result row;
    int err = db_run(query->db, STATEMENT_QUERY_LOAD, &param, 1, arena, &row);
    if (err)
        return err;
    if (row.n_rows != 1)
        return ERR_INTERNAL;
    *ret = (struct question){
        .transaction_id = id,
        .attempt = db_int(&row, 0, ATTEMPT),
        .asked_us = db_int(&row, 0, ASKED),
        .contract_id = db_int(&row, 0, CONTRACT),
        .reference = db_text(&row, 0, REFERENCE),
        .sent_us = db_int(&row, 0, SENT_AT),
        .expires_us = db_int(&row, 0, EXPIRES_AT),
        .sent = db_text(&row, 0, REQUEST),
    };
    return payment_state_from_name(db_text(&row, 0, STATE), &ret->state);
}

/* ---- asking ---- */

static int load_contracts(struct bank_query *query)
{
    int64_t now_ms = clock_monotonic_ms();
    bool loaded;
    if (query->contracts_loaded_ms && now_ms - query->contracts_loaded_ms < BANK_QUERY_CONTRACTS_MS)
        return 0;
    contracts_outdate(query->contracts);
    int err = contracts_reload(query->contracts, query->db, &loaded);
    if (!err)
        query->contracts_loaded_ms = now_ms;
    return err;
}

/* ERR_CANCELLED when the drain began meanwhile; whatever else fails is an outcome, and `body` has what came. */
static int ask_bank(struct bank_query *query, const struct contract *contract, const struct question *question,
                    struct buf *body, struct arena *arena, struct outcome *outcome)
{
    struct str url;
    const struct gateway *gateway = contract ? contract->bank.gateway : NULL;
    *outcome = (struct outcome){GATEWAY_ANSWER_FAILED, "no contract that can be asked about", STR_NULL};
    if (!gateway || !gateway->build_query ||
        gateway->build_query(&contract->bank, question->reference, arena, &url) != 0)
        return 0;
    int err = bank_client_get(query->client, url.ptr, body);
    if (err == ERR_CANCELLED)
        return err;
    outcome->reason = err == ERR_TOO_LARGE ? "the answer is too long" : bank_client_error(query->client);
    if (err == 0)
        outcome->kind = GATEWAY_ANSWER_UNCLEAR; /* until it is read */
    return 0;
}

static int apply_answer(struct bank_query *query, const struct contract *contract, const struct question *question,
                        struct str body, struct arena *arena, struct outcome *outcome)
{
    struct gateway_answer answer =
        contract->bank.gateway->read_answer(&contract->bank, question->reference, question->sent, body, arena);
    enum batch_verdict verdict;
    *outcome = (struct outcome){answer.kind, answer.fault, answer.state};
    if (answer.kind != GATEWAY_ANSWER_REPORTED)
        return 0;
    int err = bank_answer_apply(query->db, query->settings->config->site.operator_email, contract, question->reference,
                                body, &answer, &verdict);
    CRASH_POINT("worker/answer_applied");
    if (err == ERR_BUSY || err == ERR_UNAVAILABLE)
        return err;
    if (err)
        *outcome = (struct outcome){GATEWAY_ANSWER_UNCLEAR, db_error(query->db), STR_NULL};
    else
        metrics_count_verdict(query->settings->metrics, verdict);
    return 0;
}

static int ask(struct bank_query *query, const struct question *question, struct arena *arena, struct outcome *outcome)
{
    struct buf body;
    int err = load_contracts(query);
    if (err)
        return err;
    const struct contract *contract = contracts_find_by_id(query->contracts, question->contract_id);
    buf_init(&body, GATEWAY_ANSWER_MAX);
    err = ask_bank(query, contract, question, &body, arena, outcome);
    CRASH_POINT("worker/bank_answered");
    if (!err && outcome->kind != GATEWAY_ANSWER_FAILED)
        err = apply_answer(query, contract, question, buf_str(&body), arena, outcome);
    buf_done(&body);
    return err;
}

/* ---- afterwards ---- */

/* A claim that was lost meanwhile (its worker was stopped for longer than the lease) matches nothing: another one has
 * asked. */
static int set_next(struct bank_query *query, const struct question *question, enum gateway_answer_kind kind,
                    int64_t next_us, struct arena *arena)
{
    struct db_value next = next_us ? DB_INT(next_us) : DB_NULL;
    struct db_value params[] = {next, DB_TEXT(str_from(gateway_answer_name(kind))), DB_INT(question->transaction_id),
                                DB_INT(question->attempt)};
    return db_run(query->db, STATEMENT_QUERY_NEXT, params, 4, arena, NULL);
}

static int end_questions(struct bank_query *query, const struct question *question, struct arena *arena)
{
    struct db_value params[] = {DB_INT(question->transaction_id), DB_INT(question->attempt)};
    return db_run(query->db, STATEMENT_QUERY_END, params, 2, arena, NULL);
}

static void report(struct bank_query *query, const struct question *question, const struct outcome *outcome,
                   int64_t next_us)
{
    bool failed = outcome->kind == GATEWAY_ANSWER_FAILED || outcome->kind == GATEWAY_ANSWER_UNCLEAR;
    metrics_count_query(query->settings->metrics, outcome->kind);
    log_write(failed ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "bank_asked",
              LOG_FIELDS(LOG_SLICE("reference", question->reference), LOG_INT("contract", question->contract_id),
                         LOG_STR("outcome", gateway_answer_name(outcome->kind)),
                         LOG_STR("reason", outcome->reason ? outcome->reason : ""), LOG_SLICE("words", outcome->words),
                         LOG_STR("again", next_us ? "yes" : "no")));
}

static int answer_question(struct bank_query *query, int64_t id, struct arena *arena)
{
    struct question question;
    struct outcome outcome;
    int err = load(query, id, arena, &question);
    if (err)
        return err;
    if (payment_state_rank(question.state) >= payment_state_rank(PAYMENT_AUTHORISED))
        return end_questions(query, &question, arena);
    if (question.attempt > BANK_QUERY_CLAIMS_MAX)
        return set_next(query, &question, GATEWAY_ANSWER_FAILED, 0, arena);
    err = ask(query, &question, arena, &outcome);
    if (err)
        return err;
    int64_t next_us = bank_query_next_us(question.asked_us, question.sent_us, question.expires_us, outcome.kind);
    err = set_next(query, &question, outcome.kind, next_us, arena);
    CRASH_POINT("worker/question_settled");
    if (!err)
        report(query, &question, &outcome, next_us);
    return err;
}

int bank_query_take_turn(struct bank_query *query, bool *ret_asked)
{
    struct arena arena;
    int64_t id = 0;
    arena_init(&arena, ARENA_MAX);
    int err = claim(query, &arena, &id);
    if (!err && id)
        err = answer_question(query, id, &arena);
    *ret_asked = id != 0;
    arena_done(&arena);
    return err;
}

/* Questions that are due, one after the other. */
static int ask_all_due(struct bank_query *query)
{
    bool asked = true;
    int err = bank_query_find_new(query);
    while (!err && asked && !drain_begun(query->settings->drain))
        err = bank_query_take_turn(query, &asked);
    return err;
}

void bank_query_run(const struct bank_query_settings *settings)
{
    struct bank_query query;
    bool was_up = true;
    bank_query_init(&query, settings);
    do {
        int err = ask_all_due(&query);
        bool up = !err || err == ERR_BUSY || err == ERR_CANCELLED;
        if (!up && was_up)
            log_error("bank_queries_failed", LOG_ERR(err), LOG_STR("error", db_error(query.db)));
        was_up = up;
    } while (!drain_wait(settings->drain, settings->config->worker.bank_poll_ms));
    bank_query_done(&query);
}
