/* The worker's one transaction, against a real MariaDB: what each word of the bank books, and that nothing is booked
 * twice, lost or left half done. */
#include "loop/worker_help.h"

#include "worker/janitor.h"

static long long reviews(long long payment, const char *reason)
{
    return ask("SELECT COUNT(*) FROM review_items WHERE transaction_id = %lld AND reason = '%s'", payment, reason);
}

static void accepted_once(void **state)
{
    (void)state;
    long long claim = help_claim("150509", 15850);
    struct help_line lines[] = {{1, claim, 15850}, {2, 0, 4000}};
    long long id = help_payment("dem20261123061201aaa", 1, 19850, lines, 2);
    ask("UPDATE claims SET reserved_until = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR, reserved_for = 'dem20261123061201aaa' "
        "WHERE id = %lld",
        claim);
    help_bank_says(help_call("dem20261123061201aaa", 19850, "1", "36628282"));
    assert_state(id, "AUTHORISED");
    assert_asked(1,
                 "SELECT bank_ref = '36628282' AND accepted_at IS NOT NULL AND NOT review FROM transactions WHERE "
                 "id = %lld",
                 id);
    assert_asked(3, "SELECT COUNT(*) FROM ledger_entries WHERE transaction_id = %lld AND kind = 'PAYMENT'", id);
    assert_asked(0, "SELECT SUM(amount_cents) FROM ledger_entries WHERE transaction_id = %lld", id);
    assert_asked(19850, "SELECT amount_cents FROM ledger_entries WHERE transaction_id = %lld AND book = 'BANK'", id);
    assert_asked(-15850, "SELECT amount_cents FROM ledger_entries WHERE transaction_id = %lld AND book = 'CLAIM'", id);
    assert_asked(-4000, "SELECT amount_cents FROM ledger_entries WHERE transaction_id = %lld AND book = 'ACCOUNT'", id);
    assert_asked(15850,
                 "SELECT settled_cents FROM claims WHERE id = %lld AND reserved_for IS NULL AND reserved_until "
                 "IS NULL",
                 claim);
    assert_asked(15850, "SELECT paid_cents FROM accounts WHERE id = 1");
    assert_asked(4000, "SELECT paid_cents FROM accounts WHERE id = 2");
    assert_asked(1, "SELECT COUNT(*) FROM receipts WHERE transaction_id = %lld AND number = 1", id);
    assert_asked(1,
                 "SELECT COUNT(*) FROM mail_outbox WHERE transaction_id = %lld AND kind = 'PARENT_CONFIRMATION' AND "
                 "recipient = 'durand@example.org'",
                 id);
    assert_asked(1,
                 "SELECT COUNT(*) FROM mail_outbox WHERE transaction_id = %lld AND kind = 'BURSAR_CONFIRMATION' AND "
                 "recipient = 'intendance@example.org'",
                 id);
    assert_asked(1,
                 "SELECT COUNT(*) FROM transaction_history WHERE transaction_id = %lld AND from_state = 'PENDING' "
                 "AND to_state = 'AUTHORISED' AND bank_code = '1'",
                 id);
    assert_asked(1,
                 "SELECT COUNT(*) FROM inbox WHERE transaction_id = %lld AND verdict = 'credited' AND school_id = 1 "
                 "AND payload LIKE '%%etat=1&refsfp=36628282%%'",
                 id);
}

static void replay_changes_nothing(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123061202aaa", 2000);
    struct stream_entry entry = help_bank_entry(help_call("dem20261123061202aaa", 2000, "1", "40000001"));
    struct stream_entry twice[] = {entry, entry};
    enum runner_outcome outcomes[2];
    int64_t splits = metrics_get(&help.metrics, METRIC_BATCHES_SPLIT);
    assert_int_equal(runner_run(&help.runner, twice, 2, outcomes), 0); /* twice in one batch */
    assert_int_equal(metrics_get(&help.metrics, METRIC_BATCHES_SPLIT), splits);
    assert_true(outcomes[0] == RUNNER_ACK && outcomes[1] == RUNNER_ACK);
    long long ledger = ask("SELECT COUNT(*) FROM ledger_entries"), mails = ask("SELECT COUNT(*) FROM mail_outbox");
    assert_int_equal(help_run(&entry), RUNNER_ACK); /* and once more */
    assert_asked(ledger, "SELECT COUNT(*) FROM ledger_entries");
    assert_asked(mails, "SELECT COUNT(*) FROM mail_outbox");
    assert_asked(1, "SELECT COUNT(*) FROM inbox WHERE transaction_id = %lld", id);
    assert_asked(1, "SELECT COUNT(*) FROM transaction_history WHERE transaction_id = %lld", id);
}

