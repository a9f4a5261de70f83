#include "admin/statements.h"

#define LETTER_STATE                                                                                        \
    "CASE WHEN d.dropped_at IS NOT NULL THEN 'dropped' WHEN d.applied_at IS NOT NULL OR i.event_id IS NOT " \
    "NULL THEN 'applied' WHEN d.retried_at IS NOT NULL THEN 'retried' ELSE 'open' END"

static const char *const sql[STATEMENT_COUNT] = {
    [STATEMENT_MIGRATIONS_CREATE] =
        "CREATE TABLE IF NOT EXISTS schema_migrations (name VARCHAR(80) NOT NULL PRIMARY KEY, sha256 CHAR(64) NOT "
        "NULL, "
        "statements_done INT NOT NULL DEFAULT 0, started_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6), "
        "finished_at DATETIME(6) NULL) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci",
    [STATEMENT_MIGRATIONS_LOCK] = "SELECT GET_LOCK('demi-pension migrate', 30)",
    [STATEMENT_MIGRATIONS_FIND] =
        "SELECT sha256, statements_done, finished_at IS NOT NULL FROM schema_migrations WHERE name = ?",
    [STATEMENT_MIGRATIONS_START] = "INSERT INTO schema_migrations (name, sha256) VALUES (?, ?)",
    [STATEMENT_MIGRATIONS_PROGRESS] = "UPDATE schema_migrations SET statements_done = ? WHERE name = ?",
    [STATEMENT_MIGRATIONS_FINISH] = "UPDATE schema_migrations SET finished_at = UTC_TIMESTAMP(6) WHERE name = ?",
    [STATEMENT_GRANTS_NOTE] =
        "INSERT INTO schema_migrations (name, sha256, finished_at) VALUES ('grants.sql', ?, UTC_TIMESTAMP(6)) "
        "ON DUPLICATE KEY UPDATE sha256 = ?, finished_at = UTC_TIMESTAMP(6)",
    [STATEMENT_ACCOUNT_FIND] = "SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = ?",

    [STATEMENT_SCHOOL_FIND] = "SELECT id, name, kind, city, bursar_email, bursar_phone, reference_prefix, "
                              "amount_min_cents, amount_max_cents, "
                              "part_payment_allowed, colour, COALESCE(sheet_hash, ''), COALESCE(logo_hash, '') "
                              "FROM schools WHERE uai = ?",
    [STATEMENT_SCHOOL_INSERT] =
        "INSERT INTO schools (name, kind, city, bursar_email, bursar_phone, reference_prefix, amount_min_cents, "
        "amount_max_cents, part_payment_allowed, colour, sheet_hash, logo_hash, uai) VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, "
        "NULLIF(?, ''), NULLIF(?, ''), ?)",
    [STATEMENT_SCHOOL_UPDATE] =
        "UPDATE schools SET name = ?, kind = ?, city = ?, bursar_email = ?, bursar_phone = ?, reference_prefix = ?, "
        "amount_min_cents = ?, amount_max_cents = ?, part_payment_allowed = ?, colour = ?, sheet_hash = NULLIF(?, ''), "
        "logo_hash = NULLIF(?, '') WHERE uai = ?",
    [STATEMENT_SCHOOL_FILE_PUT] = "INSERT INTO school_files (hash, kind, width, height, bytes) VALUES (?, ?, ?, ?, ?) "
                                  "ON DUPLICATE KEY UPDATE hash = VALUES(hash)",
    [STATEMENT_CONTRACT_FIND] = "SELECT id, payment_url, currency, bank_ref_len, callback_extra, means, query_url, "
                                "query_states, sealed_key FROM bank_contracts "
                                "WHERE gateway = ? AND merchant_id = ?",
    [STATEMENT_CONTRACT_INSERT] = "INSERT INTO bank_contracts (payment_url, currency, bank_ref_len, callback_extra, "
                                  "means, query_url, query_states, sealed_key, gateway, "
                                  "merchant_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [STATEMENT_CONTRACT_UPDATE] =
        "UPDATE bank_contracts SET payment_url = ?, currency = ?, bank_ref_len = ?, callback_extra = ?, means = ?, "
        "query_url = ?, query_states = ?, sealed_key = ? WHERE gateway = ? AND merchant_id = ?",
    [STATEMENT_SCHOOL_CONTRACT_FIND] = "SELECT contract_id FROM school_contracts WHERE school_id = ?",
    [STATEMENT_SCHOOL_CONTRACT_PUT] =
        "INSERT INTO school_contracts (school_id, contract_id) VALUES (?, ?) ON DUPLICATE KEY UPDATE contract_id = "
        "VALUES(contract_id)",

    [STATEMENT_PERSON_FIND] =
        "SELECT id, login, role, last_name, first_name, address1, address2, postcode, city, phone, email FROM users "
        "WHERE school_id = ? AND external_id = ?",
    [STATEMENT_PERSON_INSERT] =
        "INSERT INTO users (login, role, last_name, first_name, address1, address2, postcode, city, phone, email, "
        "school_id, external_id, password_hash, must_change_password) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?)",
    [STATEMENT_PERSON_UPDATE] = "UPDATE users SET login = ?, role = ?, last_name = ?, first_name = ?, address1 = ?, "
                                "address2 = ?, postcode = ?, "
                                "city = ?, phone = ?, email = ? WHERE id = ?",
    [STATEMENT_LOGIN_FIND] = "SELECT id FROM users WHERE login = ?",
    [STATEMENT_CANTEEN_ACCOUNT_FIND] =
        "SELECT id, last_name, first_name, class_name, balance_cents, balance_at, active FROM accounts "
        "WHERE school_id = ? AND external_id = ?",
    [STATEMENT_CANTEEN_ACCOUNT_INSERT] =
        "INSERT INTO accounts (last_name, first_name, class_name, balance_cents, balance_at, school_id, external_id) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
    [STATEMENT_CANTEEN_ACCOUNT_UPDATE] =
        "UPDATE accounts SET last_name = ?, first_name = ?, class_name = ?, balance_cents = ?, balance_at = ?, "
        "active = TRUE "
        "WHERE school_id = ? AND external_id = ?",
    [STATEMENT_LINK_FIND] = "SELECT 1 FROM account_payers WHERE user_id = ? AND account_id = ?",
    [STATEMENT_LINK_INSERT] = "INSERT INTO account_payers (user_id, account_id) VALUES (?, ?)",
    [STATEMENT_CLAIM_FIND] =
        "SELECT id, account_id, label, due_date, amount_cents, direct_debit, settled_cents FROM claims "
        "WHERE school_id = ? AND number = ?",
    [STATEMENT_CLAIM_INSERT] =
        "INSERT INTO claims (label, due_date, amount_cents, direct_debit, school_id, account_id, number) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
    /* A payment may have come in since the comparison: what is settled stays owed. */
    [STATEMENT_CLAIM_UPDATE] = "UPDATE claims SET label = ?, due_date = ?, amount_cents = ?, direct_debit = ? WHERE id "
                               "= ? AND settled_cents <= ?",

    [STATEMENT_USER_FIND] = "SELECT u.id, u.last_name, u.first_name, u.email, s.name, s.city FROM users u "
                            "JOIN schools s ON s.id = u.school_id WHERE u.login = ?",
    [STATEMENT_USER_SET_PASSWORD] = "UPDATE users SET password_hash = ?, must_change_password = ? WHERE id = ?",

    [STATEMENT_REVIEW_LIST] =
        "SELECT r.id, r.created_at, r.reason, r.amount_cents, COALESCE(t.reference, ''), COALESCE(s.uai, ''), r.detail "
        "FROM review_items r LEFT JOIN transactions t ON t.id = r.transaction_id LEFT JOIN schools s ON s.id = "
        "r.school_id "
        "WHERE r.resolved_at IS NULL ORDER BY r.created_at, r.id LIMIT 1000",
    [STATEMENT_REVIEW_SHOW] =
        "SELECT r.id, r.created_at, r.reason, r.amount_cents, COALESCE(t.reference, ''), COALESCE(s.uai, ''), "
        "r.detail, "
        "COALESCE(t.state, ''), t.amount_cents, COALESCE(c.gateway, ''), COALESCE(c.merchant_id, ''), "
        "COALESCE(LOWER(HEX(r.event_id)), ''), i.received_at, COALESCE(i.payload, ''), r.resolved_at, r.resolution, "
        "r.resolved_by FROM review_items r LEFT JOIN transactions t ON t.id = r.transaction_id "
        "LEFT JOIN schools s ON s.id = r.school_id LEFT JOIN bank_contracts c ON c.id = r.contract_id "
        "LEFT JOIN inbox i ON i.event_id = r.event_id AND i.of_bank = (r.reason <> 'PARENT_REPORT') WHERE r.id = ?",
    [STATEMENT_REVIEW_RESOLVE] =
        "UPDATE review_items SET resolved_at = UTC_TIMESTAMP(6), resolution = ?, resolved_by = ? "
        "WHERE id = ? AND resolved_at IS NULL",
    [STATEMENT_REVIEW_CLOSE] =
        "UPDATE transactions t SET t.review = FALSE WHERE t.id = (SELECT transaction_id FROM review_items WHERE id = "
        "?) "
        "AND NOT EXISTS (SELECT 1 FROM review_items o WHERE o.transaction_id = t.id AND o.resolved_at IS NULL AND "
        "o.reason <> 'PARENT_REPORT')",

    [STATEMENT_OPERATOR_LOG_ADD] = "INSERT INTO operator_log (who, action, target, reason) VALUES (?, ?, ?, ?)",
    [STATEMENT_OPERATOR_LOG_FIND] =
        "SELECT at, who, action, reason FROM operator_log WHERE action LIKE ? AND target = ? ORDER BY id LIMIT 1000",
    [STATEMENT_LETTERS_LIST] =
        "SELECT d.id, d.created_at, d.buried_at, d.kind, d.event_id, d.failures, d.burials, " LETTER_STATE
        ", d.reason, d.fields FROM dead_letters d LEFT JOIN inbox i ON i.event_id = UNHEX(d.event_id) AND i.of_bank = "
        "d.of_bank WHERE "
        "d.applied_at IS NULL AND d.dropped_at IS NULL ORDER BY d.id LIMIT 1000",
    [STATEMENT_LETTER_SHOW] =
        "SELECT d.id, d.created_at, d.buried_at, d.kind, d.event_id, d.failures, d.burials, " LETTER_STATE
        ", d.reason, d.fields, d.stream_id, d.retried_at, COALESCE(d.applied_at, i.applied_at), d.dropped_at, "
        "d.drop_reason, i.verdict, t.reference, (SELECT GROUP_CONCAT(r.id ORDER BY r.id) FROM review_items r WHERE "
        "r.event_id = UNHEX(d.event_id) AND (r.reason <> 'PARENT_REPORT') = d.of_bank) FROM dead_letters d LEFT JOIN "
        "inbox i ON i.event_id = UNHEX(d.event_id) AND "
        "i.of_bank = d.of_bank "
        "LEFT JOIN transactions t ON t.id = i.transaction_id WHERE d.id = ?",
    [STATEMENT_LETTERS_TO_RETRY] =
        "SELECT d.id, d.fields, d.burials, EXISTS (SELECT 1 FROM inbox i WHERE i.event_id = UNHEX(d.event_id) AND "
        "i.of_bank = d.of_bank) FROM "
        "dead_letters d WHERE d.id > ? AND d.id <= ? AND d.applied_at IS NULL AND d.dropped_at IS NULL ORDER BY d.id "
        "LIMIT ?",
    [STATEMENT_LETTER_RETRIED] = "UPDATE dead_letters SET retried_at = UTC_TIMESTAMP(6) WHERE id = ? AND burials = ?",
    [STATEMENT_LETTER_DROP] =
        "UPDATE dead_letters SET dropped_at = UTC_TIMESTAMP(6), drop_reason = LEFT(?, 255) WHERE id = ? AND dropped_at "
        "IS NULL AND applied_at IS NULL",

    [STATEMENT_LETTERS_ALL] =
        "SELECT id, fields, COALESCE(same_as, '') FROM dead_letters WHERE id > ? ORDER BY id LIMIT 50",
    [STATEMENT_LETTER_DIGEST] = "UPDATE dead_letters SET same_as = ? WHERE id = ?",

    [STATEMENT_MAILS_LIST] =
        "SELECT id, created_at, kind, recipient, status, attempt, IF(status = 'DEAD', NULL, next_attempt_at), "
        "last_error FROM mail_outbox WHERE (status = 'DEAD' AND settled_at IS NULL) OR (status IN ('PENDING', "
        "'SENDING') AND attempt > 0) ORDER BY status = 'DEAD' DESC, id LIMIT 1000",
    [STATEMENT_MAILS_RETRY] =
        "UPDATE mail_outbox SET status = 'PENDING', attempt = 0, next_attempt_at = UTC_TIMESTAMP(6), retried_at = "
        "UTC_TIMESTAMP(6) WHERE status = 'DEAD' AND settled_at IS NULL",
    [STATEMENT_MAIL_RETRY] =
        "UPDATE mail_outbox SET status = 'PENDING', attempt = 0, next_attempt_at = UTC_TIMESTAMP(6), retried_at = "
        "UTC_TIMESTAMP(6), settled_at = NULL WHERE status = 'DEAD' AND id = ?",
    [STATEMENT_MAIL_DROP] =
        "UPDATE mail_outbox SET settled_at = UTC_TIMESTAMP(6) WHERE status = 'DEAD' AND settled_at IS NULL AND id = ?",

    [STATEMENT_SCHOOLS_LIST] =
        "SELECT s.uai, s.payments_open, s.name, (SELECT COUNT(*) FROM transactions t WHERE t.school_id = s.id AND "
        "t.state = 'PENDING') FROM schools s ORDER BY s.uai LIMIT 10000",
    [STATEMENT_SCHOOL_SWITCH] = "UPDATE schools SET payments_open = ? WHERE uai = ?",

    [STATEMENT_JOURNALS_LIST] = "SELECT host, instance, records, oldest_at, reported_at FROM journal_reports ORDER BY "
                                "host, instance LIMIT 10000",
    [STATEMENT_JOURNALS_FORGET] =
        "DELETE FROM journal_reports WHERE host = ? AND reported_at < UTC_TIMESTAMP(6) - INTERVAL 10 MINUTE",

    [STATEMENT_COMPARISON_ASK] = "UPDATE worker_tasks SET requested_at = UTC_TIMESTAMP(6) WHERE name = 'comparison'",
    [STATEMENT_COMPARISON_SEE] =
        "SELECT t.requested_at IS NULL, c.id, c.worker, c.started_at, c.finished_at, c.total, c.checked, c.waiting, "
        "c.missing, c.resent, c.journal_late, c.error FROM worker_tasks t LEFT JOIN comparisons c ON c.id = (SELECT "
        "MAX(id) FROM comparisons WHERE id > ?) WHERE t.name = 'comparison'",

    [STATEMENT_STATUS_ALARMS] =
        "SELECT kind, count, raised_at, detail FROM alarms WHERE open_kind IS NOT NULL ORDER BY raised_at LIMIT 100",
    [STATEMENT_STATUS_OUTBOX] =
        "SELECT (SELECT COUNT(*) FROM mail_outbox WHERE status = 'PENDING'), "
        "(SELECT COUNT(*) FROM mail_outbox WHERE status = 'SENDING'), "
        "(SELECT COUNT(*) FROM mail_outbox WHERE status = 'DEAD' AND settled_at IS NULL), "
        "(SELECT COUNT(*) FROM mail_outbox WHERE status = 'SENT'), "
        "(SELECT COALESCE(MAX(TIMESTAMPDIFF(SECOND, created_at, UTC_TIMESTAMP(6))), 0) FROM mail_outbox "
        "WHERE status IN ('PENDING', 'SENDING'))",
    [STATEMENT_STATUS_COUNTS] =
        "SELECT (SELECT COUNT(*) FROM dead_letters WHERE applied_at IS NULL AND dropped_at IS NULL), "
        "(SELECT COUNT(*) FROM review_items WHERE resolved_at IS NULL), "
        "(SELECT COUNT(*) FROM transactions WHERE state = 'PENDING'), (SELECT COUNT(*) FROM inbox), "
        "(SELECT COUNT(*) FROM alarms WHERE open_kind IS NOT NULL), (SELECT TIMESTAMPDIFF(SECOND, finished_at, "
        "UTC_TIMESTAMP(6)) FROM worker_tasks WHERE name = 'comparison'), (SELECT COALESCE(TIMESTAMPDIFF(SECOND, "
        "MAX(received_at), UTC_TIMESTAMP(6)), -1) FROM inbox WHERE kind = 'bank_notification')",
};

const char *statement_sql(enum statement statement)
{
    return sql[statement];
}
