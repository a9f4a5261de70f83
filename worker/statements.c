#include "worker/statements.h"

/* A moment in and out as microseconds since 1970, whatever its century. */
#define US_IN       "TIMESTAMPADD(MICROSECOND, ?, '1970-01-01')"
#define US_OUT(col) "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " col ")"
#define NOW         "UTC_TIMESTAMP(6)"

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
    STATEMENT(INBOX_FIND, "SELECT event_id FROM inbox WHERE event_id IN (*)"),
    STATEMENT(
        PAYMENTS_FIND,
        "SELECT t.id, t.reference, t.school_id, t.contract_id, t.state, t.amount_cents, t.currency, t.bank_ref, "
        "t.refund_open, t.email, t.bank_request, s.bursar_email, t.review FROM transactions t JOIN schools s ON s.id = "
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

    STATEMENT(
        INBOX_ADD,
        "INSERT INTO inbox (event_id, kind, school_id, transaction_id, verdict, payload, received_at, applied_at) "
        "VALUES (?, ?, ?, ?, ?, ?, " US_IN ", " NOW ")"),
    /* The payment must still stand as it was decided on: another worker's change makes the count wrong. */
    STATEMENT(PAYMENT_CHANGE,
              "UPDATE transactions SET state = ?, bank_ref = ?, accepted_at = IF(?, " NOW ", accepted_at), "
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
              "last_number = last_number + VALUES(last_number) RETURNING last_number"),
    STATEMENT(RECEIPT_ADD, "INSERT INTO receipts (transaction_id, school_id, year, number, issued_at) VALUES "
                           "(?, ?, ?, ?, " NOW ")"),

    STATEMENT(FAILURE_ADD,
              "INSERT INTO event_failures (stream_id, failures, last_error, updated_at) VALUES (?, ?, ?, " NOW ") ON "
              "DUPLICATE KEY UPDATE failures = failures + VALUES(failures), last_error = VALUES(last_error), "
              "updated_at = " NOW),
    STATEMENT(FAILURE_FIND, "SELECT failures FROM event_failures WHERE stream_id = ?"),
    STATEMENT(DEAD_LETTER_ADD,
              "INSERT INTO dead_letters (stream_id, event_id, kind, fields, reason, failures, created_at) VALUES "
              "(?, ?, ?, ?, ?, ?, " NOW ") ON DUPLICATE KEY UPDATE failures = VALUES(failures)"),

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
              "mail_outbox WHERE status = 'DEAD'), (SELECT COUNT(*) FROM dead_letters WHERE retried_at IS NULL AND "
              "dropped_at IS NULL), (SELECT COUNT(*) FROM review_items WHERE resolved_at IS NULL)"),

    /* First questions: a while after the payment was sent, or when its validity is over. */
    STATEMENT(QUERIES_ADD,
              "INSERT INTO bank_queries (transaction_id, next_at) SELECT t.id, " NOW
              " FROM transactions t FORCE INDEX (expiry) JOIN bank_contracts c ON c.id = t.contract_id AND c.query_url "
              "<> '' LEFT JOIN bank_queries q ON q.transaction_id = t.id WHERE t.state = 'PENDING' AND "
              "q.transaction_id IS NULL AND (t.sent_at <= " NOW " - INTERVAL ? SECOND OR t.expires_at <= " NOW
              ") LIMIT ? ON DUPLICATE KEY UPDATE attempt = bank_queries.attempt"),
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

    /* A claimed mail's next_attempt_at is the end of its lease, so one index finds new and abandoned ones alike. */
    STATEMENT(OUTBOX_DUE, "SELECT id, kind, school_id, transaction_id, user_id, review_id, recipient, attempt, " US_OUT(
                              "created_at") " FROM mail_outbox WHERE "
                                            "status IN ('PENDING', 'SENDING') AND next_attempt_at <= " NOW
                                            " ORDER BY next_attempt_at LIMIT ? FOR "
                                            "UPDATE SKIP LOCKED"),
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
    STATEMENT(
        MAIL_PAYMENT,
        "SELECT t.reference, t.amount_cents, t.kind = 'CLAIM', t.comment, t.email, COALESCE(t.bank_ref, ''), " US_OUT(
            "t.accepted_at") ", " US_OUT("t.updated_at") ", s.name, s.bursar_email, u.first_name, u.last_name, r.year, "
                                                         "r.number FROM transactions t JOIN schools s "
                                                         "ON s.id = t.school_id JOIN users u ON u.id = t.user_id LEFT "
                                                         "JOIN receipts r ON r.transaction_id = t.id "
                                                         "WHERE t.id = ?"),
    STATEMENT(
        MAIL_LINES,
        "SELECT a.last_name, a.first_name, a.class_name, c.number, c.label, l.amount_cents FROM transaction_lines "
        "l JOIN transactions t ON t.id = l.transaction_id AND t.revision = l.revision JOIN accounts a ON a.id = "
        "l.account_id LEFT JOIN claims c ON c.id = l.claim_id WHERE t.id = ? ORDER BY l.position"),
    STATEMENT(MAIL_REVIEW, "SELECT r.id, r.reason, r.detail, r.amount_cents, " US_OUT(
                               "r.created_at") ", COALESCE(t.reference, ''), COALESCE(s.name, ''), "
                                               "COALESCE(u.first_name, ''), COALESCE(u.last_name, '') "
                                               "FROM review_items r LEFT JOIN transactions t ON t.id = "
                                               "r.transaction_id LEFT JOIN schools s ON s.id = "
                                               "r.school_id LEFT JOIN users u ON u.id = t.user_id WHERE r.id = ?"),
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
