/* dp-admin import: a school's families and claims. */
#include "admin/import.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "common/err.h"

struct options {
    const char *credentials;
    bool dry_run;
};

static const char *const action_names[] = {
    [IMPORT_UNCHANGED] = "unchanged", [IMPORT_CREATE] = "created", [IMPORT_UPDATE] = "updated"};

#define COUNT_ACTIONS(items, n, counts)     \
    do {                                    \
        for (size_t i_ = 0; i_ < (n); i_++) \
            (counts)[(items)[i_].action]++; \
    } while (0)

static void print_counts(const char *what, const size_t counts[3])
{
    printf("%-9s %zu created, %zu updated, %zu unchanged\n", what, counts[IMPORT_CREATE], counts[IMPORT_UPDATE],
           counts[IMPORT_UNCHANGED]);
}

/* What becomes of a school's colour, so that nobody is surprised. */
static void print_colour(struct str text)
{
    struct colour colour;
    char light[COLOUR_TEXT_SIZE], dark[COLOUR_TEXT_SIZE];

    if (text.len == 0 || colour_parse(text, &colour))
        return;
    colour_text(colour_on_light(colour), light);
    colour_text(colour_on_dark(colour), dark);
    printf("colour    %.*s: %s on light pages, %s on dark ones\n", STR_ARG(text), light, dark);
}

static void print_totals(const struct import *import)
{
    size_t persons[3] = {0}, accounts[3] = {0}, links[3] = {0}, claims[3] = {0};
    COUNT_ACTIONS(import->persons, import->n_persons, persons);
    COUNT_ACTIONS(import->accounts, import->n_accounts, accounts);
    COUNT_ACTIONS(import->links, import->n_links, links);
    COUNT_ACTIONS(import->claims, import->n_claims, claims);
    printf("school    %.*s %.*s: %s\n", STR_ARG(import->school.uai), STR_ARG(import->school.name),
           action_names[import->school.action]);
    print_colour(import->school.colour);
    printf("contract  %.*s %.*s: %s\n", STR_ARG(import->contract.gateway), STR_ARG(import->contract.merchant_id),
           action_names[import->contract.action]);
    print_counts("persons", persons);
    print_counts("accounts", accounts);
    print_counts("payers", links);
    print_counts("claims", claims);
}

static void print_account(const struct import_account *account)
{
    if (account->action == IMPORT_UNCHANGED)
        return;
    printf("%s account of %.*s %.*s", action_names[account->action], STR_ARG(account->last_name),
           STR_ARG(account->first_name));
    if (account->said_balance.len > 0)
        printf(": %.*s on %.*s", STR_ARG(account->said_balance), STR_ARG(account->said_balance_at));
    putchar('\n');
}

static void print_details(const struct import *import)
{
    for (size_t i = 0; i < import->n_persons; i++) {
        const struct import_person *person = &import->persons[i];
        if (person->action != IMPORT_UNCHANGED)
            printf("%s person %.*s (%.*s %.*s)\n", action_names[person->action], STR_ARG(person->fields[PERSON_LOGIN]),
                   STR_ARG(person->fields[PERSON_LAST_NAME]), STR_ARG(person->fields[PERSON_FIRST_NAME]));
    }
    for (size_t i = 0; i < import->n_accounts; i++)
        print_account(&import->accounts[i]);
    for (size_t i = 0; i < import->n_claims; i++) {
        const struct import_claim *claim = &import->claims[i];
        if (claim->action != IMPORT_UNCHANGED)
            printf("%s claim %.*s for %.*s %.*s: %lld,%02lld\n", action_names[claim->action], STR_ARG(claim->number),
                   STR_ARG(claim->account->last_name), STR_ARG(claim->account->first_name),
                   (long long)claim->amount_cents / 100, (long long)claim->amount_cents % 100);
    }
}

static size_t count_without_password(const struct import *import)
{
    size_t count = 0;
    for (size_t i = 0; i < import->n_persons; i++)
        count += import->persons[i].action == IMPORT_CREATE && import->persons[i].password.len == 0;
    return count;
}