static void later_codes_move_up_only(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123061203aaa", 3000);
    struct stream_entry entries[] = {
        help_bank_entry(help_call("dem20261123061203aaa", 3000, "2", "40000002")),  /* refused */
        help_bank_entry(help_call("dem20261123061203aaa", 3000, "1", "40000003")),  /* then accepted */
        help_bank_entry(help_call("dem20261123061203aaa", 3000, "10", "40000003")), /* settled */
        help_bank_entry(help_call("dem20261123061203aaa", 3000, "4", "40000003")),  /* captured: too late */
        help_bank_entry(help_call("dem20261123061203aaa", 3000, "2", "40000002")),  /* the refusal again */
    };
    enum runner_outcome outcomes[5];
    assert_int_equal(runner_run(&help.runner, entries, 5, outcomes), 0);
    assert_state(id, "SETTLED");
    assert_asked(2, "SELECT COUNT(*) FROM ledger_entries WHERE transaction_id = %lld", id);
    assert_asked(2, "SELECT COUNT(*) FROM mail_outbox WHERE transaction_id = %lld", id);
    assert_asked(4, "SELECT COUNT(*) FROM transaction_history WHERE transaction_id = %lld", id);
    assert_asked(0, "SELECT review FROM transactions WHERE id = %lld", id);
}

static void other_amount(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123061204aaa", 5000);
    help_bank_says(help_call("dem20261123061204aaa", 4999, "1", "40000010"));
    assert_state(id, "PENDING");
    assert_int_equal(reviews(id, "AMOUNT_MISMATCH"), 1);
    assert_asked(1, "SELECT review FROM transactions WHERE id = %lld", id);
    assert_asked(4999, "SELECT amount_cents FROM ledger_entries WHERE bank_ref = '40000010' AND kind = 'ORPHAN' AND "
                       "book = 'BANK'");
    assert_asked(0, "SELECT SUM(amount_cents) FROM ledger_entries WHERE bank_ref = '40000010'");
    assert_asked(1,
                 "SELECT COUNT(*) FROM mail_outbox WHERE transaction_id = %lld AND kind = 'BURSAR_REVIEW' AND "
                 "recipient = 'intendance@example.org' AND review_id IS NOT NULL",
                 id);
    assert_asked(0, "SELECT COUNT(*) FROM receipts WHERE transaction_id = %lld", id);
}

static void unknown_reference(void **state)
{
    (void)state;
    help_bank_says(help_call("dem20261123061205zzz", 7000, "1", "40000020"));
    assert_asked(1,
                 "SELECT COUNT(*) FROM review_items WHERE reason = 'UNKNOWN_REFERENCE' AND transaction_id IS NULL AND "
                 "contract_id = 1 AND amount_cents = 7000");
    assert_asked(2, "SELECT COUNT(*) FROM ledger_entries WHERE bank_ref = '40000020' AND kind = 'ORPHAN' AND school_id "
                    "IS NULL");
    assert_asked(1,
                 "SELECT COUNT(*) FROM mail_outbox WHERE kind = 'BURSAR_REVIEW' AND recipient = '" HELP_OPERATOR "'");
    help_bank_says(help_call("dem20261123061205zzz", 7000, "4", "40000020")); /* the same money, captured */
    assert_asked(2, "SELECT COUNT(*) FROM ledger_entries WHERE bank_ref = '40000020'");
}

static void second_acceptance(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123061206aaa", 6000);
    help_bank_says(help_call("dem20261123061206aaa", 6000, "1", "40000030"));
    help_bank_says(help_call("dem20261123061206aaa", 6000, "1", "40000031"));
    assert_state(id, "AUTHORISED");
    assert_int_equal(reviews(id, "SECOND_ACCEPTANCE"), 1);
    assert_asked(1, "SELECT bank_ref = '40000030' FROM transactions WHERE id = %lld", id);
    assert_asked(-6000,
                 "SELECT SUM(amount_cents) FROM ledger_entries WHERE transaction_id = %lld AND book = "
                 "'SUSPENSE' AND bank_ref = '40000031'",
                 id);
    assert_asked(1, "SELECT COUNT(*) FROM receipts WHERE transaction_id = %lld", id);
    assert_asked(2, "SELECT COUNT(*) FROM mail_outbox WHERE transaction_id = %lld AND kind <> 'BURSAR_REVIEW'", id);
}

