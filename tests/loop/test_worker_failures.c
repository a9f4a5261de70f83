/* The runner when things fail: one bad entry among good ones, entries that crash workers, newer and malformed ones,
 * races, a database that goes away. */
#include "loop/worker_help.h"

#include <pthread.h>

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

/* Two crashes while it ran alone bury an entry; one is forgiven. */
static void crashes_alone(void **state)
{
    (void)state;
    help_topup("dem20261123061217aaa", 1000);
    struct stream_entry entry = help_bank_entry(help_call("dem20261123061217aaa", 1000, "1", "40000110"));
    entry.deliveries = POISON_SUSPECT_DELIVERIES;
    int64_t failures;
    assert_int_equal(poison_charge(help.runner.db, entry.id, POISON_CRASH_WEIGHT, "died", &failures), 0);
    assert_int_equal(failures, POISON_CRASH_WEIGHT);
    assert_int_equal(help_run(&entry), RUNNER_ACK);
    assert_asked(1, "SELECT COUNT(*) FROM inbox WHERE verdict = 'credited' AND payload LIKE '%%40000110%%'");
    struct stream_entry other = help_bank_entry(help_call("dem20261123061217aaa", 1000, "4", "40000110"));
    other.deliveries = POISON_SUSPECT_DELIVERIES;
    assert_int_equal(poison_charge(help.runner.db, other.id, 2 * POISON_CRASH_WEIGHT, "died", &failures), 0);
    assert_int_equal(help_run(&other), RUNNER_ACK);
    assert_asked(1, "SELECT COUNT(*) FROM dead_letters WHERE stream_id = '%s'", other.id.ptr);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_poisoned_entry),          cmocka_unit_test(crashes_alone),
        cmocka_unit_test(newer_and_malformed_entries), cmocka_unit_test(database_away_for_a_moment),
        cmocka_unit_test(lost_race_is_decided_again),
    };
    return cmocka_run_group_tests_name("worker_failures", tests, help_start, help_stop);
}
