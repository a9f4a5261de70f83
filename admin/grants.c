#include "admin/grants.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/admin.h"
#include "admin/schema_files.h"
#include "admin/sql_split.h"
#include "common/buf.h"
#include "common/digest.h"
#include "common/encode.h"
#include "common/err.h"

enum { GRANTS_BYTES_MAX = 1 << 20 };

struct account {
    const struct config_db_user *user;
    struct str name; /* 'user'@'host' */
};

/* Users that come over a socket are local; over TCP they may come from any host that reaches the database. */
static struct str account_name(const struct config *config, const struct config_db_user *user, struct arena *arena)
{
    return arena_printf(arena, "'%s'@'%s'", user->user, config->database.at.socket ? "localhost" : "%");
}

/* How the user proves who it is. Without a password file: the operating system's user of that name; in a demonstration,
 * where all run as one user, nothing at all. */
static int identification(struct db *db, const struct config *config, const struct config_db_user *user,
                          struct arena *arena, struct str *ret_clause)
{
    char *password;
    if (!user->password_file) {
        bool socket = config->site.mode == CONFIG_PRODUCTION;
        *ret_clause = socket ? STR("IDENTIFIED VIA unix_socket") : STR("IDENTIFIED BY ''");
        return 0;
    }
    if (config_read_secret(user->password_file, &password)) {
        admin_fail("%s: the password of the database user %s cannot be read", user->password_file, user->user);
        return ERR_IO;
    }
    struct str quoted = db_quote(db, str_from(password), arena);
    *ret_clause = arena_printf(arena, "IDENTIFIED BY %.*s", STR_ARG(quoted));
    sodium_memzero(password, strlen(password));
    free(password);
    return 0;
}

/* Says whether the user is new. */
static int ensure_account(struct db *db, const struct config *config, const struct account *account,
                          struct arena *arena, bool *is_new)
{
    struct db_rows rows;
    struct str clause;
    int err = identification(db, config, account->user, arena, &clause);
    if (err)
        return err;
    err = db_query(db, STATEMENT_ACCOUNT_FIND, &DB_TEXT(account->name), arena, &rows);
    if (!err && db_cell_number(&rows, 0, 0) == 0)
        *is_new = true;
    if (!err)
        err = db_run_text(
            db, arena_printf(arena, "CREATE USER IF NOT EXISTS %.*s %.*s", STR_ARG(account->name), STR_ARG(clause)));
    if (!err)
        err = db_run_text(db, arena_printf(arena, "ALTER USER %.*s %.*s", STR_ARG(account->name), STR_ARG(clause)));
    if (err)
        admin_fail("database user %s: %s", account->user->user, db_error(db));
    return err;
}

static void replace(struct buf *out, struct str text, const char *placeholder, struct str value)
{
    struct str mark = str_from(placeholder);
    for (size_t i = 0; i < text.len;) {
        if (str_starts_with(str_slice(text.ptr + i, text.len - i), mark)) {
            buf_append(out, value);
            i += mark.len;
        } else {
            buf_append_char(out, text.ptr[i++]);
        }
    }
}

static struct str fill(struct arena *arena, struct str text, const char *placeholder, struct str value)
{
    struct buf out;
    buf_init(&out, GRANTS_BYTES_MAX);
    replace(&out, text, placeholder, value);
    struct str filled = arena_str(arena, buf_str(&out));
    buf_done(&out);
    return filled;
}

static int run_grants(struct db *db, struct str text, const struct account *accounts, struct arena *arena)
{
    int err = 0;
    for (size_t i = 0; i < 2 && !err; i++)
        err = db_run_text(
            db, arena_printf(arena, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM %.*s", STR_ARG(accounts[i].name)));
    struct str statement;
    while (!err && (statement = sql_split_next(text, arena, &text)).len > 0) {
        err = db_run_text(db, statement);
        if (err)
            admin_fail("schema/grants.sql: %s, in: %.*s", db_error(db), STR_ARG(statement));
    }
    return err;
}

/* Rights that stand already are left alone: a server at work must not lose them even for a moment. */
static int apply_if_new(struct db *db, struct str text, const struct account *accounts, bool is_new,
                        struct arena *arena)
{
    char sha256[2 * DIGEST_SHA256_LEN + 1];
    uint8_t digest[DIGEST_SHA256_LEN];
    struct db_rows rows;

    digest_sha256(text, digest);
    encode_hex(digest, sizeof digest, sha256);
    int err = db_query(db, STATEMENT_MIGRATIONS_FIND, &DB_TEXT(STR("grants.sql")), arena, &rows);
    if (!err && !is_new && rows.n_rows == 1 && str_eq_text(db_cell(&rows, 0, 0), sha256))
        return 0;
    if (!err)
        err = run_grants(db, text, accounts, arena);
    if (!err)
        err = db_execute(db, STATEMENT_GRANTS_NOTE,
                         (const struct db_param[]){DB_TEXT(str_from(sha256)), DB_TEXT(str_from(sha256))}, NULL, NULL);
    if (!err)
        puts("schema/grants.sql applied");
    return err;
}

int grants_apply(struct db *db, const struct config *config, struct arena *arena)
{
    const struct account accounts[2] = {
        {&config->database.server, account_name(config, &config->database.server, arena)},
        {&config->database.worker, account_name(config, &config->database.worker, arena)},
    };
    bool is_new = false;
    int err = 0;

    for (size_t i = 0; i < 2 && !err; i++)
        err = ensure_account(db, config, &accounts[i], arena, &is_new);
    if (err)
        return err;
    struct str text = str_slice((const char *)schema_grants.bytes, schema_grants.len);
    text = fill(arena, text, "{database}", arena_printf(arena, "`%s`", config->database.name));
    text = fill(arena, text, "{server}", accounts[0].name);
    text = fill(arena, text, "{worker}", accounts[1].name);
    err = apply_if_new(db, text, accounts, is_new, arena);
    if (err)
        admin_fail("rights of the database users: %s", db_error(db));
    return err;
}
