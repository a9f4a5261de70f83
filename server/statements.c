#include "server/statements.h"

#include "server/history_statements.h"
#include "server/my_data_statements.h"

/* INBOX_KNOWN_MAX of them */
#define EVENT_IDS "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"

/* What another payer settled of a claim, by the ledger: a payment that came second stands there as suspense. */
#define OTHERS_LEGS                                                                                           \
    "FROM ledger_entries e FORCE INDEX (claim) STRAIGHT_JOIN transactions o FORCE INDEX (PRIMARY) ON o.id = " \
    "e.transaction_id WHERE e.claim_id = c.id AND e.book = 'CLAIM' AND o.user_id <> p.user_id"

/* The payment that a claim is kept for: reserved_for counts until reserved_until, and not beyond. */
#define CLAIM_HOLDER "r.reference = c.reserved_for AND c.reserved_until > UTC_TIMESTAMP(6)"

/* What its payer gave up goes to no bank and gets no other reference, however late a worker hears of it: the worker
   ends the payment by the reference that it had. */
#define NOT_GIVEN_UP                                                                              \
    " AND NOT EXISTS (SELECT 1 FROM payer_signs s WHERE s.transaction_id = open_transactions.id " \
    "AND s.kind = 'DISCARD')"

#define TRANSACTION_OWNED "WHERE t.reference = ? AND t.user_id = ? AND t.school_id = ?"

#define YEAR_PAYMENTS "FROM transactions t FORCE INDEX (history) JOIN receipts r ON r.transaction_id = t.id "
#define YEAR_OWNED                                                                                           \
    "WHERE t.user_id = ? AND t.school_id = ? AND t.created_at >= ? AND t.created_at < ? AND r.year = ? AND " \
    "t.state IN ('AUTHORISED', 'CAPTURED', 'SETTLED')"

