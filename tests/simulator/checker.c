#include "simulator/checker.h"

#include "common/encode.h"
#include "simulator/bank.h"
#include "simulator/fake_disk.h"
#include "simulator/installation.h"
#include "simulator/nemesis.h"
#include "simulator/payers.h"
#include "simulator/redis_server.h"
#include "simulator/sim.h"
#include "simulator/sql.h"
#include "worker/poison.h"

enum { STUCK_US = 10 * US_PER_S, STEPS_MAX = 16, CRASHES_MIN = POISON_DEATHS_MAX };

static int64_t number(const struct sql_result *rows, size_t row, size_t column)
{
    return rows->cells[row * rows->n_cols + column].number;
}

static struct str text(const struct sql_result *rows, size_t row, size_t column)
{
    return rows->cells[row * rows->n_cols + column].text;
}

/* ---- quiet ---- */

static bool outbox_is_done(void)
{
    return sql_ask("SELECT id FROM mail_outbox WHERE status IN ('PENDING', 'SENDING')").n_rows == 0;
}

bool checker_is_quiet(void)
{
    struct redis_counts counts = redis_server_counts();
    return bank_is_done() && counts.pending == 0 && counts.undelivered == 0 && installation_journals_are_empty() &&
           outbox_is_done();
}

void checker_complain(void)
{
    struct redis_counts counts = redis_server_counts();
    sim_violation("LIVE", "not quiet: bank done %d, pending %u, undelivered %u, journals empty %d, outbox done %d",
                  bank_is_done(), counts.pending, counts.undelivered, installation_journals_are_empty(),
                  outbox_is_done());
}

static bool has_failed_alone(const char *stream_id)
{
    struct sql_result failed = sql_ask("SELECT stream_id FROM event_failures");
    for (size_t i = 0; i < failed.n_rows; i++) {
        if (str_eq_text(text(&failed, i, 0), stream_id))
            return true;
    }
    return false;
}

void checker_look_for_stuck(void)
{
    struct redis_standing entry;
    for (unsigned i = 0; redis_server_stands(i, &entry); i++) {
        if (entry.consumer.len && entry.idle_us > STUCK_US && installation_has_worker(entry.consumer) &&
            !has_failed_alone(entry.id))
            sim_violation("LIVE", "%.*s lives and has left entry %s for %lld ms", STR_ARG(entry.consumer), entry.id,
                          (long long)entry.idle_us / US_PER_MS);
    }
}

/* ---- I7: every event ends in the inbox or among the dead letters ---- */

static struct sql_result inbox, dead_letters;

static bool is_in_inbox(const uint8_t id[EVENT_ID_LEN], bool of_bank)
{
    for (size_t i = 0; i < inbox.n_rows; i++) {
        if (memcmp(text(&inbox, i, 0).ptr, id, EVENT_ID_LEN) == 0 && (number(&inbox, i, 2) != 0) == of_bank)
            return true;
    }
    return false;
}

static bool is_applied(const struct bank_call *call)
{
    return is_in_inbox(call->id, true) || is_in_inbox(call->unverified_id, true);
}

static bool is_letter_of(size_t row, const struct bank_call *call, bool unverified)
{
    struct event event = {
        .kind = EVENT_BANK_NOTIFICATION, .gateway = STR("spplus"), .raw = call->raw, .unverified = unverified};
    uint8_t digest[EVENT_ID_LEN];
    char hex[2 * EVENT_ID_LEN + 1];
    memcpy(event.id, unverified ? call->unverified_id : call->id, EVENT_ID_LEN);
    event_digest(&event, digest);
    encode_hex(digest, sizeof digest, hex);
    return str_eq_text(text(&dead_letters, row, 1), hex);
}

/* With all that it says. */
bool checker_is_dead_letter(const struct bank_call *call)
{
    for (size_t i = 0; i < dead_letters.n_rows; i++) {
        if (is_letter_of(i, call, false) || is_letter_of(i, call, true))
            return true;
    }
    return false;
}

/* Entries of one event share a letter, which names the last of them; the product's own idea of "the same" tells. */
static bool is_buried(const struct redis_standing *standing)
{
    const struct stream_entry entry = {str_from(standing->id), standing->fields, standing->n_fields, 1};
    char same_as[POISON_SAME_AS_SIZE];
    poison_same_as(&entry, same_as);
    for (size_t i = 0; i < dead_letters.n_rows; i++) {
        if (str_eq_text(text(&dead_letters, i, 1), same_as))
            return true;
    }
    return false;
}

