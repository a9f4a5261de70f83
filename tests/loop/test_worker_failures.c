/* The runner when things fail: one bad entry among good ones, entries that crash workers, newer and malformed ones,
 * races, a database that goes away. */
#include "loop/worker_help.h"

#include <pthread.h>

#include "common/encode.h"
#include "worker/poison.h"

/* A receipt that exists already makes this one payment's transaction fail, for ever; the others go through. */
static void one_poisoned_entry(void **state)
{
    (void)state;
    long long good = help_topup("dem20261123061216aaa", 1100), bad = help_topup("dem20261123061216bbb", 1200);
    long long also = help_topup("dem20261123061216ccc", 1300);
    ask("INSERT INTO receipts (transaction_id, school_id, year, number) VALUES (%lld, 1, 1999, 1)", bad);
    struct stream_entry entries[] = {
        help_bank_entry(help_call("dem20261123061216aaa", 1100, "1", "40000100")),
        help_bank_entry(help_call("dem20261123061216bbb", 1200, "1", "40000101")),
        help_bank_entry(help_call("dem20261123061216ccc", 1300, "1", "40000102")),
    };
    enum runner_outcome outcomes[3];
    assert_int_equal(runner_run(&help.runner, entries, 3, outcomes), 0);
    assert_true(outcomes[0] == RUNNER_ACK && outcomes[1] == RUNNER_LEAVE && outcomes[2] == RUNNER_ACK);
    assert_state(good, "AUTHORISED");
    assert_state(bad, "PENDING");
    assert_state(also, "AUTHORISED");
    assert_asked(0, "SELECT COUNT(*) FROM ledger_entries WHERE transaction_id = %lld", bad);
    for (int i = 0; i < POISON_FAILURES_MAX - 2; i++)
        assert_int_equal(help_run(&entries[1]), RUNNER_LEAVE);
    assert_asked(0, "SELECT COUNT(*) FROM dead_letters");
    assert_int_equal(help_run(&entries[1]), RUNNER_ACK); /* the fifth time */
    assert_asked(1,
                 "SELECT COUNT(*) FROM dead_letters WHERE failures = 5 AND kind = 'bank_notification' AND fields LIKE "
                 "'%%kind=bank_notification%%' AND reason LIKE '1062%%'");
    assert_asked(0, "SELECT COUNT(*) FROM ledger_entries WHERE transaction_id = %lld", bad);
}

static void die_alone(const struct stream_entry *entry, int times)
{
    int64_t before;
    for (int i = 0; i < times; i++)
        assert_int_equal(poison_add_death(help.runner.db, entry->id, &before), 0);
}

/* Kills by an operator, four in a row, bury no innocent entry; and a run that is survived forgives them all. */
static void killed_while_it_ran_alone(void **state)
{
    (void)state;
    help_topup("dem20261123061217aaa", 1000);
    struct stream_entry entry = help_bank_entry(help_call("dem20261123061217aaa", 1000, "1", "40000110"));
    entry.deliveries = POISON_SUSPECT_DELIVERIES;
    die_alone(&entry, POISON_DEATHS_MAX - 1);
    assert_int_equal(help_run(&entry), RUNNER_ACK);
    assert_asked(1, "SELECT COUNT(*) FROM inbox WHERE verdict = 'credited' AND payload LIKE '%%40000110%%'");
    assert_asked(0, "SELECT deaths FROM event_failures WHERE stream_id = '%s'", entry.id.ptr);
    assert_asked(0, "SELECT COUNT(*) FROM dead_letters WHERE stream_id = '%s'", entry.id.ptr);
}

/* Each worker that took it died. Failures that were survived are another count. */
static void deadly_entry(void **state)
{
    (void)state;
    struct stream_entry entry = help_bank_entry(help_call("dem20261123061217aaa", 1000, "4", "40000110"));
    entry.deliveries = POISON_SUSPECT_DELIVERIES;
    die_alone(&entry, POISON_DEATHS_MAX);
    assert_int_equal(help_run(&entry), RUNNER_ACK);
    assert_asked(1,
                 "SELECT COUNT(*) FROM dead_letters WHERE stream_id = '%s' AND failures = 5 AND reason LIKE '%%died'",
                 entry.id.ptr);
    assert_asked(0, "SELECT COUNT(*) FROM inbox WHERE payload LIKE '%%etat=4&refsfp=40000110%%'");
}

static void a_survived_failure_forgives_deaths_but_counts(void **state)
{
    (void)state;
    const struct str junk[] = {STR("x"), STR("survived")};
    struct stream_entry entry = {STR("2000-9"), junk, 2, POISON_SUSPECT_DELIVERIES};
    die_alone(&entry, 3);
    assert_int_equal(help_run(&entry), RUNNER_LEAVE);
    assert_asked(1, "SELECT failures = 1 AND deaths = 0 FROM event_failures WHERE stream_id = '2000-9'");
}

