#include "worker/statements.h"

/* A moment in and out as microseconds since 1970, whatever its century. */
#define US_IN       "TIMESTAMPADD(MICROSECOND, ?, '1970-01-01')"
#define US_OUT(col) "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " col ")"
#define NOW         "UTC_TIMESTAMP(6)"

/* Mails to claim: of one status, the oldest first. */
#define OUTBOX_ROWS                                                                                \
    "SELECT id, kind, school_id, transaction_id, user_id, review_id, recipient, attempt, " US_OUT( \
        "created_at") ", alarm_id FROM mail_outbox WHERE status = "
#define OUTBOX_OLDEST " AND next_attempt_at <= " NOW " ORDER BY next_attempt_at LIMIT ? FOR UPDATE SKIP LOCKED"

#define STATEMENT(name, sql) [STATEMENT_##name] = {#name, sql}

static const struct {
    const char *name;
    const char *sql;
} statements[STATEMENT_COUNT] = {
    STATEMENT(CONTRACTS,
              "SELECT c.id, c.gateway, c.merchant_id, c.payment_url, c.sealed_key, c.currency, c.bank_ref_len, "
              "c.callback_extra, c.means, c.query_url, c.query_states, (SELECT IF(COUNT(*) = 1, MAX(s.school_id), "
              "NULL) FROM school_contracts s "
              "WHERE s.contract_id = c.id) FROM bank_contracts c"),
    STATEMENT(INBOX_FIND, "SELECT event_id, of_bank FROM inbox WHERE event_id IN (*)"),
    STATEMENT(PAYMENTS_FIND,
              "SELECT t.id, t.reference, t.school_id, t.contract_id, t.state, t.amount_cents, t.currency, t.bank_ref, "
              "t.refund_open, t.email, t.bank_request, s.bursar_email, t.review, t.user_id FROM transactions t JOIN "
              "schools s ON s.id = "
              "t.school_id WHERE t.reference IN (*)"),
    STATEMENT(LINES_FIND,
              "SELECT l.transaction_id, l.account_id, l.claim_id, l.amount_cents FROM transaction_lines l JOIN "
              "transactions t ON t.id = l.transaction_id AND t.revision = l.revision WHERE t.id IN (*) "
              "ORDER BY l.transaction_id, l.position"),
    STATEMENT(CLAIMS_FIND, "SELECT id, amount_cents, settled_cents FROM claims WHERE id IN (*)"),
    STATEMENT(LEGS_FIND, "SELECT transaction_id, book, account_id, claim_id, amount_cents FROM ledger_entries WHERE "
                         "transaction_id IN (*) AND kind <> 'ORPHAN' AND book <> 'BANK' ORDER BY id"),
    STATEMENT(BANK_REFS_FIND,
              "SELECT bank_ref, kind, transaction_id FROM ledger_entries WHERE contract_id = ? AND bank_ref IN (*) "
              "AND kind IN ('PAYMENT', 'ORPHAN') AND leg = 0"),

    STATEMENT(REPORTS_FIND, "SELECT transaction_id FROM review_items WHERE transaction_id IN (*) AND reason = "
                            "'PARENT_REPORT' AND created_at > " NOW " - INTERVAL 24 HOUR"),

    STATEMENT(
        INBOX_ADD,
        "INSERT INTO inbox (event_id, kind, school_id, transaction_id, verdict, payload, received_at, applied_at) "
        "VALUES (?, ?, ?, ?, ?, ?, " US_IN ", " NOW ")"),
    /* The payment must still stand as it was decided on: another worker's change makes the count wrong. The hint spares
     * MariaDB a look into every other index that the guard could use, for each row of the bulk. */
    STATEMENT(PAYMENT_CHANGE,
              "UPDATE transactions FORCE INDEX (PRIMARY) SET state = ?, bank_ref = ?, accepted_at = IF(?, " NOW
              ", accepted_at), "
              "refund_open = ?, review = review OR ?, updated_at = " NOW " WHERE id = ? AND reference = ? AND "
              "contract_id = ? AND amount_cents = ? AND currency = ? AND state = ? AND bank_ref <=> ? AND "
              "refund_open = ?"),
    /* MariaDB assigns from left to right: the reservation's owner is cleared last. */
    STATEMENT(CLAIM_MOVE,
              "UPDATE claims SET settled_cents = settled_cents + ?, reserved_until = IF(reserved_for = ?, NULL, "
              "reserved_until), reserved_for = IF(reserved_for = ?, NULL, reserved_for) WHERE id = ? AND settled_cents "
              "+ ? <= amount_cents AND settled_cents + ? >= 0"),
    STATEMENT(CLAIM_RELEASE, "UPDATE claims SET reserved_until = NULL, reserved_for = NULL WHERE id = ? AND "
                             "reserved_for = ?"),
    STATEMENT(ACCOUNT_MOVE, "UPDATE accounts SET paid_cents = paid_cents + ? WHERE id = ?"),
    STATEMENT(LEDGER_ADD,
              "INSERT INTO ledger_entries (school_id, contract_id, transaction_id, kind, leg, book, account_id, "
              "claim_id, amount_cents, bank_ref, event_id, booked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, " NOW
              ")"),
    STATEMENT(HISTORY_ADD,
              "INSERT INTO transaction_history (transaction_id, event_id, from_state, to_state, bank_code, bank_ref, "
              "note, at) VALUES (?, ?, ?, ?, ?, ?, ?, " NOW ")"),
    STATEMENT(REVIEW_ADD, "INSERT INTO review_items (school_id, contract_id, transaction_id, event_id, reason, detail, "
                          "amount_cents, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, " NOW ")"),
    /* To the bursar of the school, else to the operator, if there is one. */
    STATEMENT(
        REVIEW_MAILS_ADD,
        "INSERT INTO mail_outbox (kind, school_id, transaction_id, review_id, recipient, next_attempt_at, "
        "created_at) SELECT 'BURSAR_REVIEW', r.school_id, r.transaction_id, r.id, COALESCE(s.bursar_email, ?), " NOW
        ", " NOW " FROM review_items r LEFT JOIN schools s ON s.id = r.school_id WHERE "
        "COALESCE(s.bursar_email, ?) <> '' AND r.event_id IN (*)"),
    STATEMENT(MAIL_ADD,
              "INSERT INTO mail_outbox (kind, school_id, transaction_id, recipient, next_attempt_at, created_at) "
              "VALUES (?, ?, ?, ?, " NOW ", " NOW ")"),
    STATEMENT(RESET_MAILS_ADD,
              "INSERT INTO mail_outbox (kind, school_id, user_id, recipient, next_attempt_at, created_at) SELECT "
              "'PASSWORD_RESET', u.school_id, u.id, u.email, " NOW ", " NOW " FROM users u WHERE (u.login = ? OR "
              "u.email = ?) AND u.active AND u.email <> '' AND (SELECT COUNT(*) FROM mail_outbox o WHERE o.user_id = "
              "u.id AND o.kind = 'PASSWORD_RESET' AND o.created_at > " NOW " - INTERVAL 1 HOUR) < ? LIMIT ?"),
    /* To the address given (the old one, where that is what changed), else to the person's own. */
    STATEMENT(NOTICE_MAIL_ADD,
              "INSERT INTO mail_outbox (kind, school_id, user_id, recipient, next_attempt_at, created_at) SELECT ?, "
              "u.school_id, u.id, COALESCE(?, u.email), " NOW ", " NOW
              " FROM users u WHERE u.login = ? AND u.active AND "
              "COALESCE(?, u.email) <> ''"),
    STATEMENT(RECEIPT_COUNT,
              "INSERT INTO receipt_counters (school_id, year, last_number) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE "
              "last_number = last_number + VALUES(last_number)"),
    STATEMENT(RECEIPT_LAST, "SELECT school_id, last_number FROM receipt_counters WHERE year = ? AND school_id IN (*)"),
    STATEMENT(RECEIPT_ADD, "INSERT INTO receipts (transaction_id, school_id, year, number, issued_at) VALUES "
                           "(?, ?, ?, ?, " NOW ")"),

    STATEMENT(FAILURE_ADD,
              "INSERT INTO event_failures (stream_id, failures, last_error, updated_at) VALUES (?, 1, ?, " NOW ") ON "
              "DUPLICATE KEY UPDATE failures = failures + 1, last_error = VALUES(last_error), updated_at = " NOW),
    STATEMENT(DEATH_ADD, "INSERT INTO event_failures (stream_id, failures, deaths, updated_at) VALUES (?, 0, 1, " NOW
                         ") ON DUPLICATE KEY UPDATE deaths = deaths + 1, updated_at = " NOW),
    STATEMENT(DEATHS_FORGIVE, "UPDATE event_failures SET deaths = 0, updated_at = " NOW " WHERE stream_id = ?"),
    STATEMENT(FAILURE_FIND, "SELECT failures, deaths FROM event_failures WHERE stream_id = ?"),
    /* An entry of its own of an event that has an open letter is counted there, and the letter is no longer one that
     * was retried. MariaDB assigns from left to right: the stream's id is compared before it is changed. */
    STATEMENT(DEAD_LETTER_ADD,
              "INSERT INTO dead_letters (stream_id, event_id, kind, same_as, fields, reason, failures, created_at, "
              "buried_at) VALUES (?, ?, ?, ?, ?, ?, ?, " NOW ", " NOW ") ON DUPLICATE KEY UPDATE "
              "burials = burials + (stream_id <> VALUES(stream_id)), buried_at = IF(stream_id <> VALUES(stream_id), "
              "VALUES(buried_at), buried_at), retried_at = IF(stream_id <> VALUES(stream_id), NULL, retried_at), "
              "reason = VALUES(reason), failures = VALUES(failures), stream_id = VALUES(stream_id)"),

    STATEMENT(LOGINS_FORGET, "DELETE FROM login_history WHERE at < " NOW " - INTERVAL 12 MONTH LIMIT ?"),

    /* The bank's validity and two hours have passed (expires_at) and nothing more is to be asked, or nobody pressed
     * "payer" for a day. */
    STATEMENT(EXPIRED_FIND,
              "SELECT id FROM transactions t FORCE INDEX (expiry) WHERE (state = 'PENDING' AND expires_at < " NOW
              " AND NOT EXISTS (SELECT 1 FROM bank_contracts c LEFT JOIN bank_queries q ON q.transaction_id = t.id "
              "WHERE c.id = t.contract_id AND c.query_url <> '' AND (q.transaction_id IS NULL OR q.next_at IS NOT "
              "NULL))) OR (state = 'CREATED' AND created_at < " NOW
              " - INTERVAL 24 HOUR) LIMIT ? FOR UPDATE SKIP LOCKED"),
    STATEMENT(EXPIRE_CLAIMS,
              "UPDATE claims c JOIN transaction_lines l ON l.claim_id = c.id JOIN transactions t ON t.id = "
              "l.transaction_id SET c.reserved_until = NULL, c.reserved_for = NULL WHERE c.reserved_for = t.reference "
              "AND t.id IN (*)"),
    STATEMENT(EXPIRE_HISTORY,
              "INSERT INTO transaction_history (transaction_id, from_state, to_state, note, at) SELECT id, state, "
              "'EXPIRED', 'délai de paiement dépassé', " NOW " FROM transactions WHERE id IN (*)"),
    /* Nothing for a human who was asked to look already; "unknown" is the bank's word that there is nothing. */
    STATEMENT(
        EXPIRE_REVIEWS,
        "INSERT INTO review_items (school_id, contract_id, transaction_id, reason, detail, amount_cents, "
        "created_at) SELECT t.school_id, t.contract_id, t.id, 'BANK_SILENT', CASE COALESCE(q.outcome, '') WHEN "
        "'' THEN 'La banque n''a pas pu être interrogée\u00a0: le contrat ne le prévoit pas.' WHEN 'failed' THEN "
        "'La banque, interrogée, n''a pas répondu.' WHEN 'open' THEN 'À la dernière demande, le paiement était "
        "encore en cours à la banque.' ELSE 'La réponse de la banque n''est pas comprise.' END, t.amount_cents, " NOW
        " FROM transactions t LEFT JOIN bank_queries q ON q.transaction_id = t.id WHERE t.state = 'PENDING' AND "
        "NOT t.review AND COALESCE(q.outcome, '') NOT IN ('unknown', 'reported') AND t.id IN (*)"),
    STATEMENT(EXPIRE_REVIEW_MAILS,
              "INSERT INTO mail_outbox (kind, school_id, transaction_id, review_id, recipient, next_attempt_at, "
              "created_at) SELECT 'BURSAR_REVIEW', r.school_id, r.transaction_id, r.id, s.bursar_email, " NOW ", " NOW
              " FROM review_items r JOIN schools s ON s.id = r.school_id WHERE r.reason = 'BANK_SILENT' AND "
              "r.transaction_id IN (*)"),
    STATEMENT(EXPIRE,
              "UPDATE transactions SET review = review OR EXISTS (SELECT 1 FROM review_items r WHERE r.transaction_id "
              "= transactions.id AND r.reason = 'BANK_SILENT'), state = 'EXPIRED', updated_at = " NOW
              " WHERE state IN ('CREATED', 'PENDING') AND id IN (*)"),
    STATEMENT(GAUGES,
              "SELECT (SELECT COUNT(*) FROM mail_outbox WHERE status IN ('PENDING', 'SENDING')), (SELECT COUNT(*) FROM "
              "mail_outbox WHERE status = 'DEAD' AND settled_at IS NULL), (SELECT COUNT(*) FROM dead_letters WHERE "
              "applied_at IS NULL AND "
              "dropped_at IS NULL), (SELECT COUNT(*) FROM review_items WHERE resolved_at IS NULL)"),

    STATEMENT(RECEIPT_FACTS, "SELECT r.year, r.number, " US_OUT("r.issued_at") ", " US_OUT(
                                 "t.accepted_at") ", s.name, s.kind, s.city, "
                                                  "u.first_name, u.last_name, t.reference, COALESCE(t.bank_ref, ''), "
                                                  "t.kind = 'CLAIM', t.amount_cents FROM "
                                                  "receipts r JOIN transactions t ON t.id = r.transaction_id JOIN "
                                                  "schools s ON s.id = t.school_id JOIN users u "
                                                  "ON u.id = t.user_id WHERE r.transaction_id = ?"),
    STATEMENT(RECEIPT_FILE_FIND, "SELECT bytes FROM receipt_files WHERE transaction_id = ?"),
    STATEMENT(RECEIPT_FILE_ADD, "INSERT INTO receipt_files (transaction_id, sha256, bytes) VALUES (?, ?, ?)"),
    /* A young receipt is left to the mailer. */
    STATEMENT(
        RECEIPT_FILES_MISSING,
        "SELECT r.transaction_id FROM receipts r LEFT JOIN receipt_files f ON f.transaction_id = r.transaction_id "
        "WHERE r.transaction_id > ? AND f.transaction_id IS NULL AND r.issued_at < " NOW " - INTERVAL 1 MINUTE "
        "ORDER BY r.transaction_id LIMIT ?"),
    /* First questions: a while after the payment was sent, or when its validity is over. */
    STATEMENT(QUERIES_ADD,
              "INSERT INTO bank_queries (transaction_id, next_at) SELECT t.id, " NOW
              " FROM transactions t FORCE INDEX (expiry) JOIN bank_contracts c ON c.id = t.contract_id AND c.query_url "
              "<> '' LEFT JOIN bank_queries q ON q.transaction_id = t.id WHERE t.state = 'PENDING' AND "
              "q.transaction_id IS NULL AND (t.sent_at <= " NOW " - INTERVAL ? SECOND OR t.expires_at <= " NOW
              ") LIMIT ? ON DUPLICATE KEY UPDATE attempt = bank_queries.attempt"),
    /* Given up by its payer, who may be wrong about not having paid. */
    STATEMENT(QUERIES_ADD_GIVEN_UP,
              "INSERT INTO bank_queries (transaction_id, next_at) SELECT t.id, t.sent_at + INTERVAL ? SECOND FROM "
              "transactions t JOIN bank_contracts c ON c.id = t.contract_id AND c.query_url <> '' WHERE NOT EXISTS "
              "(SELECT 1 FROM bank_queries q WHERE q.transaction_id = t.id) AND t.id IN (*)"),
    STATEMENT(QUERY_DUE, "SELECT transaction_id FROM bank_queries WHERE next_at <= " NOW
                         " ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED"),
    /* next_at is now the end of the claim: one index finds new and abandoned questions alike. */
    STATEMENT(QUERY_CLAIM, "UPDATE bank_queries SET attempt = attempt + 1, asked_at = " NOW ", next_at = " NOW
                           " + INTERVAL ? SECOND WHERE transaction_id = ? AND next_at <= " NOW),
    STATEMENT(
        QUERY_LOAD,
        "SELECT q.attempt, " US_OUT("q.asked_at") ", t.contract_id, t.reference, " US_OUT("t.sent_at") ", " US_OUT(
            "t.expires_at") ", t.bank_request, t.state FROM bank_queries q JOIN transactions t ON t.id = "
                            "q.transaction_id WHERE q.transaction_id = ?"),
    STATEMENT(QUERY_NEXT,
              "UPDATE bank_queries SET next_at = " US_IN ", outcome = ? WHERE transaction_id = ? AND attempt = ?"),
    STATEMENT(QUERY_END, "UPDATE bank_queries SET next_at = NULL WHERE transaction_id = ? AND attempt = ?"),

    /* What stands in the inbox after all is settled: retried by a human, or applied from another entry. */
    STATEMENT(
        LETTERS_SETTLE,
        "UPDATE dead_letters d JOIN inbox i ON i.event_id = UNHEX(d.event_id) AND i.of_bank = d.of_bank SET "
        "d.applied_at = i.applied_at WHERE d.applied_at IS NULL AND d.dropped_at IS NULL AND LENGTH(d.event_id) = 64"),
    /* A letter that was just retried gets ten minutes; an alarm's own mail never makes an alarm. */
    STATEMENT(
        ALARM_COUNTS,
        "SELECT (SELECT COUNT(*) FROM dead_letters WHERE applied_at IS NULL AND dropped_at IS NULL AND "
        "(retried_at IS NULL OR retried_at < " NOW " - INTERVAL 10 MINUTE)), (SELECT COUNT(*) FROM mail_outbox "
        "WHERE status = 'DEAD' AND settled_at IS NULL AND alarm_id IS NULL), (SELECT COUNT(*) FROM mail_outbox WHERE "
        "status IN ('PENDING', 'SENDING') AND COALESCE(retried_at, created_at) < " NOW " - INTERVAL 2 HOUR AND "
        "alarm_id IS NULL), (SELECT "
        "COALESCE((SELECT missing FROM comparisons WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT "
        "1), 0)), (SELECT COUNT(*) FROM alarms WHERE open_kind IS NOT NULL), (SELECT TIMESTAMPDIFF(SECOND, "
        "finished_at, " NOW ") FROM worker_tasks WHERE name = 'comparison')"),
    /* Journals that have waited for ten minutes by their own word; and those of hosts where no dp-server speaks any
     * more, which left records that a living one would have settled. */
    STATEMENT(
        LATE_JOURNALS,
        "SELECT r.host, r.records, " US_OUT(
            "r.oldest_at") " FROM journal_reports r WHERE r.records > 0 AND "
                           "((r.reported_at >= " NOW " - INTERVAL 5 MINUTE AND r.oldest_at < " NOW
                           " - INTERVAL 10 MINUTE) OR "
                           "(r.reported_at < " NOW
                           " - INTERVAL 10 MINUTE AND r.oldest_at < r.reported_at - INTERVAL 2 MINUTE AND "
                           "NOT EXISTS (SELECT 1 FROM journal_reports o WHERE o.host = r.host AND o.reported_at >= " NOW
                           " - INTERVAL 5 MINUTE))) ORDER BY r.oldest_at LIMIT 20"),
    STATEMENT(ALARM_FIND, "SELECT id, count, mailed_count, TIMESTAMPDIFF(SECOND, mailed_at, " NOW
                          "), " US_OUT("since") " FROM alarms WHERE open_kind = ?"),
    STATEMENT(ALARM_RAISE,
              "INSERT INTO alarms (kind, count, detail, since, raised_at, mailed_at) SELECT ?, ?, ?, " US_IN ", " NOW
              ", COALESCE(MAX(mailed_at), '1970-01-01') FROM alarms WHERE kind = ?"),
    STATEMENT(ALARM_NOTE, "UPDATE alarms SET count = ?, detail = ? WHERE id = ? AND ended_at IS NULL"),
    STATEMENT(ALARM_MAILED, "UPDATE alarms SET count = ?, detail = ?, mailed_count = ?, mailed_at = " NOW
                            " WHERE id = ? AND ended_at IS NULL AND mailed_at <= " NOW " - INTERVAL ? SECOND"),
    STATEMENT(ALARM_END, "UPDATE alarms SET ended_at = " NOW " WHERE id = ? AND ended_at IS NULL"),
    STATEMENT(ALARM_MAIL_ADD, "INSERT INTO mail_outbox (kind, alarm_id, recipient, next_attempt_at, created_at) VALUES "
                              "(?, ?, ?, " NOW ", " NOW ")"),

    /* A call whose seal is bad may come from anybody: it does not show that the bank reaches us. */
    STATEMENT(SILENCE_LAST_CALL,
              "SELECT " US_OUT(
                  "received_at") " FROM inbox FORCE INDEX (calls) WHERE kind = 'bank_notification' AND "
                                 "verdict NOT IN ('bad_seal', 'unverifiable') ORDER BY received_at DESC LIMIT 1"),
    STATEMENT(SILENCE_FIRST_CALL, "SELECT " US_OUT("MIN(received_at)") " FROM inbox WHERE kind = 'bank_notification'"),
    STATEMENT(SILENCE_CALLS, "SELECT COUNT(*) FROM inbox WHERE kind = 'bank_notification' AND received_at >= " US_IN
                             " AND received_at < " US_IN),
    /* Whatever became of them since, by expiry or because the bank was asked: it did not call. */
    STATEMENT(SILENCE_PAYMENTS, "SELECT COUNT(*) FROM transactions WHERE sent_at > " US_IN " AND sent_at < " US_IN),

    STATEMENT(COMPARISON_TAKE,
              "UPDATE worker_tasks SET holder = ?, lease_until = " NOW " + INTERVAL ? SECOND WHERE name = "
              "'comparison' AND lease_until < " NOW " AND (finished_at < " US_IN " OR requested_at IS NOT NULL)"),
    STATEMENT(COMPARISON_KEEP,
              "UPDATE worker_tasks SET lease_until = " NOW " + INTERVAL ? SECOND WHERE name = 'comparison' AND holder "
              "= ? AND lease_until >= " NOW),
    /* Who asked while it was under way gets one that began later. */
    STATEMENT(COMPARISON_GIVE_BACK,
              "UPDATE worker_tasks SET lease_until = '1970-01-01', finished_at = " NOW ", requested_at = "
              "IF(requested_at > (SELECT started_at FROM comparisons WHERE id = ?), requested_at, NULL) WHERE name = "
              "'comparison' AND holder = ? AND lease_until >= " NOW),
    STATEMENT(COMPARISON_BEGIN,
              "INSERT INTO comparisons (worker, total, started_at) VALUES (?, ?, " NOW ") RETURNING id"),
    STATEMENT(COMPARISON_PROGRESS,
              "UPDATE comparisons SET checked = ?, waiting = ?, missing = ?, resent = ? WHERE id = ?"),
    STATEMENT(COMPARISON_FINISH,
              "UPDATE comparisons SET finished_at = " NOW ", checked = ?, waiting = ?, missing = ?, resent = ?, "
              "journal_late = ? WHERE id = ?"),
    STATEMENT(COMPARISON_FAIL, "UPDATE comparisons SET error = ? WHERE id = ?"),
    STATEMENT(LETTERS_FIND, "SELECT same_as FROM dead_letters WHERE same_as IN (*)"),

    /* A claimed mail's next_attempt_at is the end of its lease. Two statements, since only one status at a time comes
     * out of the index in its order: both together would read, sort and lock all that waits. */
    STATEMENT(OUTBOX_DUE, OUTBOX_ROWS "'PENDING'" OUTBOX_OLDEST),
    STATEMENT(OUTBOX_ABANDONED, OUTBOX_ROWS "'SENDING'" OUTBOX_OLDEST),
    STATEMENT(OUTBOX_CLAIM,
              "UPDATE mail_outbox SET status = 'SENDING', attempt = attempt + 1, lease_until = " NOW " + INTERVAL ? "
              "SECOND, next_attempt_at = lease_until WHERE status IN ('PENDING', 'SENDING') AND next_attempt_at <= " NOW
              " AND id IN (*)"),
    STATEMENT(OUTBOX_SENT,
              "UPDATE mail_outbox SET status = 'SENT', sent_at = " NOW ", lease_until = NULL, last_error = '' WHERE "
              "id = ? AND attempt = ? AND status = 'SENDING'"),
    STATEMENT(OUTBOX_RETRY,
              "UPDATE mail_outbox SET status = ?, next_attempt_at = " NOW " + INTERVAL ? SECOND, lease_until = NULL, "
              "last_error = ? WHERE id = ? AND attempt = ? AND status = 'SENDING'"),
    STATEMENT(OUTBOX_RELEASE, "UPDATE mail_outbox SET status = 'PENDING', attempt = attempt - 1, next_attempt_at = " NOW
                              ", lease_until "
                              "= NULL WHERE id = ? AND attempt = ? AND status = 'SENDING'"),
    STATEMENT(MAIL_PAYMENT,
              "SELECT t.reference, t.amount_cents, t.kind = 'CLAIM', t.comment, t.email, COALESCE(t.bank_ref, "
              "''), " US_OUT("t.accepted_at") ", " US_OUT("t.created_at") ", " US_OUT(
                  "t.sent_at") ", t.state, s.name, s.bursar_email, u.first_name, u.last_name, r.year, "
                               "r.number FROM transactions t JOIN schools s "
                               "ON s.id = t.school_id JOIN users u ON u.id = t.user_id LEFT "
                               "JOIN receipts r ON r.transaction_id = t.id "
                               "WHERE t.id = ?"),
    /* With what each line exceeded its claim when it was booked, which nothing changes later. */
    STATEMENT(MAIL_LINES, "SELECT a.last_name, a.first_name, a.class_name, c.number, c.label, l.amount_cents, (SELECT "
                          "CAST(-SUM(e.amount_cents) "
                          "AS SIGNED) FROM ledger_entries e WHERE e.transaction_id = t.id AND e.kind = 'PAYMENT' AND "
                          "e.book = 'SUSPENSE' AND "
                          "e.claim_id = l.claim_id) FROM transaction_lines l JOIN transactions t ON t.id = "
                          "l.transaction_id AND t.revision = l.revision JOIN accounts a ON a.id = "
                          "l.account_id LEFT JOIN claims c ON c.id = l.claim_id WHERE t.id = ? ORDER BY l.position"),
    STATEMENT(MAIL_REVIEW, "SELECT r.id, r.reason, r.detail, r.amount_cents, " US_OUT(
                               "r.created_at") ", COALESCE(t.reference, ''), COALESCE(s.name, ''), "
                                               "COALESCE(u.first_name, ''), COALESCE(u.last_name, '') "
                                               "FROM review_items r LEFT JOIN transactions t ON t.id = "
                                               "r.transaction_id LEFT JOIN schools s ON s.id = "
                                               "r.school_id LEFT JOIN users u ON u.id = t.user_id WHERE r.id = ?"),
    STATEMENT(MAIL_ALARM,
              "SELECT kind, count, detail, " US_OUT("raised_at") ", " US_OUT("ended_at") " FROM alarms WHERE id = ?"),
    STATEMENT(MAIL_USER, "SELECT u.login, u.first_name, u.last_name, u.email, s.name, s.bursar_email, " US_OUT(
                             "o.created_at") " FROM users u JOIN schools s ON s.id = u.school_id JOIN mail_outbox o ON "
                                             "o.user_id = u.id WHERE o.id = "
                                             "?"),
    STATEMENT(TOKEN_ADD, "INSERT INTO password_tokens (token_hash, user_id, created_at, expires_at) VALUES (?, ?, " NOW
                         ", " NOW " + INTERVAL ? SECOND)"),
    STATEMENT(TOKEN_VOID, "UPDATE password_tokens SET used_at = " NOW " WHERE token_hash = ? AND used_at IS NULL"),
};

const char *statement_sql(enum statement statement)
{
    return statements[statement].sql;
}

const char *statement_name(enum statement statement)
{
    return statements[statement].name;
}
