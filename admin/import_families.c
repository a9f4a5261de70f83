/* families.csv: one line for each person and account that the person pays for. A person with two children has two
 * lines, a child with two payers as well; what is said twice must be said alike. */
#include "admin/import.h"

#include <string.h>

#include "admin/import_date.h"
#include "admin/import_index.h"
#include "admin/import_table.h"
#include "common/clock.h"
#include "common/mail_address.h"
#include "common/money.h"

enum column {
    COLUMN_PERSON,
    COLUMN_LOGIN, /* from here in the order of enum import_person_field */
    COLUMN_ROLE,
    COLUMN_LAST_NAME,
    COLUMN_FIRST_NAME,
    COLUMN_ADDRESS1,
    COLUMN_ADDRESS2,
    COLUMN_POSTCODE,
    COLUMN_CITY,
    COLUMN_PHONE,
    COLUMN_EMAIL,
    COLUMN_PASSWORD,
    COLUMN_ACCOUNT,
    COLUMN_ACCOUNT_LAST_NAME,
    COLUMN_ACCOUNT_FIRST_NAME,
    COLUMN_CLASS,
    COLUMN_BALANCE,
    COLUMN_BALANCE_AT,
    COLUMN_COUNT,
};

static const struct import_column columns[COLUMN_COUNT] = {
    [COLUMN_PERSON] = {"personne", true, 64},
    [COLUMN_LOGIN] = {"identifiant", true, 64},
    [COLUMN_ROLE] = {"role", true, 16},
    [COLUMN_LAST_NAME] = {"nom", true, 80},
    [COLUMN_FIRST_NAME] = {"prenom", false, 80},
    [COLUMN_ADDRESS1] = {"adresse1", false, 120},
    [COLUMN_ADDRESS2] = {"adresse2", false, 120},
    [COLUMN_POSTCODE] = {"code_postal", false, 10},
    [COLUMN_CITY] = {"ville", false, 80},
    [COLUMN_PHONE] = {"telephone", false, 20},
    [COLUMN_EMAIL] = {"courriel", false, MAIL_ADDRESS_MAX},
    [COLUMN_PASSWORD] = {"mot_de_passe", false, 128},
    [COLUMN_ACCOUNT] = {"compte", false, 64},
    [COLUMN_ACCOUNT_LAST_NAME] = {"nom_compte", false, 80},
    [COLUMN_ACCOUNT_FIRST_NAME] = {"prenom_compte", false, 80},
    [COLUMN_CLASS] = {"classe", false, 40},
    [COLUMN_BALANCE] = {"solde", false, 20},
    [COLUMN_BALANCE_AT] = {"solde_le", false, 16},
};

static const struct {
    const char *text, *role;
} roles[] = {{"parent", "PARENT"}, {"commensal", "COMMENSAL"}, {"gestionnaire", "BURSAR"}};

struct reader {
    struct import *import;
    struct import_table table;
    struct import_index persons, logins, accounts, links;
    size_t row;
};

#define FAULT(reader, column, ...) \
    import_table_fault(&(reader)->table, &(reader)->import->faults, (reader)->row, column, __VA_ARGS__)

static struct str cell(const struct reader *reader, size_t column)
{
    return import_table_cell(&reader->table, reader->row, column);
}

/* Keys are compared by the database without case and accents: only what reads the same both ways is allowed. */
static bool key_is_good(struct str key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-", key.ptr[i]))
            return false;
    }
    return true;
}

static bool login_is_good(struct str login)
{
    for (size_t i = 0; i < login.len; i++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789._@-", login.ptr[i]))
            return false;
    }
    return true;
}

static const char *find_role(struct str text)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (str_eq_nocase(text, str_from(roles[i].text)))
            return roles[i].role;
    }
    return NULL;
}

