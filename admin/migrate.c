/* dp-admin migrate: the schema, then the accounts and rights of server and worker. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/db.h"
#include "admin/grants.h"
#include "admin/letter.h"
#include "admin/schema_files.h"
#include "admin/sql_split.h"
#include "common/digest.h"
#include "common/encode.h"
#include "common/err.h"

enum { MIGRATE_BYTES_MAX = 8 << 20, LETTERS_BYTES_MAX = 512 << 20 };

struct migration {
    struct str name, text;
    char sha256[2 * DIGEST_SHA256_LEN + 1];
    int64_t done; /* statements that were applied */
    bool finished;
};

static int create_database(struct db *db, const struct config *config, struct arena *arena)
{
    const char *name = config->database.name;
    int err = db_run_text(db, arena_printf(arena,
                                           "CREATE DATABASE IF NOT EXISTS `%s` CHARACTER SET utf8mb4 COLLATE "
                                           "utf8mb4_unicode_ci",
                                           name));
    if (!err)
        err = db_run_text(db, arena_printf(arena, "USE `%s`", name));
    if (!err)
        err = db_execute(db, STATEMENT_MIGRATIONS_CREATE, NULL, NULL, NULL);
    if (err)
        admin_fail("database %s: %s", name, db_error(db));
    return err;
}

/* Two installers at once would run the same file twice. The lock belongs to one server of a cluster, which is where
 * both are told to connect. */
static int take_lock(struct db *db, struct arena *arena)
{
    struct db_rows rows;
    int err = db_query(db, STATEMENT_MIGRATIONS_LOCK, NULL, arena, &rows);
    if (err)
        admin_fail("%s", db_error(db));
    if (err || db_cell_number(&rows, 0, 0) == 1)
        return err;
    admin_fail("another dp-admin migrate is under way");
    return ERR_BUSY;
}

static int load_state(struct db *db, struct arena *arena, struct migration *migration)
{
    struct db_rows rows;
    uint8_t digest[DIGEST_SHA256_LEN];

    digest_sha256(migration->text, digest);
    encode_hex(digest, sizeof digest, migration->sha256);
    if (db_query(db, STATEMENT_MIGRATIONS_FIND, &DB_TEXT(migration->name), arena, &rows)) {
        admin_fail("%s", db_error(db));
        return ERR_INTERNAL;
    }
    if (rows.n_rows == 0)
        return ERR_NOT_FOUND;
    if (!str_eq_text(db_cell(&rows, 0, 0), migration->sha256)) {
        admin_fail("schema/%.*s was changed after it was applied; a change of the schema is a new file",
                   STR_ARG(migration->name));
        return ERR_CORRUPT;
    }
    migration->done = db_cell_number(&rows, 0, 1);
    migration->finished = db_cell_number(&rows, 0, 2) == 1;
    return 0;
}

static int note(struct db *db, enum statement statement, const struct db_param *params)
{
    int err = db_execute(db, statement, params, NULL, NULL);
    if (err)
        admin_fail("%s", db_error(db));
    return err;
}

/* MariaDB commits after each statement that changes the schema: what was done is counted, so that a file that was
 * interrupted continues where it stopped. */
static int run_statements(struct db *db, struct arena *arena, const struct migration *migration)
{
    struct str rest = migration->text;
    struct str statement;

    for (int64_t number = 1; (statement = sql_split_next(rest, arena, &rest)).len > 0; number++) {
        if (number <= migration->done)
            continue;
        if (db_run_text(db, statement)) {
            admin_fail("schema/%.*s, statement %lld: %s", STR_ARG(migration->name), (long long)number, db_error(db));
            return ERR_INTERNAL;
        }
        const struct db_param done[] = {DB_NUMBER(number), DB_TEXT(migration->name)};
        if (note(db, STATEMENT_MIGRATIONS_PROGRESS, done))
            return ERR_INTERNAL;
    }
    return note(db, STATEMENT_MIGRATIONS_FINISH, &DB_TEXT(migration->name));
}

static int apply(struct db *db, struct arena *arena, struct str name, struct str text)
{
    struct migration migration = {.name = name, .text = text};
    int err = load_state(db, arena, &migration);

    if (err == ERR_NOT_FOUND) {
        const struct db_param params[] = {DB_TEXT(name), DB_TEXT(str_from(migration.sha256))};
        err = note(db, STATEMENT_MIGRATIONS_START, params);
    }
    if (err || migration.finished)
        return err;
    err = run_statements(db, arena, &migration);
    if (!err)
        printf("schema/%.*s applied\n", STR_ARG(name));
    return err;
}

/* Letters of before 010 have another digest, by which neither journal nor comparison would know them. */
static int digest_letter(struct db *db, const struct db_rows *rows, size_t row, struct arena *arena)
{
    struct letter letter = {0};
    struct str text = db_cell(rows, row, 1);
    uint8_t digest[EVENT_ID_LEN];
    char hex[2 * EVENT_ID_LEN + 1];

    (void)letter_read(text, arena, &letter); /* what cannot be read is known by its text */
    event_entry_digest(letter.fields, letter.n_fields, text, digest);
    encode_hex(digest, sizeof digest, hex);
    if (str_eq_text(db_cell(rows, row, 2), hex))
        return 0;
    const struct db_param params[] = {DB_TEXT(str_from(hex)), DB_NUMBER(db_cell_number(rows, row, 0))};
    int err = db_execute(db, STATEMENT_LETTER_DIGEST, params, NULL, NULL);
    return err == ERR_CONFLICT ? 0 : err; /* another open letter holds the same */
}

static int digest_letters(struct db *db)
{
    struct db_rows rows = {.n_rows = 1};
    int64_t last_id = 0;
    int err = 0;

    while (!err && rows.n_rows > 0) {
        struct arena arena;
        arena_init(&arena, LETTERS_BYTES_MAX);
        err = db_query(db, STATEMENT_LETTERS_ALL, &DB_NUMBER(last_id), &arena, &rows);
        for (size_t row = 0; !err && row < rows.n_rows; row++) {
            err = digest_letter(db, &rows, row, &arena);
            last_id = db_cell_number(&rows, row, 0);
        }
        arena_done(&arena);
    }
    if (err)
        admin_fail("dead letters: %s", db_error(db));
    return err;
}

static int run_migrate(const struct config *config, int argc, char **argv)
{
    struct arena arena;
    struct db *db;
    int err;

    if (argc > 0)
        return admin_usage(&command_migrate, "unexpected argument \"%s\"", argv[0]);
    if (db_open(config, false, &db))
        return EXIT_FAILED;
    arena_init(&arena, MIGRATE_BYTES_MAX);
    err = create_database(db, config, &arena);
    if (!err)
        err = take_lock(db, &arena);
    for (size_t i = 0; !err && schema_files[i].name; i++)
        err = apply(db, &arena, str_from(schema_files[i].name),
                    str_slice((const char *)schema_files[i].bytes, schema_files[i].len));
    if (!err)
        err = digest_letters(db);
    if (!err)
        err = grants_apply(db, config, &arena);
    if (!err)
        puts("The schema is up to date.");
    db_close(db);
    arena_done(&arena);
    return err ? EXIT_FAILED : EXIT_OK;
}

const struct command command_migrate = {
    .name = "migrate",
    .usage = "",
    .help =
        "Creates the database if it is missing, applies the schema files that are new, and creates the database users\n"
        "of dp-server and dp-worker with their passwords and rights. Running it again changes nothing.\n",
    .run = run_migrate,
};