const struct db_statement statements[SQL_COUNT] = {
    [SQL_USER_BY_LOGIN] =
        {
            .name = "user_by_login",
            .sql = "SELECT id, school_id, password_hash, must_change_password FROM users "
                   "WHERE login = ? AND active AND role IN ('PARENT', 'COMMENSAL')",
            .params = "s",
            .columns = "iisi",
        },
    [SQL_USER_PAGE] =
        {
            .name = "user_page",
            .sql = USER_COLUMNS USER_TABLES USER_OWNED,
            .params = "iis",
            .columns = "ssssssssssssssssiiiiissii",
        },
    /* The same with what the history can be narrowed to, since a statement more costs more than what it reads: a row
       for each account, at least one. */
    [SQL_USER_HISTORY] =
        {
            .name = "user_history",
            .sql = USER_COLUMNS
            ", (SELECT MIN(t.created_at) FROM transactions t WHERE t.user_id = u.id), a.id, a.last_name, "
            "a.first_name" USER_TABLES
            " LEFT JOIN (account_payers p JOIN accounts a ON a.id = p.account_id AND a.active) ON p.user_id = u.id AND "
            "a.school_id = u.school_id" USER_OWNED " ORDER BY a.last_name, a.first_name, a.id LIMIT 50",
            .params = "iis",
            .columns = "ssssssssssssssssiiiiissiitiss",
        },
    [SQL_USER_PASSWORD] =
        {
            .name = "user_password",
            .sql = "SELECT password_hash FROM users WHERE id = ? AND school_id = ? AND active",
            .params = "ii",
            .columns = "s",
        },
    [SQL_PASSWORD_CHANGE] =
        {
            .name = "password_change",
            .sql = "UPDATE users SET password_hash = ?, must_change_password = FALSE "
                   "WHERE id = ? AND school_id = ? AND password_hash = ?",
            .params = "siis",
            .columns = "",
        },
    [SQL_CONTACT_CHANGE] =
        {
            .name = "contact_change",
            .sql = "UPDATE users SET last_name = ?, first_name = ?, address1 = ?, address2 = ?, postcode = ?, "
                   "city = ?, phone = ?, email = ? WHERE id = ? AND school_id = ?",
            .params = "ssssssssii",
            .columns = "",
        },
    [SQL_ACCOUNTS] =
        {
            .name = "accounts",
            .sql = "SELECT a.id, a.last_name, a.first_name, a.class_name FROM account_payers p "
                   "JOIN accounts a ON a.id = p.account_id "
                   "WHERE p.user_id = ? AND a.school_id = ? AND a.active "
                   "ORDER BY a.last_name, a.first_name, a.id LIMIT 50",
            .params = "ii",
            .columns = "isss",
        },
    /* The accounts with what the school says of them, and what they got here since. NULL is before nothing: without a
       balance nothing is added up. */
    [SQL_FAMILY] =
        {
            .name = "family",
            .sql = "SELECT a.id, a.last_name, a.first_name, a.class_name, a.balance_cents, a.balance_at, "
                   "CAST(COALESCE(SUM(GREATEST(c.amount_cents, 0)), 0) AS SIGNED), "
                   "CAST(COALESCE(SUM(IF(c.user_id = p.user_id, 0, GREATEST(c.amount_cents, 0))), 0) AS SIGNED), "
                   "CAST(COALESCE(SUM(LEAST(c.amount_cents, 0)), 0) AS SIGNED) "
                   "FROM account_payers p JOIN accounts a ON a.id = p.account_id "
                   "LEFT JOIN account_credits c ON c.account_id = a.id AND c.booked_at >= a.balance_at "
                   "WHERE p.user_id = ? AND a.school_id = ? AND a.active "
                   "GROUP BY a.last_name, a.first_name, a.id, a.class_name, a.balance_cents, a.balance_at "
                   "ORDER BY a.last_name, a.first_name, a.id LIMIT 50",
            .params = "ii",
            .columns = "isssitiii",
        },
    /* What is owed, by due date; behind it what another payer settled within sixty days, the last first. Of a payment
       under way only its own payer gets the reference. By the keys of each claim: left alone, MariaDB goes through
       all payments. */
    [SQL_OPEN_CLAIMS] =
        {
            .name = "open_claims",
            .sql = "SELECT c.id, c.account_id, c.number, c.label, DATE_FORMAT(c.due_date, '%Y-%m-%d'), "
                   "c.amount_cents - c.settled_cents, c.direct_debit, a.last_name, a.first_name, "
                   "r.sent_at, IF(r.id IS NULL, NULL, c.reserved_until), IF(r.user_id = p.user_id, r.reference, NULL), "
                   "(SELECT CAST(-SUM(e.amount_cents) AS SIGNED) " OTHERS_LEGS
                   "), (SELECT MAX(e.booked_at) " OTHERS_LEGS " AND e.amount_cents < 0) AS others_at "
                   "FROM account_payers p JOIN claims c ON c.account_id = p.account_id "
                   "JOIN accounts a ON a.id = c.account_id LEFT JOIN transactions r ON " CLAIM_HOLDER
                   " WHERE p.user_id = ? AND c.school_id = ? AND a.active AND (c.settled_cents < c.amount_cents OR "
                   "EXISTS (SELECT 1 " OTHERS_LEGS " AND e.amount_cents < 0 AND "
                   "e.booked_at > UTC_TIMESTAMP(6) - INTERVAL 60 DAY)) "
                   "ORDER BY c.settled_cents = c.amount_cents, IF(c.settled_cents = c.amount_cents, NULL, c.due_date), "
                   "IF(c.settled_cents = c.amount_cents, others_at, NULL) DESC, c.id LIMIT 200",
            .params = "ii",
            .columns = "iisssiissttsit",
        },
    /* Payments that the bank has not answered yet, and those left before it, for the home page. */
    [SQL_PENDING_PAYMENTS] =
        {
            .name = "pending_payments",
            .sql = "SELECT reference, amount_cents, sent_at, created_at FROM transactions "
                   "WHERE user_id = ? AND school_id = ? AND (state = 'PENDING' OR (state = 'CREATED' AND created_at > "
                   "UTC_TIMESTAMP(6) - INTERVAL 24 HOUR)) ORDER BY state = 'PENDING' DESC, created_at DESC, id DESC "
                   "LIMIT 3",
            .params = "ii",
            .columns = "sitt",
        },
    /* Another payment of the same amount for one of the same accounts, at the bank or accepted a short while ago. */
    [SQL_SIMILAR_PAYMENT] =
        {
            .name = "similar_payment",
            .sql = "SELECT o.reference FROM transactions t JOIN transactions o ON o.user_id = t.user_id AND "
                   "o.id <> t.id AND o.amount_cents = t.amount_cents AND "
                   "o.state IN ('PENDING', 'AUTHORISED', 'CAPTURED', 'SETTLED') AND "
                   "o.created_at > UTC_TIMESTAMP(6) - INTERVAL 60 MINUTE "
                   "JOIN transaction_lines ol ON ol.transaction_id = o.id AND ol.revision = o.revision "
                   "JOIN transaction_lines l ON l.transaction_id = t.id AND l.revision = t.revision AND "
                   "l.account_id = ol.account_id " TRANSACTION_OWNED " AND t.state = 'CREATED' "
                   "ORDER BY o.id DESC LIMIT 1",
            .params = "sii",
            .columns = "s",
        },
    [SQL_TRANSACTION] =
        {
            .name = "transaction",
            .sql = "SELECT t.reference, t.kind, t.state, t.amount_cents, t.email, t.comment, t.created_at, "
                   "t.sent_at, t.expires_at, t.accepted_at, t.updated_at, t.bank_request, t.contract_id, r.year, "
                   "r.number, t.review, f.size, (SELECT s.at FROM payer_signs s WHERE s.transaction_id = t.id AND "
                   "s.kind = 'DISCARD' AND s.number = 1), (SELECT c.query_url <> '' FROM bank_contracts c WHERE c.id = "
                   "t.contract_id) FROM transactions t LEFT JOIN receipts r ON r.transaction_id = t.id "
                   "LEFT JOIN receipt_files f ON f.transaction_id = t.id " TRANSACTION_OWNED,
            .params = "sii",
            .columns = "sssissttttt"
                       "siiiiiti",
        },
    [SQL_TRANSACTION_LINES] =
        {
            .name = "transaction_lines",
            .sql =
                "SELECT l.account_id, a.last_name, a.first_name, a.class_name, l.claim_id, c.number, c.label, "
                "l.amount_cents, c.amount_cents - c.settled_cents, c.direct_debit, r.sent_at, "
                "IF(r.id IS NULL, NULL, c.reserved_until), IF(r.user_id = t.user_id, r.reference, NULL), "
                "(SELECT CAST(-SUM(w.amount_cents) AS SIGNED) FROM ledger_entries w FORCE INDEX (transaction) WHERE "
                "w.transaction_id = t.id AND w.claim_id = c.id AND w.book = 'SUSPENSE'), "
                "(SELECT o.reference FROM ledger_entries e FORCE INDEX (claim) STRAIGHT_JOIN transactions o "
                "FORCE INDEX (PRIMARY) ON o.id = e.transaction_id WHERE e.claim_id = c.id AND e.book = 'CLAIM' AND "
                "o.user_id = t.user_id GROUP BY o.id, o.reference HAVING SUM(e.amount_cents) < 0 "
                "ORDER BY o.id DESC LIMIT 1) "
                "FROM transactions t JOIN transaction_lines l ON l.transaction_id = t.id AND l.revision = t.revision "
                "JOIN accounts a ON a.id = l.account_id LEFT JOIN claims c ON c.id = l.claim_id "
                "LEFT JOIN transactions r ON " CLAIM_HOLDER " AND r.id <> t.id " TRANSACTION_OWNED
                " ORDER BY l.position",
            .params = "sii",
            .columns = "isssissiiittsis",
        },
    /* Changes of state are few, since no rank goes down; what was said without effect is not shown. */
    [SQL_PAYMENT_PROOFS] =
        {
            .name = "payment_proofs",
            .sql = "SELECT 'CHANGE', h.at, h.from_state, h.to_state, h.bank_code FROM transactions t JOIN "
                   "transaction_history h ON h.transaction_id = t.id " TRANSACTION_OWNED
                   " AND h.from_state <> h.to_state UNION ALL "
                   "SELECT s.kind, s.at, '', '', '' FROM transactions t JOIN payer_signs s ON s.transaction_id = "
                   "t.id " TRANSACTION_OWNED " UNION ALL "
                   "SELECT 'REVIEW', i.created_at, '', '', '' FROM transactions t JOIN payer_reports i ON "
                   "i.transaction_id = t.id " TRANSACTION_OWNED " ORDER BY 2 LIMIT 200",
            .params = "siisiisii",
            .columns = "stsss",
        },
    /* The browser came back from the bank: the first time only. */
    [SQL_RETURN_RECORD] =
        {
            .name = "return_record",
            .sql =
                "INSERT INTO payer_signs (transaction_id, kind) SELECT t.id, 'RETURN' FROM transactions "
                "t " TRANSACTION_OWNED " AND t.sent_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM payer_signs s WHERE "
                "s.transaction_id = t.id AND s.kind = 'RETURN')",
            .params = "sii",
            .columns = "",
        },
    [SQL_DISCARD_RECORD] =
        {
            .name = "discard_record",
            .sql = "INSERT INTO payer_signs (transaction_id, kind) SELECT t.id, 'DISCARD' FROM transactions "
                   "t " TRANSACTION_OWNED " AND t.state IN ('CREATED', 'PENDING') AND NOT EXISTS (SELECT 1 FROM "
                   "payer_signs s WHERE s.transaction_id = t.id AND s.kind = 'DISCARD')",
            .params = "sii",
            .columns = "",
        },
    /* The next number, and none beyond a day's. */
    [SQL_REPORT_RECORD] =
        {
            .name = "report_record",
            .sql = "INSERT INTO payer_signs (transaction_id, kind, number) SELECT t.id, 'REPORT', COUNT(s.number) + 1 "
                   "FROM transactions t LEFT JOIN payer_signs s ON s.transaction_id = t.id AND s.kind = "
                   "'REPORT' " TRANSACTION_OWNED
                   " GROUP BY t.id HAVING COUNT(IF(s.at > UTC_TIMESTAMP(6) - INTERVAL 1 DAY, 1, "
                   "NULL)) < ?",
            .params = "siii",
            .columns = "",
        },
    /* What the form shows of a payment that is modified. */
    [SQL_STORED_PAYMENT] =
        {
            .name = "stored_payment",
            .sql = "SELECT t.state, t.kind, t.email, t.comment, l.account_id, l.claim_id, l.amount_cents, "
                   "EXISTS (SELECT 1 FROM payer_signs s WHERE s.transaction_id = t.id AND s.kind = 'DISCARD') "
                   "FROM transactions t JOIN transaction_lines l ON l.transaction_id = t.id AND l.revision = "
                   "t.revision " TRANSACTION_OWNED " ORDER BY l.position",
            .params = "sii",
            .columns = "ssssiiii",
        },
    [SQL_RECEIPT_FILE] =
        {
            .name = "receipt_file",
            .sql = "SELECT r.year, r.number, f.bytes FROM transactions t JOIN receipts r ON r.transaction_id = t.id "
                   "LEFT JOIN receipt_files f ON f.transaction_id = t.id " TRANSACTION_OWNED,
            .params = "sii",
            .columns = "iis",
        },
    [SQL_TRANSACTION_BY_TOKEN] =
        {
            .name = "transaction_by_token",
            .sql = "SELECT reference FROM transactions WHERE user_id = ? AND form_token = ?",
            .params = "is",
            .columns = "s",
        },
    [SQL_TRANSACTION_CREATE] =
        {
            .name = "transaction_create",
            .sql = "INSERT INTO open_transactions (reference, school_id, user_id, contract_id, kind, state, "
                   "amount_cents, email, comment, form_token, created_at, updated_at, expires_at) "
                   "VALUES (?, ?, ?, ?, ?, 'CREATED', ?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), "
                   "UTC_TIMESTAMP(6) + INTERVAL 24 HOUR)",
            .params = "siiisisss",
            .columns = "",
        },
    [SQL_TRANSACTION_MODIFY] =
        {
            .name = "transaction_modify",
            .sql = "UPDATE open_transactions SET reference = ?, kind = ?, amount_cents = ?, email = ?, comment = ?, "
                   "revision = revision + 1, updated_at = UTC_TIMESTAMP(6) "
                   "WHERE reference = ? AND user_id = ? AND school_id = ? AND state = 'CREATED'" NOT_GIVEN_UP,
            .params = "ssisssii",
            .columns = "",
        },
    [SQL_TRANSACTION_LINE] =
        {
            .name = "transaction_line",
            .sql = "INSERT INTO transaction_lines (transaction_id, revision, position, account_id, claim_id, "
                   "amount_cents) SELECT t.id, t.revision, ?, ?, ?, ? FROM transactions t " TRANSACTION_OWNED
                   " AND t.state = 'CREATED'",
            .params = "iiiisii",
            .columns = "",
        },
    [SQL_TRANSACTION_SEND] =
        {
            .name = "transaction_send",
            .sql = "UPDATE open_transactions SET state = 'PENDING', sent_at = UTC_TIMESTAMP(6), bank_request = ?, "
                   "valid_until = ?, expires_at = ?, updated_at = UTC_TIMESTAMP(6) "
                   "WHERE reference = ? AND user_id = ? AND school_id = ? AND state = 'CREATED' AND amount_cents = "
                   "?" NOT_GIVEN_UP,
            .params = "sstsiii",
            .columns = "",
        },
    /* Back to the bank. It changes nothing that counts, but a worker that ends the payment at the same time, on another
       node, comes before or after this and not in between. */
    [SQL_TRANSACTION_RESUME] =
        {
            .name = "transaction_resume",
            .sql = "UPDATE open_transactions SET updated_at = UTC_TIMESTAMP(6) "
                   "WHERE reference = ? AND user_id = ? AND school_id = ? AND state = 'PENDING'" NOT_GIVEN_UP,
            .params = "sii",
            .columns = "",
        },
    /* Keeps one claim of a payment that goes to the bank for it. A reservation that still runs is not made longer:
       others were told its end. */
    [SQL_CLAIM_RESERVE] =
        {
            .name = "claim_reserve",
            .sql = "UPDATE transactions t JOIN transaction_lines l ON l.transaction_id = t.id AND l.revision = "
                   "t.revision JOIN claims c ON c.id = l.claim_id SET "
                   "c.reserved_until = IF(c.reserved_for = t.reference AND c.reserved_until > UTC_TIMESTAMP(6), "
                   "c.reserved_until, UTC_TIMESTAMP(6) + INTERVAL 60 MINUTE), c.reserved_for = "
                   "t.reference " TRANSACTION_OWNED " AND t.state = 'PENDING' AND c.id = ? AND NOT c.direct_debit AND "
                   "c.settled_cents + l.amount_cents <= c.amount_cents AND (c.reserved_for = t.reference OR "
                   "c.reserved_until IS NULL OR c.reserved_until <= UTC_TIMESTAMP(6))",
            .params = "siii",
            .columns = "",
        },
    [SQL_HISTORY] =
        {
            .name = "history",
            .sql = HISTORY_COLUMNS(TWO_LINES) TWO_LINES_TABLES HISTORY_OWNED HISTORY_BEFORE HISTORY_ORDER,
            .params = "iittii",
            .columns = "itssissii",
        },
    /* The same with all lines; of a time, of some states, of an account. */
    [SQL_HISTORY_CHOSEN] =
        {
            .name = "history_chosen",
            .sql = HISTORY_COLUMNS(ALL_LINES) HISTORY_OWNED HISTORY_BEFORE
            "AND t.created_at >= ? AND t.created_at < ? AND (? = 0 OR FIND_IN_SET(t.state, ?)) "
            "AND (? = 0 OR EXISTS (SELECT 1 FROM transaction_lines f WHERE f.transaction_id = t.id "
            "AND f.revision = t.revision AND f.account_id = ?)) " HISTORY_ORDER,
            .params = "iittittisiii",
            .columns = "itssissii",
        },
    [SQL_HISTORY_OLDEST] =
        {
            .name = "history_oldest",
            .sql = OLDEST_PAYMENT,
            .params = "ii",
            .columns = "t",
        },
    /* What the bank accepted in a calendar year and has not taken back. The receipt has the year; the moments of the
       request only bound the range of the index. */
    [SQL_YEAR_ACCOUNTS] =
        {
            .name = "year_accounts",
            .sql = "SELECT a.last_name, a.first_name, a.class_name, COUNT(DISTINCT t.id), CAST(SUM(l.amount_cents) AS "
                   "SIGNED) " YEAR_PAYMENTS "JOIN transaction_lines l ON l.transaction_id = t.id AND l.revision = "
                   "t.revision JOIN accounts a ON a.id = l.account_id " YEAR_OWNED
                   " GROUP BY a.last_name, a.first_name, a.class_name, a.id ORDER BY a.last_name, a.first_name, a.id "
                   "LIMIT 50",
            .params = "iitti",
            .columns = "sssii",
        },
    [SQL_YEAR_PAYMENTS] =
        {
            .name = "year_payments",
            .sql = "SELECT t.accepted_at, t.reference, r.number, t.amount_cents " YEAR_PAYMENTS YEAR_OWNED
                   " ORDER BY t.accepted_at, t.id LIMIT ?",
            .params = "iittii",
            .columns = "tsii",
        },
    /* In order of section and id, from any key on. */
    [SQL_MY_DATA] =
        {
            .name = "my_data",
            .sql = "SELECT d.section, d.id, d.json FROM (" MY_PERSON " UNION ALL " MY_ACCOUNTS " UNION ALL " MY_CLAIMS
                   " UNION ALL " MY_LOGINS " UNION ALL " MY_MAILS " UNION ALL " MY_PASSWORD_REQUESTS
                   " UNION ALL " MY_REPORTS
                   ") d WHERE d.section > ? OR (d.section = ? AND d.id > ?) ORDER BY d.section, d.id LIMIT ?",
            .params = "iiiiiiiiiiiiiiii",
            .columns = "iis",
        },
    /* Oldest first, by the key of SQL_HISTORY. */
    [SQL_MY_PAYMENTS] =
        {
            .name = "my_payments",
            .sql = "SELECT t.created_at, t.id, " PAYMENT_OBJECT " FROM transactions t FORCE INDEX (history) LEFT JOIN "
                   "receipts r ON r.transaction_id = t.id WHERE t.user_id = ? AND t.school_id = ? AND t.created_at >= "
                   "? AND (t.created_at > ? OR (t.created_at = ? AND t.id > ?)) ORDER BY t.created_at, t.id LIMIT ?",
            .params = "siitttii",
            .columns = "tis",
        },
    [SQL_LOGIN_RECORD] =
        {
            .name = "login_record",
            .sql = "INSERT INTO login_history (user_id, success, address, user_agent) VALUES (?, ?, ?, ?)",
            .params = "iiss",
            .columns = "",
        },
    /* Keyset paging as in SQL_HISTORY; one row more than a page shows tells whether there is an older page. */
    [SQL_LOGINS] =
        {
            .name = "logins",
            .sql = "SELECT id, at, success, address, user_agent FROM login_history WHERE user_id = ? "
                   "AND at <= ? AND (at < ? OR (at = ? AND id < ?)) ORDER BY at DESC, id DESC LIMIT 26",
            .params = "ittti",
            .columns = "itiss",
        },
    [SQL_RESET_TOKEN] =
        {
            .name = "reset_token",
            .sql = "SELECT u.id, u.login, u.last_name, u.first_name, u.email, s.name, s.city "
                   "FROM password_tokens p JOIN users u ON u.id = p.user_id "
                   "JOIN schools s ON s.id = u.school_id "
                   "WHERE p.token_hash = ? AND p.used_at IS NULL AND p.expires_at > UTC_TIMESTAMP(6) AND u.active",
            .params = "s",
            .columns = "issssss",
        },
    [SQL_RESET_USE] =
        {
            .name = "reset_use",
            .sql = "UPDATE password_tokens SET used_at = UTC_TIMESTAMP(6) "
                   "WHERE token_hash = ? AND used_at IS NULL AND expires_at > UTC_TIMESTAMP(6)",
            .params = "s",
            .columns = "",
        },
    [SQL_RESET_STORE] =
        {
            .name = "reset_store",
            .sql = "UPDATE users SET password_hash = ?, must_change_password = FALSE WHERE id = ? AND active",
            .params = "si",
            .columns = "",
        },
    [SQL_RESET_VOID] =
        {
            .name = "reset_void",
            .sql = "UPDATE password_tokens SET used_at = UTC_TIMESTAMP(6) WHERE user_id = ? AND used_at IS NULL",
            .params = "i",
            .columns = "",
        },
    [SQL_SCHOOL_FILE] =
        {
            .name = "school_file",
            .sql = "SELECT LOWER(kind), bytes FROM school_files WHERE hash = ?",
            .params = "s",
            .columns = "ss",
        },
    [SQL_CONTRACTS] =
        {
            .name = "contracts",
            .sql = "SELECT id, gateway, merchant_id, payment_url, sealed_key, currency, bank_ref_len, callback_extra, "
                   "means FROM bank_contracts ORDER BY id LIMIT 1000",
            .params = "",
            .columns = "isssssiss",
        },
    /* A dead letter is kept whole in SQL and shown to a human: the journal has done its work for it, too. It is known
       by the digest of all that it says, since its id is only what it claims. */
    [SQL_INBOX_KNOWN] =
        {
            .name = "inbox_known",
            .sql = "SELECT event_id, of_bank FROM inbox WHERE event_id IN (" EVENT_IDS ") UNION "
                   "SELECT UNHEX(same_as), 2 FROM dead_letters WHERE same_as IN (" EVENT_IDS ")",
            .params = "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss",
            .columns = "si",
        },
    [SQL_JOURNAL_REPORT] =
        {
            .name = "journal_report",
            .sql = "INSERT INTO journal_reports (host, instance, records, oldest_at, reported_at) VALUES (?, ?, ?, ?, "
                   "UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE records = VALUES(records), oldest_at = "
                   "VALUES(oldest_at), reported_at = VALUES(reported_at)",
            .params = "siit",
            .columns = "",
        },
};