static void check_person(struct reader *reader)
{
    const struct str email = cell(reader, COLUMN_EMAIL);
    if (!key_is_good(cell(reader, COLUMN_PERSON)))
        FAULT(reader, COLUMN_PERSON, "expected letters without accents, digits and . _ / -");
    if (!login_is_good(cell(reader, COLUMN_LOGIN)))
        FAULT(reader, COLUMN_LOGIN, "expected small letters without accents, digits and . _ @ -");
    if (cell(reader, COLUMN_ROLE).len && !find_role(cell(reader, COLUMN_ROLE)))
        FAULT(reader, COLUMN_ROLE, "\"%.*s\" is not parent, commensal or gestionnaire",
              STR_ARG(cell(reader, COLUMN_ROLE)));
    if (email.len && !mail_address_is_valid(email))
        FAULT(reader, COLUMN_EMAIL, "\"%.*s\" is not an e-mail address", STR_ARG(email));
    if (cell(reader, COLUMN_PASSWORD).len && reader->import->config->site.mode != CONFIG_DEMONSTRATION)
        FAULT(reader, COLUMN_PASSWORD, "passwords are accepted only where [site] mode = demonstration");
}

static struct import_person *new_person(struct reader *reader)
{
    struct import_person *person = &reader->import->persons[reader->import->n_persons++];
    const char *role = find_role(cell(reader, COLUMN_ROLE));

    *person = (struct import_person){.line = reader->table.lines[reader->row],
                                     .key = cell(reader, COLUMN_PERSON),
                                     .password = cell(reader, COLUMN_PASSWORD)};
    for (size_t i = 0; i < PERSON_FIELD_COUNT; i++)
        person->fields[i] = cell(reader, COLUMN_LOGIN + i);
    person->fields[PERSON_ROLE] = role ? str_from(role) : STR_NULL;
    check_person(reader);
    struct import_person **owner =
        (struct import_person **)import_index_at(&reader->logins, person->fields[PERSON_LOGIN]);
    if (*owner && person->fields[PERSON_LOGIN].len)
        FAULT(reader, COLUMN_LOGIN, "\"%.*s\" is in line %u already, for another person",
              STR_ARG(person->fields[PERSON_LOGIN]), (*owner)->line);
    *owner = person;
    return person;
}

static void compare_person(struct reader *reader, const struct import_person *person)
{
    for (size_t i = 0; i < PERSON_FIELD_COUNT; i++) {
        const char *role = i == PERSON_ROLE ? find_role(cell(reader, COLUMN_ROLE)) : NULL;
        struct str now = i == PERSON_ROLE ? str_from(role) : cell(reader, COLUMN_LOGIN + i);
        if (!str_eq(now, person->fields[i]))
            FAULT(reader, COLUMN_LOGIN + i, "is not what line %u says of the same person", person->line);
    }
    if (!str_eq(cell(reader, COLUMN_PASSWORD), person->password))
        FAULT(reader, COLUMN_PASSWORD, "is not what line %u says of the same person", person->line);
}

static struct import_person *take_person(struct reader *reader)
{
    void **place = import_index_at(&reader->persons, cell(reader, COLUMN_PERSON));
    if (*place)
        compare_person(reader, *place);
    else
        *place = new_person(reader);
    return *place;
}

/* A balance says little without its moment, and nothing about a moment to come. The demonstration's files have fixed
 * dates, whatever the clock says. */
static void read_balance(struct reader *reader, struct import_account *account)
{
    struct arena *arena = &reader->import->arena;
    struct str balance = account->said_balance, at = account->said_balance_at;
    int64_t cents, moment_us;

    if (balance.len == 0 && at.len == 0)
        return;
    if (balance.len == 0)
        FAULT(reader, COLUMN_BALANCE, "is empty, but solde_le is not");
    else if (money_parse_signed(balance, &cents))
        FAULT(reader, COLUMN_BALANCE, "\"%.*s\" is not a balance, as 23,40 or -12,30", STR_ARG(balance));
    else
        account->balance_cents = arena_printf(arena, "%lld", (long long)cents);
    if (at.len == 0)
        FAULT(reader, COLUMN_BALANCE_AT, "is empty: say when the balance was %.*s", STR_ARG(balance));
    else if (!import_moment_read(at, &moment_us))
        FAULT(reader, COLUMN_BALANCE_AT, "\"%.*s\" is not a date, as 28/11/2026 or 28/11/2026 18:30", STR_ARG(at));
    else if (moment_us > clock_now_us() && reader->import->config->site.mode != CONFIG_DEMONSTRATION)
        FAULT(reader, COLUMN_BALANCE_AT, "\"%.*s\" is still to come", STR_ARG(at));
    else
        account->balance_at = import_moment_sql(arena, moment_us);
}

