/* Payments that the bank never called about: asked for, booked once, asked for again, and in the end a human's. A
 * private MariaDB, a scripted bank, the worker's own rights. */
#include "loop/worker_help.h"

#include <pthread.h>
#include <signal.h>

#include "loop/bank_peer.h"
#include "worker/bank_answer.h"
#include "worker/bank_query.h"
#include "worker/janitor.h"

#define PAYMENT_NAMES    "reference;idtftpaie;etatpaie;libetatpaie;payscarte;numautopaie;mode\n"
#define INSTALMENT_NAMES "idtftech;etatech;libetatech;numautoech;numremiseech\n"

enum { TEXT_MAX = 1024, ASKERS = 4, EXPIRES_H = 20 };

static struct bank_peer bank;
static struct bank_query_settings settings;
static struct bank_query query;

static int start(void **state)
{
    help_start(state);
    signal(SIGPIPE, SIG_IGN);
    bank_client_init();
    bank_peer_start(&bank, NULL);
    ask("UPDATE bank_contracts SET query_url = 'http://127.0.0.1:%u/adm.do', query_states = "
        "'EN_COURS:open,spadminko:unknown'",
        bank.port);
    help.config.worker.bank_timeout_ms = 20000;
    settings = (struct bank_query_settings){&help.config, help.vault, &help.drain, &help.metrics};
    bank_query_init(&query, &settings);
    return 0;
}

static int stop(void **state)
{
    bank_query_done(&query);
    bank_peer_stop(&bank);
    return help_stop(state);
}

static void bank_says(const char *reference, const char *state, const char *bank_ref, const char *instalment)
{
    char body[TEXT_MAX];
    snprintf(body, sizeof body,
             PAYMENT_NAMES "%s;%s;%s;Label;null;81290;auto\n" INSTALMENT_NAMES "43620908;%s;x;81290;\n", reference,
             bank_ref, state, instalment);
    bank_peer_says(&bank, body);
}

static void bank_accepts(const char *reference, const char *bank_ref)
{
    bank_says(reference, "TERMINE", bank_ref, "EN_ATTENTE_DE_REMISE");
}

/* A payment sent so many minutes ago, whose validity ends after EXPIRES_H hours. */
static long long sent_ago(const char *reference, int minutes)
{
    long long id = help_topup(reference, 1000);
    ask("UPDATE transactions SET sent_at = UTC_TIMESTAMP(6) - INTERVAL %d MINUTE, expires_at = sent_at + INTERVAL %d "
        "HOUR WHERE id = %lld",
        minutes, EXPIRES_H, id);
    return id;
}

/* Looks for new questions and asks all that are due; how many that were. */
static int take_turns(void)
{
    int before = bank.requests;
    bool asked = true;
    assert_int_equal(bank_query_find_new(&query), 0);
    while (asked)
        assert_int_equal(bank_query_take_turn(&query, &asked), 0);
    return bank.requests - before;
}

/* The next question's time has come. */
static void make_due(long long id)
{
    ask("UPDATE bank_queries SET next_at = UTC_TIMESTAMP(6) WHERE transaction_id = %lld AND next_at IS NOT NULL", id);
}

/* As if the payment had been sent so much earlier. */
static void age(long long id, int hours)
{
    ask("UPDATE transactions SET sent_at = sent_at - INTERVAL %d HOUR, expires_at = expires_at - INTERVAL %d HOUR "
        "WHERE id = %lld",
        hours, hours, id);
    make_due(id);
}

static size_t expire(void)
{
    size_t count = 0;
    assert_int_equal(janitor_expire(help.runner.db, &count), 0);
    return count;
}

#define assert_outcome(id, name) \
    assert_asked(1, "SELECT outcome = '%s' FROM bank_queries WHERE transaction_id = %lld", (name), (id))
#define assert_reviews(n, id, reason) \
    assert_asked((n), "SELECT COUNT(*) FROM review_items WHERE transaction_id = %lld AND reason = '%s'", (id), (reason))