static void bank_reference_of_another_payment(void **state)
{
    (void)state;
    long long first = help_topup("dem20261123061207aaa", 1000), second = help_topup("dem20261123061207bbb", 1000);
    struct stream_entry entries[] = {
        help_bank_entry(help_call("dem20261123061207aaa", 1000, "1", "40000040")),
        help_bank_entry(help_call("dem20261123061207bbb", 1000, "1", "40000040")),
    };
    enum runner_outcome outcomes[2];
    assert_int_equal(runner_run(&help.runner, entries, 2, outcomes), 0);
    assert_state(first, "AUTHORISED");
    assert_state(second, "PENDING");
    assert_int_equal(reviews(second, "BANK_REF_REUSED"), 1);
    assert_asked(1000, "SELECT SUM(amount_cents) FROM ledger_entries WHERE bank_ref = '40000040' AND book = 'BANK'");
}

static void claim_overpaid(void **state)
{
    (void)state;
    long long claim = help_claim("150510", 10000);
    struct help_line line = {1, claim, 8000};
    long long first = help_payment("dem20261123061208aaa", 1, 8000, &line, 1);
    long long second = help_payment("dem20261123061208bbb", 1, 8000, &line, 1);
    help_bank_says(help_call("dem20261123061208aaa", 8000, "1", "40000050"));
    help_bank_says(help_call("dem20261123061208bbb", 8000, "1", "40000051"));
    assert_state(first, "AUTHORISED");
    assert_state(second, "AUTHORISED");
    assert_asked(10000, "SELECT settled_cents FROM claims WHERE id = %lld", claim);
    assert_asked(-2000, "SELECT amount_cents FROM ledger_entries WHERE transaction_id = %lld AND book = 'CLAIM'",
                 second);
    assert_asked(-6000, "SELECT amount_cents FROM ledger_entries WHERE transaction_id = %lld AND book = 'SUSPENSE'",
                 second);
    assert_int_equal(reviews(second, "CLAIM_OVERPAID"), 1);
    assert_asked(6000, "SELECT amount_cents FROM review_items WHERE transaction_id = %lld", second);
}

static void lines_that_do_not_add_up(void **state)
{
    (void)state;
    long long claim = help_claim("150515", 5000);
    struct help_line line = {1, claim, 900};
    long long id = help_payment("dem20261123061209aaa", 1, 1000, &line, 1);
    ask("UPDATE claims SET reserved_until = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR, reserved_for = 'dem20261123061209aaa' "
        "WHERE id = %lld",
        claim);
    help_bank_says(help_call("dem20261123061209aaa", 1000, "1", "40000055"));
    assert_state(id, "AUTHORISED");
    assert_int_equal(reviews(id, "LINES_MISMATCH"), 1);
    assert_asked(-1000, "SELECT amount_cents FROM ledger_entries WHERE transaction_id = %lld AND book = 'SUSPENSE'",
                 id);
    assert_asked(1, "SELECT settled_cents = 0 AND reserved_for IS NULL FROM claims WHERE id = %lld", claim);
}

static void reversed(void **state)
{
    (void)state;
    long long claim = help_claim("150511", 9000), before = ask("SELECT paid_cents FROM accounts WHERE id = 1");
    struct help_line lines[] = {{1, claim, 9000}, {1, 0, 1000}};
    long long id = help_payment("dem20261123061210aaa", 1, 10000, lines, 2);
    help_bank_says(help_call("dem20261123061210aaa", 10000, "1", "40000060"));
    help_bank_says(help_call("dem20261123061210aaa", 10000, "20", "40000060"));
    assert_state(id, "REVERSED");
    assert_asked(0, "SELECT settled_cents FROM claims WHERE id = %lld", claim);
    assert_asked(before, "SELECT paid_cents FROM accounts WHERE id = 1");
    assert_asked(3, "SELECT COUNT(*) FROM ledger_entries WHERE transaction_id = %lld AND kind = 'REVERSAL'", id);
    assert_asked(0, "SELECT SUM(amount_cents) FROM ledger_entries WHERE transaction_id = %lld AND book = 'CLAIM'", id);
    assert_asked(1, "SELECT COUNT(*) FROM mail_outbox WHERE transaction_id = %lld AND kind = 'BURSAR_REVERSAL'", id);
}