static struct import_account *new_account(struct reader *reader)
{
    struct import_account *account = &reader->import->accounts[reader->import->n_accounts++];
    *account = (struct import_account){.line = reader->table.lines[reader->row],
                                       .key = cell(reader, COLUMN_ACCOUNT),
                                       .last_name = cell(reader, COLUMN_ACCOUNT_LAST_NAME),
                                       .first_name = cell(reader, COLUMN_ACCOUNT_FIRST_NAME),
                                       .class_name = cell(reader, COLUMN_CLASS),
                                       .said_balance = cell(reader, COLUMN_BALANCE),
                                       .said_balance_at = cell(reader, COLUMN_BALANCE_AT)};
    if (!key_is_good(account->key))
        FAULT(reader, COLUMN_ACCOUNT, "expected letters without accents, digits and . _ / -");
    if (account->last_name.len == 0)
        FAULT(reader, COLUMN_ACCOUNT_LAST_NAME, "is empty");
    if (account->first_name.len == 0)
        FAULT(reader, COLUMN_ACCOUNT_FIRST_NAME, "is empty");
    read_balance(reader, account);
    return account;
}

static void compare_account(struct reader *reader, const struct import_account *account)
{
    const struct {
        size_t column;
        struct str was;
    } pairs[] = {{COLUMN_ACCOUNT_LAST_NAME, account->last_name},
                 {COLUMN_ACCOUNT_FIRST_NAME, account->first_name},
                 {COLUMN_CLASS, account->class_name},
                 {COLUMN_BALANCE, account->said_balance},
                 {COLUMN_BALANCE_AT, account->said_balance_at}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (!str_eq(cell(reader, pairs[i].column), pairs[i].was))
            FAULT(reader, pairs[i].column, "is not what line %u says of the same account", account->line);
    }
}

static struct import_account *take_account(struct reader *reader)
{
    void **place = import_index_at(&reader->accounts, cell(reader, COLUMN_ACCOUNT));
    if (*place)
        compare_account(reader, *place);
    else
        *place = new_account(reader);
    return *place;
}

static void take_row(struct reader *reader)
{
    struct import *import = reader->import;
    struct import_person *person = take_person(reader);

    if (cell(reader, COLUMN_ACCOUNT).len == 0) {
        if (!str_eq_text(person->fields[PERSON_ROLE], "BURSAR"))
            FAULT(reader, COLUMN_ACCOUNT, "is empty: who is not gestionnaire pays for an account");
        return;
    }
    struct import_account *account = take_account(reader);
    struct str key = arena_printf(&import->arena, "%.*s\n%.*s", STR_ARG(person->key), STR_ARG(account->key));
    struct import_link **link = (struct import_link **)import_index_at(&reader->links, key);
    if (*link) {
        FAULT(reader, COLUMN_ACCOUNT, "this person and account are there already");
        return;
    }
    *link = &import->links[import->n_links++];
    **link = (struct import_link){.person = person, .account = account};
}

void import_read_families(struct import *import)
{
    struct reader reader = {.import = import};
    struct arena *arena = &import->arena;

    import_table_read(&reader.table, import->directory, "families.csv", columns, COLUMN_COUNT, arena, &import->faults);
    size_t rows = reader.table.n_rows;
    import->has_balances = reader.table.positions[COLUMN_BALANCE] || reader.table.positions[COLUMN_BALANCE_AT];
    import->login_column = reader.table.positions[COLUMN_LOGIN];
    import->persons = ARENA_ARRAY(arena, rows, struct import_person);
    import->accounts = ARENA_ARRAY(arena, rows, struct import_account);
    import->links = ARENA_ARRAY(arena, rows, struct import_link);
    import_index_init(&reader.persons, arena, rows);
    import_index_init(&reader.logins, arena, rows);
    import_index_init(&reader.accounts, arena, rows);
    import_index_init(&reader.links, arena, rows);
    for (; reader.row < rows; reader.row++)
        take_row(&reader);
}