#define assert_mails(n, id, kind) \
    assert_asked((n), "SELECT COUNT(*) FROM mail_outbox WHERE transaction_id = %lld AND kind = '%s'", (id), (kind))

static void assert_credited_once(long long id)
{
    assert_asked(1000, "SELECT SUM(amount_cents) FROM ledger_entries WHERE transaction_id = %lld AND book = 'BANK'",
                 id);
    assert_asked(2, "SELECT COUNT(*) FROM ledger_entries WHERE transaction_id = %lld", id);
    assert_mails(1, id, "PARENT_CONFIRMATION");
    assert_mails(1, id, "BURSAR_CONFIRMATION");
    assert_asked(1, "SELECT COUNT(*) FROM receipts WHERE transaction_id = %lld", id);
}

static void a_payment_is_asked_for_and_credited(void **state)
{
    (void)state;
    long long id = sent_ago("dem20261123081201aaa", 4);
    bank_accepts("dem20261123081201aaa", "60000001");
    assert_int_equal(take_turns(), 1);
    assert_non_null(
        strstr(bank.request, "action=etatpaiement&siret=" HELP_MERCHANT "&reference=dem20261123081201aaa&hmac="));
    assert_state(id, "AUTHORISED");
    assert_outcome(id, "reported");
    assert_asked(1,
                 "SELECT COUNT(*) FROM inbox WHERE transaction_id = %lld AND kind = 'bank_answer' AND verdict = "
                 "'credited' AND payload LIKE 'reference;%%60000001;TERMINE%%'",
                 id);
    /* The bank calls after all: nothing is doubled, nobody is troubled. */
    help_bank_says(help_call("dem20261123081201aaa", 1000, "1", "60000001"));
    help_bank_says(help_call("dem20261123081201aaa", 1000, "10", "60000001"));
    assert_state(id, "SETTLED");
    assert_credited_once(id);
    assert_asked(0, "SELECT COUNT(*) FROM review_items WHERE transaction_id = %lld", id);
    /* Nothing more is asked about it. */
    make_due(id);
    assert_int_equal(take_turns(), 0);
    assert_asked(1, "SELECT next_at IS NULL FROM bank_queries WHERE transaction_id = %lld", id);
}

static void only_what_waits_long_enough_is_asked_for(void **state)
{
    (void)state;
    long long fresh = sent_ago("dem20261123081202aaa", 2), paid = sent_ago("dem20261123081202bbb", 4);
    help_bank_says(help_call("dem20261123081202bbb", 1000, "1", "60000002"));
    assert_int_equal(take_turns(), 0);
    assert_asked(0, "SELECT COUNT(*) FROM bank_queries WHERE transaction_id IN (%lld, %lld)", fresh, paid);
    ask("UPDATE transactions SET state = 'CANCELLED' WHERE id = %lld", fresh);
}

static void a_refusal_then_a_second_card(void **state)
{
    (void)state;
    long long id = sent_ago("dem20261123081203aaa", 4);
    bank_says("dem20261123081203aaa", "REFUSE", "60000003", "REFUSE");
    assert_int_equal(take_turns(), 1);
    assert_state(id, "DECLINED");
    make_due(id);
    assert_int_equal(take_turns(), 1); /* the same word again: the same event */
    assert_asked(1, "SELECT COUNT(*) FROM inbox WHERE transaction_id = %lld", id);
    make_due(id);
    bank_accepts("dem20261123081203aaa", "60000004");
    assert_int_equal(take_turns(), 1);
    assert_state(id, "AUTHORISED");
    assert_credited_once(id);
}

/* Killed after the commit and before the next question was set: the claim ends, and the same answer does nothing. */
static void the_same_answer_twice(void **state)
{
    (void)state;
    long long id = sent_ago("dem20261123081204aaa", 4);
    bank_accepts("dem20261123081204aaa", "60000005");
    assert_int_equal(take_turns(), 1);
    assert_credited_once(id);
    const struct contract *contract = contracts_find_by_id(query.contracts, 1);
    struct str reference = STR("dem20261123081204aaa"), sent = help_request("dem20261123081204aaa", 1000);
    struct str body = str_from(strstr(bank.response, "reference;"));
    struct gateway_answer answer = gateway_spplus.read_answer(&contract->bank, reference, sent, body, &help.arena);
    enum batch_verdict verdict;
    assert_int_equal(bank_answer_apply(query.db, NULL, contract, reference, body, &answer, &verdict), 0);
    assert_int_equal(verdict, VERDICT_REPEATED);
    assert_credited_once(id);
}