/* Accepted and reversed before any worker looked: one batch must do what two would have done. */
static void reversed_in_the_same_batch(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123061211aaa", 1200),
              before = ask("SELECT paid_cents FROM accounts WHERE id = 1");
    struct stream_entry entries[] = {
        help_bank_entry(help_call("dem20261123061211aaa", 1200, "1", "40000065")),
        help_bank_entry(help_call("dem20261123061211aaa", 1200, "11", "40000065")),
    };
    enum runner_outcome outcomes[2];
    assert_int_equal(runner_run(&help.runner, entries, 2, outcomes), 0);
    assert_state(id, "REVERSED");
    assert_asked(before, "SELECT paid_cents FROM accounts WHERE id = 1");
    assert_asked(4, "SELECT COUNT(*) FROM ledger_entries WHERE transaction_id = %lld", id);
    assert_asked(0, "SELECT SUM(amount_cents) FROM ledger_entries WHERE transaction_id = %lld AND book = 'ACCOUNT'",
                 id);
}

static void refunded_in_part(void **state)
{
    (void)state;
    long long claim = help_claim("150512", 5000);
    struct help_line lines[] = {{1, claim, 5000}, {2, 0, 3000}};
    long long id = help_payment("dem20261123061212aaa", 1, 8000, lines, 2);
    help_bank_says(help_call("dem20261123061212aaa", 8000, "1", "40000070"));
    help_bank_says(help_call("dem20261123061212aaa", 8000, "15", "40000070"));
    assert_asked(1, "SELECT refund_open FROM transactions WHERE id = %lld", id);
    help_bank_says(help_call("dem20261123061212aaa", 4500, "17", "40000070"));
    assert_state(id, "REFUNDED");
    assert_asked(0, "SELECT refund_open FROM transactions WHERE id = %lld", id);
    assert_asked(-4500,
                 "SELECT amount_cents FROM ledger_entries WHERE transaction_id = %lld AND kind = 'REFUND' AND "
                 "book = 'BANK'",
                 id);
    assert_asked(0, "SELECT SUM(amount_cents) FROM ledger_entries WHERE transaction_id = %lld AND kind = 'REFUND'", id);
    assert_asked(0, "SELECT SUM(amount_cents) FROM ledger_entries WHERE transaction_id = %lld AND book = 'ACCOUNT'",
                 id);
    assert_asked(3500, "SELECT settled_cents FROM claims WHERE id = %lld", claim);
}

static void abandoned_gives_the_claim_back(void **state)
{
    (void)state;
    long long claim = help_claim("150513", 5000);
    struct help_line line = {1, claim, 5000};
    long long id = help_payment("dem20261123061213aaa", 1, 5000, &line, 1);
    ask("UPDATE claims SET reserved_until = UTC_TIMESTAMP(6), reserved_for = 'dem20261123061213aaa' WHERE id = %lld",
        claim);
    help_bank_says(help_call("dem20261123061213aaa", 5000, "12", "40000080"));
    assert_state(id, "CANCELLED");
    assert_asked(1, "SELECT reserved_for IS NULL AND reserved_until IS NULL FROM claims WHERE id = %lld", claim);
    assert_asked(0, "SELECT COUNT(*) FROM mail_outbox WHERE transaction_id = %lld", id);
}

/* The seal of an abandoned payment, cut in another place, says "accepted". */
static void split_again(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123061214aaa", 5000);
    struct str abandoned = help_call("dem20261123061214aaa", 5000, "12", "36628282");
    char forged[2048];
    const char *at = strstr(abandoned.ptr, "etat=12&refsfp=36628282");
    snprintf(forged, sizeof forged, "%.*setat=1&refsfp=236628282%s", (int)(at - abandoned.ptr), abandoned.ptr,
             at + strlen("etat=12&refsfp=36628282"));
    help_bank_says(str_from(forged));
    assert_state(id, "PENDING");
    assert_int_equal(reviews(id, "BAD_SHAPE"), 1);
    assert_asked(0, "SELECT COUNT(*) FROM ledger_entries WHERE transaction_id = %lld", id);
}

