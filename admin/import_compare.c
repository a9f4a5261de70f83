/* What the database knows already, and so what there is to do. */
#include "admin/admin.h"
#include "admin/import.h"
#include "common/err.h"

/* The cells from `from` on against what the file says. */
static bool same(const struct db_rows *rows, size_t from, const struct str *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(db_cell(rows, 0, from + i), values[i]))
            return false;
    }
    return true;
}

static struct str number_text(struct arena *arena, int64_t number)
{
    return arena_printf(arena, "%lld", (long long)number);
}

static int compare_school(struct import *import, struct db *db)
{
    struct import_school *school = &import->school;
    struct arena *arena = &import->arena;
    struct db_rows rows;
    const struct str values[] = {school->name,
                                 school->kind,
                                 school->city,
                                 school->bursar_email,
                                 school->bursar_phone,
                                 school->reference_prefix,
                                 number_text(arena, school->amount_min_cents),
                                 number_text(arena, school->amount_max_cents),
                                 number_text(arena, school->part_payment_allowed),
                                 school->colour,
                                 school->sheet.hash,
                                 school->logo.hash};

    int err = db_query(db, STATEMENT_SCHOOL_FIND, &DB_TEXT(school->uai), arena, &rows);
    if (err)
        return err;
    school->action = IMPORT_CREATE;
    if (rows.n_rows == 1) {
        school->id = db_cell_number(&rows, 0, 0);
        school->action = same(&rows, 1, values, sizeof values / sizeof values[0]) ? IMPORT_UNCHANGED : IMPORT_UPDATE;
    }
    return 0;
}

/* A key is sealed anew each time: only its unsealed form can be compared. */
static bool same_key(struct import *import, struct str sealed)
{
    struct str key;
    return vault_unseal(import->vault, sealed, &import->arena, &key) == 0 && str_eq_secret(key, import->contract.key);
}

static int compare_contract(struct import *import, struct db *db)
{
    struct import_contract *contract = &import->contract;
    struct arena *arena = &import->arena;
    const struct db_param names[] = {DB_TEXT(contract->gateway), DB_TEXT(contract->merchant_id)};
    const struct str values[] = {
        contract->payment_url,    contract->currency, number_text(arena, contract->bank_ref_len),
        contract->callback_extra, contract->means,    contract->query_url,
        contract->query_states};
    struct db_rows rows, link;
    enum { N_VALUES = sizeof values / sizeof values[0] };

    int err = db_query(db, STATEMENT_CONTRACT_FIND, names, arena, &rows);
    if (!err)
        err = db_query(db, STATEMENT_SCHOOL_CONTRACT_FIND, &DB_NUMBER(import->school.id), arena, &link);
    if (err)
        return err;
    contract->action = IMPORT_CREATE;
    if (rows.n_rows == 1) {
        bool unchanged = same(&rows, 1, values, N_VALUES) && same_key(import, db_cell(&rows, 0, 1 + N_VALUES));
        contract->id = db_cell_number(&rows, 0, 0);
        contract->action = unchanged ? IMPORT_UNCHANGED : IMPORT_UPDATE;
        contract->linked = link.n_rows == 1 && db_cell_number(&link, 0, 0) == contract->id;
    }
    return 0;
}

/* Login and role are the school's. Name and contact details become the person's own once they are there: the file fills
 * in what is empty, and replaces more only with --overwrite-contacts. */
static void merge_person(const struct import *import, struct import_person *person, const struct db_rows *rows)
{
    person->action = IMPORT_UNCHANGED;
    for (size_t i = 0; i < PERSON_FIELD_COUNT; i++) {
        struct str was = db_cell(rows, 0, i + 1);
        bool schools_own = i == PERSON_LOGIN || i == PERSON_ROLE;
        bool replaces = schools_own || was.len == 0 || import->overwrite_contacts;
        if (!replaces || person->fields[i].len == 0)
            person->fields[i] = was;
        if (!str_eq(person->fields[i], was))
            person->action = IMPORT_UPDATE;
    }
}