/* Killed between the answer and its commit: as if it had never been asked, once the claim has ended. */
static void a_claim_that_ends_is_asked_again(void **state)
{
    (void)state;
    long long id = sent_ago("dem20261123081205aaa", 4);
    assert_int_equal(bank_query_find_new(&query), 0);
    ask("UPDATE bank_queries SET attempt = 1, asked_at = UTC_TIMESTAMP(6), next_at = UTC_TIMESTAMP(6) + INTERVAL 70 "
        "SECOND WHERE transaction_id = %lld",
        id);
    bank_accepts("dem20261123081205aaa", "60000006");
    assert_int_equal(take_turns(), 0);
    make_due(id);
    assert_int_equal(take_turns(), 1);
    assert_state(id, "AUTHORISED");
    assert_credited_once(id);
}

static void *ask_in_a_thread(void *arg)
{
    struct bank_query *own = arg;
    bool asked;
    for (int i = 0; i < 10; i++) {
        int err = bank_query_take_turn(own, &asked);
        if (err && err != ERR_BUSY)
            return own;
    }
    return NULL;
}

static void many_workers_ask_once(void **state)
{
    struct bank_query own[ASKERS];
    pthread_t threads[ASKERS];
    (void)state;
    long long id = sent_ago("dem20261123081206aaa", 4);
    bank_accepts("dem20261123081206aaa", "60000007");
    int before = bank.requests;
    assert_int_equal(bank_query_find_new(&query), 0);
    for (int i = 0; i < ASKERS; i++) {
        bank_query_init(&own[i], &settings);
        assert_int_equal(bank_query_find_new(&own[i]), 0);
    }
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_in_a_thread, &own[i]), 0);
    for (int i = 0; i < ASKERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
        bank_query_done(&own[i]);
    }
    assert_int_equal(bank.requests - before, 1);
    assert_state(id, "AUTHORISED");
    assert_credited_once(id);
}

static void answers_that_do_not_fit(void **state)
{
    (void)state;
    long long id = sent_ago("dem20261123081207aaa", 4);
    bank_accepts("dem20261123081201aaa", "60000008"); /* another payment */
    assert_int_equal(take_turns(), 1);
    assert_state(id, "PENDING");
    assert_reviews(1, id, "BAD_ANSWER");
    assert_mails(1, id, "BURSAR_REVIEW");
    make_due(id);
    assert_int_equal(take_turns(), 1); /* again: the same event, no second review */
    assert_reviews(1, id, "BAD_ANSWER");
    /* A human was asked: what names no amount does not decide against that. */
    make_due(id);
    bank_accepts("dem20261123081207aaa", "60000009");
    assert_int_equal(take_turns(), 1);
    assert_state(id, "PENDING");
    assert_asked(0, "SELECT COUNT(*) FROM ledger_entries WHERE transaction_id = %lld", id);
    /* A call does: it is sealed, and names the amount. */
    help_bank_says(help_call("dem20261123081207aaa", 1000, "1", "60000009"));
    assert_state(id, "AUTHORISED");
    assert_credited_once(id);
}

/* The bank reported another amount: its answer, which names none, must not credit what was asked for. */
static void an_answer_does_not_outweigh_another_amount(void **state)
{
    (void)state;
    long long id = sent_ago("dem20261123081208aaa", 4);
    help_bank_says(help_call("dem20261123081208aaa", 100, "1", "60000010"));
    assert_asked(1, "SELECT COUNT(*) FROM review_items WHERE transaction_id = %lld", id);
    bank_accepts("dem20261123081208aaa", "60000010");
    assert_int_equal(take_turns(), 1);
    assert_state(id, "PENDING");
    assert_asked(0, "SELECT COUNT(*) FROM ledger_entries WHERE transaction_id = %lld AND kind = 'PAYMENT'", id);
    assert_reviews(1, id, "BAD_ANSWER");
}