/* Entries of one event, buried one after another: one open letter that counts them; another one after a human has
 * dropped the first. */
static void one_letter_an_event(void **state)
{
    (void)state;
    struct str call = help_call("dem20261123061299aaa", 1000, "1", "40000199");
    struct stream_entry first = help_bank_entry(call), again = help_bank_entry(call), third = help_bank_entry(call);
    assert_int_equal(poison_bury(help.runner.db, &first, "first", 5), 0);
    assert_int_equal(poison_bury(help.runner.db, &first, "first", 6), 0); /* its XACK was lost */
    ask("UPDATE dead_letters SET retried_at = UTC_TIMESTAMP(6) WHERE stream_id = '%s'", first.id.ptr);
    assert_int_equal(poison_bury(help.runner.db, &again, "again", 5), 0);
    assert_asked(1,
                 "SELECT COUNT(*) FROM dead_letters WHERE stream_id = '%s' AND burials = 2 AND retried_at IS NULL AND "
                 "reason = 'again'",
                 again.id.ptr);
    assert_asked(0, "SELECT COUNT(*) FROM dead_letters WHERE stream_id = '%s'", first.id.ptr);
    ask("UPDATE dead_letters SET dropped_at = UTC_TIMESTAMP(6) WHERE stream_id = '%s'", again.id.ptr);
    assert_int_equal(poison_bury(help.runner.db, &third, "third", 5), 0);
    assert_asked(1, "SELECT burials FROM dead_letters WHERE stream_id = '%s'", third.id.ptr);
}

/* The id leaves the seal out: what bears the same id and another seal must not hide the genuine call. */
static void forged_copy_has_a_letter_of_its_own(void **state)
{
    (void)state;
    struct str call = help_call("dem20261123061299bbb", 1000, "1", "40000198");
    struct stream_entry genuine = help_bank_entry(call);
    struct str forged_call = arena_printf(&help.arena, "%.*s0000", (int)call.len - 4, call.ptr);
    struct stream_entry forged = help_bank_entry(forged_call);
    assert_int_equal(poison_bury(help.runner.db, &forged, "forged", 5), 0);
    assert_int_equal(poison_bury(help.runner.db, &genuine, "genuine", 5), 0);
    assert_asked(2, "SELECT COUNT(*) FROM dead_letters WHERE stream_id IN ('%s', '%s')", forged.id.ptr, genuine.id.ptr);
    assert_asked(1, "SELECT COUNT(DISTINCT event_id) FROM dead_letters WHERE stream_id IN ('%s', '%s')", forged.id.ptr,
                 genuine.id.ptr);
}

/* Of another id than its own: its letter is known by all that it says, as the journal asks for it. */
static void letter_of_a_claimed_id(void **state)
{
    char same_as[POISON_SAME_AS_SIZE], hex[2 * EVENT_ID_LEN + 1];
    uint8_t digest[EVENT_ID_LEN];
    (void)state;
    struct event event = {.kind = EVENT_BANK_NOTIFICATION,
                          .at_us = clock_now_us(),
                          .gateway = STR("spplus"),
                          .raw = STR("siret=1&reference=r"),
                          .unverified = true};
    event_id_for_bank(event.gateway, event.raw, event.id); /* without a seal, as an older dp-server kept it */
    struct stream_entry entry = help_entry(&event);
    assert_int_equal(help_run(&entry), RUNNER_LEAVE);
    poison_same_as(&entry, same_as);
    event_digest(&event, digest);
    encode_hex(digest, sizeof digest, hex);
    assert_string_equal(same_as, hex);
}

static void moment_to_come(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123061221aaa", 1000);
    struct stream_entry entry = help_bank_entry(help_call("dem20261123061221aaa", 1000, "1", "40000150"));
    struct event event;
    assert_int_equal(event_from_fields(entry.fields, entry.n_fields, &event), 0);
    event.at_us += CLOCK_DAY_US;
    entry = help_entry(&event);
    assert_int_equal(help_run(&entry), RUNNER_ACK);
    assert_asked(1, "SELECT COUNT(*) FROM inbox WHERE transaction_id = %lld AND received_at <= UTC_TIMESTAMP(6)", id);
}

