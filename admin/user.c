/* dp-admin user: passwords of people, at the operator's hand. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/db.h"
#include "common/err.h"
#include "common/password.h"

enum { USER_ARENA_MAX = 1 << 20, LINE_SIZE = 1024 };

/* The first line of standard input. */
static int read_line(char line[LINE_SIZE])
{
    if (!fgets(line, LINE_SIZE, stdin))
        return admin_fail("no password on the standard input");
    if (!strchr(line, '\n') && !feof(stdin))
        return admin_fail("the password is longer than %d characters", PASSWORD_LENGTH_MAX);
    line[strcspn(line, "\r\n")] = '\0';
    return 0;
}

static int store(struct db *db, int64_t id, const char *password, bool must_change)
{
    char hash[PASSWORD_HASH_SIZE];
    int64_t matched = 0;

    if (password_hash(str_from(password), hash))
        return admin_fail("not enough memory to hash a password");
    const struct db_param params[] = {DB_TEXT(str_from(hash)), DB_NUMBER(must_change), DB_NUMBER(id)};
    if (db_execute(db, STATEMENT_USER_SET_PASSWORD, params, &matched, NULL))
        return admin_fail("%s", db_error(db));
    return matched == 1 ? EXIT_OK : admin_fail("the person is gone");
}

/* A password read from the standard input is the person's own choice; a generated one is to be changed at once. */
static int set_password(struct db *db, struct arena *arena, const char *login, bool from_stdin)
{
    enum { ID, LAST_NAME, FIRST_NAME, EMAIL, SCHOOL, CITY };
    char password[LINE_SIZE];
    struct db_rows rows;

    if (db_query(db, STATEMENT_USER_FIND, &DB_TEXT(str_from(login)), arena, &rows))
        return admin_fail("%s", db_error(db));
    if (rows.n_rows == 0)
        return admin_fail("there is no login \"%s\"", login);
    if (!from_stdin)
        password_generate(password, sizeof password);
    else if (read_line(password))
        return EXIT_FAILED;
    const struct password_owner owner = {
        .login = str_from(login),
        .last_name = db_cell(&rows, 0, LAST_NAME),
        .first_name = db_cell(&rows, 0, FIRST_NAME),
        .email = db_cell(&rows, 0, EMAIL),
        .school = db_cell(&rows, 0, SCHOOL),
        .city = db_cell(&rows, 0, CITY),
    };
    const char *refusal = password_refusal(str_from(password), &owner);
    int status = refusal ? admin_fail("%s", refusal) : store(db, db_cell_number(&rows, 0, ID), password, !from_stdin);
    if (status == EXIT_OK)
        printf("%s\n", from_stdin ? "the password is set" : password);
    sodium_memzero(password, sizeof password);
    return status;
}

static int run_user(const struct config *config, int argc, char **argv)
{
    struct arena arena;
    struct db *db;
    bool from_stdin = argc == 3 && strcmp(argv[2], "--stdin") == 0;
    bool generated = argc == 2 || (argc == 3 && strcmp(argv[2], "--generated") == 0);

    if (argc < 2 || strcmp(argv[0], "set-password") != 0 || (!from_stdin && !generated))
        return admin_usage(&command_user, "expected set-password, a login, and how");
    if (db_open(config, true, &db))
        return EXIT_FAILED;
    arena_init(&arena, USER_ARENA_MAX);
    int status = set_password(db, &arena, argv[1], from_stdin);
    arena_done(&arena);
    db_close(db);
    return status;
}

const struct command command_user = {
    .name = "user",
    .usage = "set-password LOGIN [--stdin | --generated]",
    .help = "  set-password LOGIN --stdin      takes the first line of the standard input\n"
            "  set-password LOGIN --generated  (or nothing) makes a password and prints it; it must be changed at the "
            "next\n"
            "                                  login\n",
    .run = run_user,
};