static int compare_person(struct import *import, struct db *db, struct import_person *person)
{
    const struct db_param keys[] = {DB_NUMBER(import->school.id), DB_TEXT(person->key)};
    struct db_rows rows, owner;

    int err = db_query(db, STATEMENT_PERSON_FIND, keys, &import->arena, &rows);
    if (!err)
        err = db_query(db, STATEMENT_LOGIN_FIND, &DB_TEXT(person->fields[PERSON_LOGIN]), &import->arena, &owner);
    if (err)
        return err;
    person->action = IMPORT_CREATE;
    if (rows.n_rows == 1) {
        person->id = db_cell_number(&rows, 0, 0);
        merge_person(import, person, &rows);
    }
    if (owner.n_rows == 1 && db_cell_number(&owner, 0, 0) != person->id)
        import_fault(&import->faults, "families.csv", person->line, import->login_column,
                     "identifiant: \"%.*s\" belongs to another person of this installation",
                     STR_ARG(person->fields[PERSON_LOGIN]));
    return 0;
}

/* Files without the columns say nothing of balances: what is known stays. */
static void keep_balance(const struct import *import, struct import_account *account, const struct db_rows *rows)
{
    if (import->has_balances)
        return;
    account->balance_cents = db_cell(rows, 0, 4);
    account->balance_at = db_cell(rows, 0, 5);
}

static int compare_account(struct import *import, struct db *db, struct import_account *account)
{
    const struct db_param keys[] = {DB_NUMBER(import->school.id), DB_TEXT(account->key)};
    struct db_rows rows;

    int err = db_query(db, STATEMENT_CANTEEN_ACCOUNT_FIND, keys, &import->arena, &rows);
    if (err)
        return err;
    account->action = IMPORT_CREATE;
    if (rows.n_rows == 1) {
        account->id = db_cell_number(&rows, 0, 0);
        keep_balance(import, account, &rows);
        const struct str values[] = {account->last_name,     account->first_name, account->class_name,
                                     account->balance_cents, account->balance_at, STR("1")};
        account->action = same(&rows, 1, values, sizeof values / sizeof values[0]) ? IMPORT_UNCHANGED : IMPORT_UPDATE;
    }
    return 0;
}

static int compare_link(struct import *import, struct db *db, struct import_link *link)
{
    const struct db_param keys[] = {DB_NUMBER(link->person->id), DB_NUMBER(link->account->id)};
    struct db_rows rows;
    int err = db_query(db, STATEMENT_LINK_FIND, keys, &import->arena, &rows);
    if (!err)
        link->action = rows.n_rows == 1 ? IMPORT_UNCHANGED : IMPORT_CREATE;
    return err;
}

static void check_claim(struct import *import, const struct import_claim *claim, const struct db_rows *rows)
{
    int64_t settled = db_cell_number(rows, 0, 6);
    if (db_cell_number(rows, 0, 1) != claim->account->id)
        import_fault(&import->faults, "claims.csv", claim->line, import->claim_account_column,
                     "compte: the claim %.*s is of another account already", STR_ARG(claim->number));
    if (claim->amount_cents < settled)
        import_fault(&import->faults, "claims.csv", claim->line, import->claim_amount_column,
                     "montant: %lld,%02lld is less than what is paid already (%lld,%02lld)",
                     (long long)claim->amount_cents / 100, (long long)claim->amount_cents % 100,
                     (long long)settled / 100, (long long)settled % 100);
}

static int compare_claim(struct import *import, struct db *db, struct import_claim *claim)
{
    struct arena *arena = &import->arena;
    const struct db_param keys[] = {DB_NUMBER(import->school.id), DB_TEXT(claim->number)};
    const struct str values[] = {claim->label, claim->due_date, number_text(arena, claim->amount_cents),
                                 number_text(arena, claim->direct_debit)};
    struct db_rows rows;

    int err = db_query(db, STATEMENT_CLAIM_FIND, keys, arena, &rows);
    if (err)
        return err;
    claim->action = IMPORT_CREATE;
    if (rows.n_rows == 1) {
        claim->id = db_cell_number(&rows, 0, 0);
        claim->action = same(&rows, 2, values, 4) ? IMPORT_UNCHANGED : IMPORT_UPDATE;
        check_claim(import, claim, &rows);
    }
    return 0;
}

int import_compare(struct import *import, struct db *db)
{
    int err = compare_school(import, db);
    if (!err)
        err = compare_contract(import, db);
    for (size_t i = 0; !err && i < import->n_persons; i++)
        err = compare_person(import, db, &import->persons[i]);
    for (size_t i = 0; !err && i < import->n_accounts; i++)
        err = compare_account(import, db, &import->accounts[i]);
    for (size_t i = 0; !err && i < import->n_links; i++)
        err = compare_link(import, db, &import->links[i]);
    for (size_t i = 0; !err && i < import->n_claims; i++)
        err = compare_claim(import, db, &import->claims[i]);
    if (err)
        admin_fail("%s", db_error(db));
    return err;
}
