/* history_statements: what SQL_USER_PAGE, SQL_HISTORY and their like are made of. */
#ifndef DP_SERVER_HISTORY_STATEMENTS_H
#define DP_SERVER_HISTORY_STATEMENTS_H

/* The person behind a session, and the school; only while the password is the session's. */
#define USER_COLUMNS                                                                                             \
    "SELECT u.login, u.role, u.last_name, u.first_name, u.address1, u.address2, u.postcode, u.city, u.phone, "   \
    "u.email, s.name, s.kind, s.city, s.bursar_email, s.bursar_phone, s.reference_prefix, s.amount_min_cents, "  \
    "s.amount_max_cents, s.part_payment_allowed, s.payments_open, c.contract_id, CONCAT(s.sheet_hash, '.css'), " \
    "CONCAT(f.hash, '.', LOWER(f.kind)), f.width, f.height"
#define USER_TABLES                                                                                          \
    " FROM users u JOIN schools s ON s.id = u.school_id LEFT JOIN school_contracts c ON c.school_id = s.id " \
    "LEFT JOIN school_files f ON f.hash = s.logo_hash"
#define USER_OWNED \
    " WHERE u.id = ? AND u.school_id = ? AND u.active AND BINARY LEFT(SHA2(u.password_hash, 256), 16) = ?"

/* The moment of a person's first payment. */
#define OLDEST_PAYMENT                                                                                       \
    "SELECT t.created_at FROM transactions t FORCE INDEX (history) WHERE t.user_id = ? AND t.school_id = ? " \
    "ORDER BY t.created_at, t.id LIMIT 1"

/* A payment's lines, a line of text each: account's id, first and last name, cents. Nearly all payments have one or two
 * lines, which are joined by their keys; where these are not all that is paid, there is NULL. */
#define ONE_LINE   "CONCAT_WS('\\t', a.id, a.first_name, a.last_name, l.amount_cents)"
#define OTHER_LINE "CONCAT_WS('\\t', b.id, b.first_name, b.last_name, m.amount_cents)"
#define TWO_LINES                                                                                  \
    "IF(l.amount_cents + COALESCE(m.amount_cents, 0) = t.amount_cents, CONCAT_WS('\\n', " ONE_LINE \
    ", IF(m.position, " OTHER_LINE ", NULL)), NULL)"
#define TWO_LINES_TABLES                                                                                        \
    "LEFT JOIN transaction_lines l ON l.transaction_id = t.id AND l.revision = t.revision AND l.position = 1 "  \
    "LEFT JOIN accounts a ON a.id = l.account_id LEFT JOIN transaction_lines m ON m.transaction_id = t.id AND " \
    "m.revision = t.revision AND m.position = 2 AND l.amount_cents < t.amount_cents LEFT JOIN accounts b ON "   \
    "b.id = m.account_id "
/* The same of any number of them. */
#define ALL_LINES                                                                                                    \
    "(SELECT GROUP_CONCAT(" ONE_LINE " ORDER BY l.position SEPARATOR '\\n') FROM transaction_lines l JOIN accounts " \
    "a ON a.id = l.account_id WHERE l.transaction_id = t.id AND l.revision = t.revision)"

#define HISTORY_COLUMNS(lines)                                                                                   \
    "SELECT t.id, t.created_at, t.reference, t.state, t.amount_cents, " lines ", t.kind, r.year, r.number FROM " \
    "transactions t FORCE INDEX (history) LEFT JOIN receipts r ON r.transaction_id = t.id "
#define HISTORY_OWNED "WHERE t.user_id = ? AND t.school_id = ? "
/* Keyset paging. The condition is written out: MariaDB does not use the index range of a row comparison (a, b) <
 * (?, ?). The index is forced because MariaDB, where one family has most of a school's payments, leaves the range out
 * and walks down from the newest payment, further on each page. */
#define HISTORY_BEFORE "AND t.created_at <= ? AND (t.created_at < ? OR t.id < ?) "
#define HISTORY_ORDER  "ORDER BY t.created_at DESC, t.id DESC LIMIT ?"

#endif