static void check_acknowledged(void)
{
    for (unsigned i = 0; bank_call_at(i); i++) {
        const struct bank_call *call = bank_call_at(i);
        if (checker_is_dead_letter(call) && process_count_dead() < CRASHES_MIN)
            sim_violation("I7", "a call that crashed nobody ended as a dead letter");
        if (is_applied(call) && call->is_poison)
            sim_violation("I7", "a call that crashes whoever looks at it stands in the inbox");
        if (call->acknowledged && !is_applied(call) && !checker_is_dead_letter(call))
            sim_violation("I7", "an acknowledged call is lost: code %s, reference %.*s", call->code,
                          STR_ARG(call->bank_ref));
    }
}

/* A payer's word may end what is open, and nobody else's does anything; one may bear the id of a call. */
static void check_payers_word(const uint8_t id[EVENT_ID_LEN], struct str verdict)
{
    bool is_owner = false;
    if (!payers_have_said(id, &is_owner) && !bank_find_call(id))
        sim_violation("I6", "the inbox has a word that nobody said");
    if (!str_eq_text(verdict, "unchanged") && !(is_owner && str_eq_text(verdict, "changed")))
        sim_violation("I6", "a payer's word was judged: %.*s", STR_ARG(verdict));
}

static void check_call(const uint8_t id[EVENT_ID_LEN], struct str verdict)
{
    const struct bank_call *call = bank_find_call(id);
    SIM_TRACE("inbox: code %s, reference %.*s, %lld cents: %.*s", call ? call->code : "forged",
              STR_ARG(call ? call->bank_ref : STR("")), call ? (long long)call->amount_cents : 0LL, STR_ARG(verdict));
    if (!call && !bank_is_forged(id))
        sim_violation("I6", "the inbox has an event that nobody sent");
    bool is_good = call && call->seal_is_good;
    if (is_good == str_eq_text(verdict, "bad_seal"))
        sim_violation("I6", "a call with a %s seal was judged: %.*s", is_good ? "good" : "bad", STR_ARG(verdict));
}

static void check_inbox(void)
{
    for (size_t i = 0; i < inbox.n_rows; i++) {
        const uint8_t *id = (const uint8_t *)text(&inbox, i, 0).ptr;
        bool of_bank = number(&inbox, i, 2) != 0;
        if (of_bank)
            check_call(id, text(&inbox, i, 1));
        else
            check_payers_word(id, text(&inbox, i, 1));
        for (size_t j = 0; j < i; j++) {
            if (str_eq(text(&inbox, i, 0), text(&inbox, j, 0)) && of_bank == (number(&inbox, j, 2) != 0))
                sim_violation("I2", "an event was applied twice: %.*s", STR_ARG(text(&inbox, i, 1)));
        }
    }
}

/* What stands in the stream was given to somebody who dealt with it. */
static void check_stream(void)
{
    struct redis_standing entry;
    for (unsigned i = 0; redis_server_stands(i, &entry); i++) {
        struct event event;
        uint8_t whole[EVENT_ID_LEN] = {0}; /* of a call with a bad seal */
        int err = event_from_fields(entry.fields, entry.n_fields, &event);
        if (!err)
            event_id_for_bank(event.gateway, event.raw, whole);
        bool of_bank = !err && event_is_of_bank(&event);
        bool known = !err && (is_in_inbox(event.id, of_bank) || is_in_inbox(whole, of_bank));
        if (!known && !is_buried(&entry))
            sim_violation("I7", "entry %s of the stream was passed over", entry.id);
    }
    if (fake_disk_count_corrupt() > 0)
        sim_violation("I7", "a segment of the journal is called damaged");
}

/* An error of the database never counts against an entry (reliability.md §2.1), and a worker that is alone with a
 * database that works never has to split a batch. */
static void check_failures(void)
{
    static const char *const of_database[] = {"1205", "1213", "2006", "2013"};
    struct sql_result failures = sql_ask("SELECT last_error FROM event_failures");
    for (size_t i = 0; i < failures.n_rows; i++) {
        for (size_t j = 0; j < sizeof of_database / sizeof of_database[0]; j++) {
            if (str_starts_with(text(&failures, i, 0), str_from(of_database[j])))
                sim_violation("I7", "an error of the database was counted against an entry: %.*s",
                              STR_ARG(text(&failures, i, 0)));
        }
    }
    if (nemesis.calm && installation_is_alone() && !school.some_expire && installation_has_split())
        sim_violation("CALM", "a batch was split though nothing had happened");
}

