/* What the worker decides is final, so it decides on nothing stale, foreign or half there: contracts, keys, ids,
 * tables. */
#include "loop/worker_help.h"

#include <pthread.h>

static void assert_untouched(const struct stream_entry *entry)
{
    assert_asked(0, "SELECT COUNT(*) FROM event_failures WHERE stream_id = '%s'", entry->id.ptr);
    assert_asked(0, "SELECT COUNT(*) FROM dead_letters");
}

/* The contracts were loaded a moment ago; the merchant of this call came after that. */
static void contract_of_this_second(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123071201aaa", 1000);
    struct str call = help_call("dem20261123071201aaa", 1000, "1", "50000001");
    ask("UPDATE bank_contracts SET merchant_id = '00000000000001-77'");
    help_bank_says(help_call("dem20261123071201aaa", 1000, "2", "50000002")); /* unknown: all are loaded */
    assert_asked(1, "SELECT COUNT(*) FROM inbox WHERE verdict = 'unverifiable'");
    ask("UPDATE bank_contracts SET merchant_id = '%s'", HELP_MERCHANT);
    help_bank_says(call);
    assert_state(id, "AUTHORISED");
}

/* A key that this host cannot open: the call stays for another worker, and is no failure of its own. */
static void key_that_cannot_be_opened(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123071202aaa", 1000);
    struct stream_entry entry = help_bank_entry(help_call("dem20261123071202aaa", 1000, "1", "50000010"));
    ask("UPDATE bank_contracts SET sealed_key = CONCAT(sealed_key, 'x')");
    contracts_free(help.runner.contracts);
    help.runner.contracts = contracts_new(help.vault, true);
    assert_int_equal(help_run(&entry), RUNNER_LEAVE);
    assert_state(id, "PENDING");
    assert_asked(0, "SELECT COUNT(*) FROM inbox WHERE payload LIKE '%%50000010%%'");
    assert_untouched(&entry);
    ask("UPDATE bank_contracts SET sealed_key = LEFT(sealed_key, LENGTH(sealed_key) - 1)");
    assert_int_equal(help_run(&entry), RUNNER_ACK);
    assert_state(id, "AUTHORISED");
}

/* Junk under the id of a genuine call, in front of it: were it believed, the call would look applied, here and to
 * dp-server's journal. */
static void id_of_another_call(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123071203aaa", 1000);
    struct stream_entry entries[2];
    enum runner_outcome outcomes[2];
    entries[1] = help_bank_entry(help_call("dem20261123071203aaa", 1000, "1", "50000020"));
    struct event junk;
    assert_int_equal(event_from_fields(entries[1].fields, entries[1].n_fields, &junk), 0);
    junk.raw = STR("siret=junk&hmac=00");
    entries[0] = help_entry(&junk);
    assert_int_equal(runner_run(&help.runner, entries, 2, outcomes), 0);
    assert_int_equal(outcomes[0], RUNNER_LEAVE);
    assert_int_equal(outcomes[1], RUNNER_ACK);
    assert_state(id, "AUTHORISED");
    assert_asked(1, "SELECT failures FROM event_failures WHERE stream_id = '%s'", entries[0].id.ptr);
    while (help_run(&entries[0]) != RUNNER_ACK)
        continue;
    assert_asked(1, "SELECT COUNT(*) FROM dead_letters WHERE event_id = ''");
    ask("DELETE FROM dead_letters");
}

/* An event of another kind under the id of a call takes nobody's place: before it, beside it in a batch, or as what
 * another gateway says, which this worker leaves to a newer one. */
static void id_of_a_call_in_another_kind(void **state)
{
    (void)state;
    long long before = help_topup("dem20261123071205aaa", 1000), beside = help_topup("dem20261123071205bbb", 1000);
    long long foreign = help_topup("dem20261123071205ccc", 1000);
    enum runner_outcome outcomes[2];
    struct stream_entry call = help_bank_entry(help_call("dem20261123071205aaa", 1000, "1", "50000040"));
    struct stream_entry notice = help_notice_under_id_of(&call);
    assert_int_equal(help_run(&notice), RUNNER_ACK);
    assert_int_equal(help_run(&call), RUNNER_ACK);
    assert_int_equal(help_run(&notice), RUNNER_ACK);
    assert_state(before, "AUTHORISED");
    assert_asked(2,
                 "SELECT COUNT(*) FROM inbox WHERE event_id = (SELECT event_id FROM inbox WHERE transaction_id = "
                 "%lld)",
                 before);

    struct stream_entry entries[2];
    entries[1] = help_bank_entry(help_call("dem20261123071205bbb", 1000, "1", "50000041"));
    entries[0] = help_notice_under_id_of(&entries[1]);
    assert_int_equal(runner_run(&help.runner, entries, 2, outcomes), 0);
    assert_true(outcomes[0] == RUNNER_ACK && outcomes[1] == RUNNER_ACK);
    assert_state(beside, "AUTHORISED");

    struct event event;
    entries[1] = help_bank_entry(help_call("dem20261123071205ccc", 1000, "1", "50000042"));
    assert_int_equal(event_from_fields(entries[1].fields, entries[1].n_fields, &event), 0);
    event.gateway = STR("of the future");
    entries[0] = help_entry(&event);
    assert_int_equal(runner_run(&help.runner, entries, 2, outcomes), 0);
    assert_int_equal(outcomes[1], RUNNER_ACK);
    assert_asked(1, "SELECT COUNT(*) FROM inbox WHERE transaction_id = %lld", foreign);
    assert_state(foreign, "AUTHORISED");
}

static void *bring_back_soon(void *mysql)
{
    usleep(300000);
    private_server_query(mysql, "RENAME TABLE receipts_away TO receipts");
    return NULL;
}

/* Between two versions of the schema a table may be missing: no entry is to blame. */
static void table_that_comes_later(void **state)
{
    pthread_t thread;
    (void)state;
    long long id = help_topup("dem20261123071204aaa", 1000);
    struct stream_entry entry = help_bank_entry(help_call("dem20261123071204aaa", 1000, "1", "50000030"));
    MYSQL *other = private_server_connect(&help.server);
    private_server_query(other, "RENAME TABLE receipts TO receipts_away");
    pthread_create(&thread, NULL, bring_back_soon, other);
    assert_int_equal(help_run(&entry), RUNNER_ACK);
    pthread_join(thread, NULL);
    mysql_close(other);
    assert_state(id, "AUTHORISED");
    assert_untouched(&entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contract_of_this_second), cmocka_unit_test(key_that_cannot_be_opened),
        cmocka_unit_test(id_of_another_call),      cmocka_unit_test(id_of_a_call_in_another_kind),
        cmocka_unit_test(table_that_comes_later),
    };
    return cmocka_run_group_tests_name("worker_trust", tests, help_start, help_stop);
}
