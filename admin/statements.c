#include "admin/statements.h"

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
};

const char *statement_sql(enum statement statement)
{
    return sql[statement];
}