static void a_number_that_paid_another_payment(void **state)
{
    (void)state;
    long long id = sent_ago("dem20261123081209aaa", 4);
    bank_accepts("dem20261123081209aaa", "60000001");
    assert_int_equal(take_turns(), 1);
    assert_state(id, "PENDING");
    assert_reviews(1, id, "BANK_REF_REUSED");
}

/* Whoever can write to Redis cannot answer for the bank. */
static void an_answer_from_the_stream_is_not_believed(void **state)
{
    (void)state;
    long long id = sent_ago("dem20261123081210aaa", 1);
    struct str body = arena_printf(&help.arena, PAYMENT_NAMES
                                   "dem20261123081210aaa;60000011;TERMINE;x;null;81290;auto\n" INSTALMENT_NAMES
                                   "43620908;EN_ATTENTE_DE_REMISE;x;81290;\n");
    struct event event = {
        .kind = EVENT_BANK_NOTIFICATION, .at_us = clock_now_us(), .gateway = STR("spplus"), .raw = body};
    event_id_for_answer(event.gateway, STR("dem20261123081210aaa"), STR("TERMINE/EN_ATTENTE_DE_REMISE"),
                        STR("60000011"), event.id);
    size_t n_fields;
    struct str *fields = (struct str *)(uintptr_t)event_to_fields(&event, &help.arena, &n_fields);
    for (size_t i = 0; i < n_fields; i += 2) {
        if (str_eq_text(fields[i], "kind"))
            fields[i + 1] = STR("bank_answer");
    }
    struct stream_entry entry = {STR("1000-9999"), fields, n_fields, 1};
    assert_int_equal(help_run(&entry), RUNNER_LEAVE);
    assert_state(id, "PENDING");
    assert_asked(1, "SELECT failures FROM event_failures WHERE stream_id = '1000-9999'");
    ask("UPDATE transactions SET state = 'CANCELLED' WHERE id = %lld", id);
}

/* ---- the end ---- */

static void what_the_bank_does_not_know_expires(void **state)
{
    (void)state;
    long long id = sent_ago("dem20261123081220aaa", 4);
    bank_peer_says(&bank, "spadminko");
    assert_int_equal(take_turns(), 1);
    assert_outcome(id, "unknown");
    assert_int_equal(take_turns(), 0); /* in six minutes */
    ask("UPDATE transactions SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE id = %lld", id);
    assert_int_equal(expire(), 0); /* not before the last question */
    make_due(id);
    assert_int_equal(take_turns(), 1);
    assert_int_equal(expire(), 1);
    assert_state(id, "EXPIRED");
    assert_asked(0, "SELECT COUNT(*) FROM review_items WHERE transaction_id = %lld", id);
    help_bank_says(help_call("dem20261123081220aaa", 1000, "1", "60000020")); /* and still takes a call */
    assert_state(id, "AUTHORISED");
}

static void a_validity_that_is_over_is_asked_at_once(void **state)
{
    (void)state;
    long long id = sent_ago("dem20261123081221aaa", 1);
    ask("UPDATE transactions SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE id = %lld", id);
    bank_peer_says(&bank, "spadminko");
    assert_int_equal(expire(), 0);
    assert_int_equal(take_turns(), 1);
    assert_int_equal(expire(), 1);
    assert_state(id, "EXPIRED");
}