static void newer_and_malformed_entries(void **state)
{
    (void)state;
    const struct str empty[] = {STR("x"), STR("y")};
    char id[] = "0000000000000000000000000000000000000000000000000000000000000001";
    struct str known_id[] = {STR("v"),    STR("7"),
                             STR("id"),   str_from(id),
                             STR("kind"), STR("from_the_future"),
                             STR("at"),   STR("2026-11-23T06:12:00Z")};
    struct stream_entry entries[] = {{STR("2000-1"), known_id, 8, 1}, {STR("2000-2"), empty, 2, 1}};
    enum runner_outcome outcomes[2];
    assert_int_equal(runner_run(&help.runner, entries, 2, outcomes), 0);
    assert_true(outcomes[0] == RUNNER_LEAVE && outcomes[1] == RUNNER_LEAVE);
    assert_asked(0, "SELECT COUNT(*) FROM event_failures WHERE stream_id = '2000-1'");
    assert_asked(1, "SELECT failures FROM event_failures WHERE stream_id = '2000-2'");
}

static void database_away_for_a_moment(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123061218aaa", 1000);
    long long thread = ask("SELECT id FROM information_schema.processlist WHERE user = 'dp_worker' LIMIT 1");
    ask("KILL %lld", thread);
    help_bank_says(help_call("dem20261123061218aaa", 1000, "1", "40000120"));
    assert_state(id, "AUTHORISED");
    assert_asked(0, "SELECT COUNT(*) FROM event_failures WHERE stream_id = '1000-%u'", help.next_entry);
    assert_true(metrics_get(&help.metrics, METRIC_DB_RETRIES) >= 1);
}

static void *commit_soon(void *mysql)
{
    usleep(300000);
    private_server_query(mysql, "COMMIT");
    return NULL;
}

/* Another worker changes the payment between our SELECT and our UPDATE: the decision is made again. */
static void lost_race_is_decided_again(void **state)
{
    pthread_t thread;
    char sql[HELP_SQL_SIZE];
    (void)state;
    long long id = help_topup("dem20261123061219aaa", 1000);
    int64_t splits = metrics_get(&help.metrics, METRIC_BATCHES_SPLIT);
    MYSQL *other = private_server_connect(&help.server);
    snprintf(sql, sizeof sql, "UPDATE transactions SET state = 'DECLINED' WHERE id = %lld", id);
    private_server_query(other, "START TRANSACTION");
    private_server_query(other, sql);
    pthread_create(&thread, NULL, commit_soon, other);
    help_bank_says(help_call("dem20261123061219aaa", 1000, "1", "40000130"));
    pthread_join(thread, NULL);
    mysql_close(other);
    assert_int_equal(metrics_get(&help.metrics, METRIC_BATCHES_SPLIT), splits + 1);
    assert_state(id, "AUTHORISED");
    assert_asked(1,
                 "SELECT COUNT(*) FROM transaction_history WHERE transaction_id = %lld AND from_state = 'DECLINED' AND "
                 "to_state = 'AUTHORISED'",
                 id);
    assert_asked(2, "SELECT COUNT(*) FROM ledger_entries WHERE transaction_id = %lld", id);
}

/* A counter that cannot be read back numbers no receipt, and nothing else of the payment is booked. */
static void receipt_counter_that_is_not_there(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123061220aaa", 1000);
    struct stream_entry entry = help_bank_entry(help_call("dem20261123061220aaa", 1000, "1", "40000140"));
    ask("RENAME TABLE receipt_counters TO counters_away");
    ask("CREATE VIEW receipt_counters AS SELECT * FROM counters_away WHERE school_id < 0");
    assert_int_equal(help_run(&entry), RUNNER_LEAVE);
    ask("DROP VIEW receipt_counters");
    ask("RENAME TABLE counters_away TO receipt_counters");
    assert_asked(1,
                 "SELECT COUNT(*) FROM event_failures WHERE stream_id = '%s' AND failures = 1 AND last_error = "
                 "'RECEIPT_LAST matched 0 rows instead of 1'",
                 entry.id.ptr);
    assert_asked(0, "SELECT COUNT(*) FROM ledger_entries WHERE transaction_id = %lld", id);
    assert_int_equal(help_run(&entry), RUNNER_ACK);
    assert_state(id, "AUTHORISED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_poisoned_entry),
        cmocka_unit_test(killed_while_it_ran_alone),
        cmocka_unit_test(deadly_entry),
        cmocka_unit_test(a_survived_failure_forgives_deaths_but_counts),
        cmocka_unit_test(one_letter_an_event),
        cmocka_unit_test(forged_copy_has_a_letter_of_its_own),
        cmocka_unit_test(letter_of_a_claimed_id),
        cmocka_unit_test(moment_to_come),
        cmocka_unit_test(newer_and_malformed_entries),
        cmocka_unit_test(database_away_for_a_moment),
        cmocka_unit_test(lost_race_is_decided_again),
        cmocka_unit_test(receipt_counter_that_is_not_there),
    };
    return cmocka_run_group_tests_name("worker_failures", tests, help_start, help_stop);
}