static void false_seal_and_unknown_merchant(void **state)
{
    (void)state;
    long long id = help_topup("dem20261123061215aaa", 5000), ledger = ask("SELECT COUNT(*) FROM ledger_entries");
    struct str good = help_call("dem20261123061215aaa", 5000, "1", "40000090");
    char *bad = arena_text(&help.arena, good);
    char *stranger = arena_text(&help.arena, good);
    bad[good.len - 1] = bad[good.len - 1] == '0' ? '1' : '0';
    memcpy(strstr(stranger, "00000000000001-01"), "99999999999999-01", 17);
    help_bank_says(str_from(bad));
    help_bank_says(str_from(stranger));
    assert_state(id, "PENDING");
    assert_asked(1, "SELECT COUNT(*) FROM inbox WHERE verdict = 'bad_seal'");
    assert_asked(1, "SELECT COUNT(*) FROM inbox WHERE verdict = 'unverifiable'");
    assert_asked(2, "SELECT COUNT(*) FROM review_items WHERE reason = 'UNVERIFIABLE' AND school_id IS NULL");
    assert_asked(ledger, "SELECT COUNT(*) FROM ledger_entries");
    help_bank_says(good); /* what was not believed has not taken its place */
    assert_state(id, "AUTHORISED");
}

static void password_reset_requests(void **state)
{
    (void)state;
    struct event event = {.kind = EVENT_PASSWORD_RESET_REQUESTED, .at_us = clock_now_us(), .login = STR("durand")};
    for (int i = 0; i < 5; i++) {
        event_id_random(event.id);
        event.login = i % 2 ? STR("DURAND@example.org") : STR("durand");
        struct stream_entry entry = help_entry(&event);
        assert_int_equal(help_run(&entry), RUNNER_ACK);
    }
    event_id_random(event.id);
    event.login = STR("nobody");
    struct stream_entry entry = help_entry(&event);
    assert_int_equal(help_run(&entry), RUNNER_ACK);
    assert_asked(3, "SELECT COUNT(*) FROM mail_outbox WHERE kind = 'PASSWORD_RESET' AND user_id = 1");
    assert_asked(0, "SELECT COUNT(*) FROM password_tokens");
    assert_asked(6, "SELECT COUNT(*) FROM inbox WHERE verdict = 'reset' AND payload = ''");
}

static void expiry(void **state)
{
    (void)state;
    size_t count = 0;
    long long claim = help_claim("150514", 5000);
    struct help_line line = {1, claim, 5000};
    long long late = help_payment("dem20261123061220aaa", 1, 5000, &line, 1);
    long long open = help_topup("dem20261123061220bbb", 1000);
    ask("UPDATE transactions SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE id = %lld", late);
    ask("UPDATE claims SET reserved_for = 'dem20261123061220aaa' WHERE id = %lld", claim);
    ask("INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, amount_cents, email, created_at) "
        "VALUES ('dem20261123061220ccc', 1, 1, 1, 'ADVANCE', 100, 'a@b.fr', UTC_TIMESTAMP(6) - INTERVAL 25 HOUR)");
    long long forgotten = ask("SELECT LAST_INSERT_ID()");
    assert_int_equal(janitor_expire(help.runner.db, &count), 0);
    assert_int_equal(count, 2);
    assert_state(late, "EXPIRED");
    assert_state(forgotten, "EXPIRED");
    assert_state(open, "PENDING");
    assert_asked(1, "SELECT reserved_for IS NULL FROM claims WHERE id = %lld", claim);
    assert_asked(1,
                 "SELECT COUNT(*) FROM transaction_history WHERE transaction_id = %lld AND from_state = 'PENDING' AND "
                 "to_state = 'EXPIRED' AND event_id IS NULL",
                 late);
    help_bank_says(help_call("dem20261123061220aaa", 5000, "1", "40000140")); /* the bank spoke after all */
    assert_state(late, "AUTHORISED");
}