/* ---- I8: the history follows the transition table ---- */

static const struct {
    const char *name;
    int rank;
} states[] = {{"CREATED", 0},    {"PENDING", 1},  {"CANCELLED", 2}, {"DECLINED", 2}, {"EXPIRED", 2},
              {"AUTHORISED", 3}, {"CAPTURED", 4}, {"SETTLED", 5},   {"REVERSED", 6}, {"REFUNDED", 7}};

static int rank_of(struct str name)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (str_eq_text(name, states[i].name))
            return states[i].rank;
    }
    sim_violation("I8", "no such state: %.*s", STR_ARG(name));
}

static void check_step(struct str from, struct str to)
{
    int before = rank_of(from), after = rank_of(to);
    bool back = after < before;
    bool out_of_nothing = after >= 6 && before < 3;
    if (back || out_of_nothing || (before >= 6 && after != before))
        sim_violation("I8", "%.*s became %.*s", STR_ARG(from), STR_ARG(to));
}

/* A line that changes nothing holds no row, so it may stand behind a change that was made at the same time. */
static bool was_in(struct str state, const struct str *seen, size_t n_seen)
{
    for (size_t i = 0; i < n_seen; i++) {
        if (str_eq(seen[i], state))
            return true;
    }
    return false;
}

static void check_history_of(const struct school_payment *payment, struct str state, const struct sql_result *history)
{
    struct str at = payment->sent.len ? STR("PENDING") : STR("CREATED"), seen[STEPS_MAX] = {at};
    size_t n_seen = 1;
    for (size_t i = 0; i < history->n_rows; i++) {
        if (number(history, i, 0) != payment->id)
            continue;
        struct str from = text(history, i, 1), to = text(history, i, 2);
        if (str_eq(from, to) && was_in(from, seen, n_seen))
            continue;
        if (!str_eq(from, at))
            sim_violation("I8", "payment %lld: from %.*s, but it was %.*s", (long long)payment->id, STR_ARG(from),
                          STR_ARG(at));
        check_step(from, to);
        if (n_seen < STEPS_MAX)
            seen[n_seen++] = to;
        at = to;
    }
    if (!str_eq(at, state))
        sim_violation("I8", "payment %lld is %.*s, its history ends with %.*s", (long long)payment->id, STR_ARG(state),
                      STR_ARG(at));
}

/* The history is numbered as rows were written; within one payment that is also the order of commits. */
static void check_history(void)
{
    struct sql_result rows = sql_ask("SELECT id, state FROM transactions");
    struct sql_result history =
        sql_ask("SELECT transaction_id, from_state, to_state FROM transaction_history ORDER BY id");
    for (size_t i = 0; i < rows.n_rows; i++) {
        for (unsigned j = 0; j < school.n_payments; j++) {
            if (school.payments[j].id == number(&rows, i, 0))
                check_history_of(&school.payments[j], text(&rows, i, 1), &history);
        }
    }
}

/* What ended without a word of the bank, or by expiry, its payer ended. */
static void check_given_up(void)
{
    struct sql_result rows = sql_ask("SELECT event_id, from_state, bank_code FROM transaction_history WHERE to_state = "
                                     "'CANCELLED'");
    for (size_t i = 0; i < rows.n_rows; i++) {
        struct str id = text(&rows, i, 0), from = text(&rows, i, 1);
        bool is_owner = false, is_open = str_eq_text(from, "CREATED") || str_eq_text(from, "PENDING");
        if (text(&rows, i, 2).len > 0)
            continue;
        if (id.len != EVENT_ID_LEN || !payers_have_said((const uint8_t *)id.ptr, &is_owner) || !is_owner || !is_open)
            sim_violation("I8", "%.*s was given up by nobody who may", STR_ARG(from));
    }
}

void checker_check(void)
{
    inbox = sql_ask("SELECT event_id, verdict, of_bank FROM inbox");
    dead_letters = sql_ask("SELECT stream_id, same_as FROM dead_letters");
    check_inbox();
    check_acknowledged();
    check_stream();
    check_failures();
    check_history();
    check_given_up();
    checker_check_money();
    checker_check_mail();
}