static void what_the_bank_cannot_tell_becomes_a_task(void **state)
{
    static const struct {
        const char *reference, *outcome, *detail;
        enum bank_manner manner;
        const char *body;
    } cases[] = {
        {"dem20261123081222aaa", "failed", "%pas répondu%", BANK_CLOSES, NULL},
        {"dem20261123081222bbb", "unclear", "%pas comprise%", BANK_ANSWERS, "<html>Erreur</html>"},
        {"dem20261123081222ccc", "open", "%en cours%", BANK_ANSWERS,
         PAYMENT_NAMES "dem20261123081222ccc;;EN_COURS;x;null;;auto\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        long long id = sent_ago(cases[i].reference, 4);
        if (cases[i].body)
            bank_peer_says(&bank, cases[i].body);
        bank.manner = cases[i].manner;
        assert_int_equal(take_turns(), 1);
        assert_outcome(id, cases[i].outcome);
        age(id, EXPIRES_H + 1); /* uncertain at the end of the validity: once more after a day */
        assert_int_equal(take_turns(), 1);
        assert_int_equal(expire(), 0);
        age(id, 4);
        assert_int_equal(take_turns(), 1);
        assert_int_equal(expire(), 1);
        assert_state(id, "EXPIRED");
        assert_reviews(1, id, "BANK_SILENT");
        assert_mails(1, id, "BURSAR_REVIEW");
        assert_asked(1,
                     "SELECT COUNT(*) FROM review_items WHERE transaction_id = %lld AND detail LIKE '%s' AND "
                     "amount_cents = 1000 AND school_id = 1",
                     id, cases[i].detail);
        assert_asked(1, "SELECT review FROM transactions WHERE id = %lld", id);
    }
}

static void a_bank_that_is_not_asked(void **state)
{
    (void)state;
    long long id = sent_ago("dem20261123081223aaa", 4);
    ask("UPDATE bank_contracts SET query_url = ''");
    assert_int_equal(take_turns(), 0);
    assert_int_equal(expire(), 0);
    age(id, EXPIRES_H + 1);
    assert_int_equal(expire(), 1);
    assert_state(id, "EXPIRED");
    assert_reviews(1, id, "BANK_SILENT");
    assert_mails(1, id, "BURSAR_REVIEW");
    ask("UPDATE bank_contracts SET query_url = 'http://127.0.0.1:%u/adm.do'", bank.port);
}

/* An answer that ends the worker each time would be asked for ever. */
static void a_question_is_not_claimed_for_ever(void **state)
{
    (void)state;
    long long id = sent_ago("dem20261123081224aaa", 4);
    assert_int_equal(bank_query_find_new(&query), 0);
    ask("UPDATE bank_queries SET attempt = %d WHERE transaction_id = %lld", BANK_QUERY_CLAIMS_MAX, id);
    assert_int_equal(take_turns(), 0);
    assert_outcome(id, "failed");
    assert_asked(1, "SELECT next_at IS NULL FROM bank_queries WHERE transaction_id = %lld", id);
}

static void outcomes_are_counted(void **state)
{
    struct buf text;
    (void)state;
    buf_init(&text, 1 << 16);
    metrics_write(&help.metrics, &text);
    buf_append_char(&text, '\0');
    assert_non_null(strstr(text.ptr, "dp_worker_bank_queries_total{outcome=\"unknown\"} 3\n"));
    assert_non_null(strstr(text.ptr, "dp_worker_bank_queries_total{outcome=\"open\"} 3\n"));
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_payment_is_asked_for_and_credited),
        cmocka_unit_test(only_what_waits_long_enough_is_asked_for),
        cmocka_unit_test(a_refusal_then_a_second_card),
        cmocka_unit_test(the_same_answer_twice),
        cmocka_unit_test(a_claim_that_ends_is_asked_again),
        cmocka_unit_test(many_workers_ask_once),
        cmocka_unit_test(answers_that_do_not_fit),
        cmocka_unit_test(an_answer_does_not_outweigh_another_amount),
        cmocka_unit_test(a_number_that_paid_another_payment),
        cmocka_unit_test(an_answer_from_the_stream_is_not_believed),
        cmocka_unit_test(what_the_bank_does_not_know_expires),
        cmocka_unit_test(a_validity_that_is_over_is_asked_at_once),
        cmocka_unit_test(what_the_bank_cannot_tell_becomes_a_task),
        cmocka_unit_test(outcomes_are_counted),
        cmocka_unit_test(a_bank_that_is_not_asked),
        cmocka_unit_test(a_question_is_not_claimed_for_ever),
    };
    return cmocka_run_group_tests_name("bank_answers", tests, start, stop);
}