static void old_connections_are_forgotten(void **state)
{
    (void)state;
    ask("INSERT INTO login_history (user_id, at, success) VALUES (1, UTC_TIMESTAMP(6) - INTERVAL 366 DAY, 1), "
        "(1, UTC_TIMESTAMP(6) - INTERVAL 360 DAY, 1), (NULL, UTC_TIMESTAMP(6) - INTERVAL 400 DAY, 0)");
    assert_int_equal(janitor_forget_logins(help.runner.db), 0);
    assert_asked(1, "SELECT COUNT(*) FROM login_history");
    assert_asked(1, "SELECT COUNT(*) FROM login_history WHERE at > UTC_TIMESTAMP(6) - INTERVAL 12 MONTH");
}

/* A batch over two schools, and all that came before: numbers without gap in each school. */
static void receipts_without_gap(void **state)
{
    enum { N = 40 };
    struct stream_entry entries[N];
    enum runner_outcome outcomes[N];
    char reference[32], bank_ref[32];
    (void)state;
    for (int i = 0; i < N; i++) {
        struct help_line line = {i % 3 ? 1 : 3, 0, 500 + i};
        snprintf(reference, sizeof reference, "dem202611230613%02daaa", i);
        snprintf(bank_ref, sizeof bank_ref, "500000%02d", i);
        help_payment(reference, i % 3 ? 1 : 2, 500 + i, &line, 1);
        entries[i] = help_bank_entry(help_call(reference, 500 + i, "1", bank_ref));
    }
    assert_int_equal(runner_run(&help.runner, entries, N, outcomes), 0);
    for (int school = 1; school <= 2; school++) {
        long long count = ask("SELECT COUNT(*) FROM receipts WHERE school_id = %d AND year > 1999", school);
        assert_true(count >= N / 3);
        assert_asked(count, "SELECT MAX(number) FROM receipts WHERE school_id = %d AND year > 1999", school);
        assert_asked(count, "SELECT COUNT(DISTINCT number) FROM receipts WHERE school_id = %d AND year > 1999", school);
        assert_asked(count, "SELECT last_number FROM receipt_counters WHERE school_id = %d", school);
    }
}

/* After everything above. */
static void books_balance(void **state)
{
    (void)state;
    assert_asked(0, "SELECT COUNT(*) FROM (SELECT 1 FROM ledger_entries GROUP BY contract_id, bank_ref, kind HAVING "
                    "SUM(amount_cents) <> 0) unbalanced");
    assert_asked(0,
                 "SELECT COUNT(*) FROM accounts a WHERE a.paid_cents <> -(SELECT COALESCE(SUM(l.amount_cents), 0) FROM "
                 "ledger_entries l WHERE l.account_id = a.id AND l.book IN ('ACCOUNT', 'CLAIM'))");
    assert_asked(0, "SELECT COUNT(*) FROM claims c WHERE c.settled_cents <> -(SELECT COALESCE(SUM(l.amount_cents), 0) "
                    "FROM ledger_entries l WHERE l.claim_id = c.id AND l.book = 'CLAIM')");
    assert_asked(0, "SELECT COUNT(*) FROM transactions WHERE accepted_at IS NOT NULL AND id NOT IN (SELECT "
                    "transaction_id FROM receipts)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_once),
        cmocka_unit_test(replay_changes_nothing),
        cmocka_unit_test(later_codes_move_up_only),
        cmocka_unit_test(other_amount),
        cmocka_unit_test(unknown_reference),
        cmocka_unit_test(second_acceptance),
        cmocka_unit_test(bank_reference_of_another_payment),
        cmocka_unit_test(claim_overpaid),
        cmocka_unit_test(lines_that_do_not_add_up),
        cmocka_unit_test(reversed),
        cmocka_unit_test(reversed_in_the_same_batch),
        cmocka_unit_test(refunded_in_part),
        cmocka_unit_test(abandoned_gives_the_claim_back),
        cmocka_unit_test(split_again),
        cmocka_unit_test(false_seal_and_unknown_merchant),
        cmocka_unit_test(password_reset_requests),
        cmocka_unit_test(expiry),
        cmocka_unit_test(old_connections_are_forgotten),
        cmocka_unit_test(receipts_without_gap),
        cmocka_unit_test(books_balance),
    };
    return cmocka_run_group_tests_name("worker_apply", tests, help_start, help_stop);
}