/* All or nothing. The credentials are on disk before the people exist: a password that nobody knows helps nobody. */
static int commit(struct import *import, struct db *db, const char *credentials)
{
    if (credentials && import_write_credentials(import, credentials))
        return EXIT_FAILED;
    if (db_begin(db) || import_apply(import, db)) {
        admin_fail("nothing was imported: %s", db_error(db));
        db_rollback(db);
        if (credentials)
            unlink(credentials);
        return EXIT_FAILED;
    }
    if (db_commit(db))
        return admin_fail("the end of the import is not known (%s); look with --dry-run", db_error(db));
    puts("imported");
    return EXIT_OK;
}

static int finish(struct import *import, struct db *db, const struct options *options)
{
    size_t without = count_without_password(import);

    print_totals(import);
    if (options->dry_run) {
        print_details(import);
        puts("dry run: nothing was changed");
        return EXIT_OK;
    }
    if (without && !options->credentials)
        return admin_fail("%zu new persons need passwords: give --credentials FILE to have them written there",
                          without);
    if (import_make_passwords(import))
        return EXIT_FAILED;
    return commit(import, db, without ? options->credentials : NULL);
}

static int open_vault(struct import *import)
{
    const char *file = import->config->security.master_key_file;
    int err = vault_open(file, &import->vault);
    if (!err)
        return 0;
    return admin_fail("%s: %s", file,
                      err == ERR_FORBIDDEN ? "others may read or write it; make it mode 0600"
                      : err == ERR_INVALID ? "expected 64 hex digits, as dp-admin secrets writes them"
                                           : "cannot be read");
}

static int run_files(struct import *import, const struct options *options)
{
    struct db *db = NULL;
    int status = EXIT_FAILED;

    import_read_school(import);
    import_read_families(import);
    import_read_claims(import);
    if (import->faults.count == 0 && db_open(import->config, true, &db) == 0 && import_compare(import, db) == 0 &&
        import->faults.count == 0)
        status = finish(import, db, options);
    db_close(db);
    import_faults_end(&import->faults);
    if (import->faults.count)
        admin_fail("nothing was imported: %u fault%s", import->faults.count, import->faults.count == 1 ? "" : "s");
    return status;
}

static int run_import(const struct config *config, int argc, char **argv)
{
    static const struct option known[] = {{"dry-run", no_argument, NULL, 'n'},
                                          {"credentials", required_argument, NULL, 'c'},
                                          {"bank-url", required_argument, NULL, 'b'},
                                          {"overwrite-contacts", no_argument, NULL, 'o'},
                                          {NULL, 0, NULL, 0}};
    struct import import = {.config = config};
    struct options options = {0};
    int option;

    optind = 0;
    while ((option = getopt_long(argc + 1, argv - 1, "", known, NULL)) != -1) {
        if (option == '?')
            return admin_usage(&command_import, "wrong option");
        import.overwrite_contacts |= option == 'o';
        options.dry_run |= option == 'n';
        if (option == 'c')
            options.credentials = optarg;
        if (option == 'b')
            import.bank_url = optarg;
    }
    if (optind != argc)
        return admin_usage(&command_import, "expected one directory");
    import.directory = (argv - 1)[optind];
    arena_init(&import.arena, IMPORT_ARENA_MAX);
    int status = open_vault(&import) ? EXIT_FAILED : run_files(&import, &options);
    vault_free(import.vault);
    arena_done(&import.arena);
    return status;
}

const struct command command_import = {
    .name = "import",
    .usage = "DIR [--dry-run] [--credentials FILE] [--bank-url URL] [--overwrite-contacts]",
    .help = "Reads school.ini, families.csv and claims.csv in DIR (docs/import.md) and brings the database to what "
            "they say.\n"
            "If one line is wrong nothing is changed at all, and every fault is named as FILE:LINE:COLUMN. Running it "
            "again\n"
            "changes nothing. Persons and claims that are no longer in the files are left as they are.\n\n"
            "  --dry-run             says what would be done\n"
            "  --credentials FILE    writes the passwords of new persons there (a new file, mode 0600)\n"
            "  --bank-url URL        the bank's payment page, instead of [bank] payment_url\n"
            "  --overwrite-contacts  replaces names and contact details that persons may have changed themselves\n",
    .run = run_import,
};
