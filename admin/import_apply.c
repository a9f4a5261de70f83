/* What the comparison found to do, statement by statement. */
#include "admin/admin.h"
#include "admin/import.h"
#include "common/err.h"

#define TEXT_OR_NULL(text) ((text).len ? DB_TEXT(text) : DB_NULL)

/* Files are named by their content: one that is there already is the same. */
static int apply_file(struct db *db, const struct import_file *file)
{
    const struct db_param params[] = {DB_TEXT(file->hash), DB_TEXT(str_from(file->kind)), DB_NUMBER(file->width),
                                      DB_NUMBER(file->height), DB_TEXT(file->bytes)};
    return file->hash.len ? db_execute(db, STATEMENT_SCHOOL_FILE_PUT, params, NULL, NULL) : 0;
}

static int apply_school(struct import *import, struct db *db)
{
    struct import_school *school = &import->school;
    int err = apply_file(db, &school->sheet);
    if (!err)
        err = apply_file(db, &school->logo);
    if (err)
        return err;
    const struct db_param params[] = {DB_TEXT(school->name),
                                      DB_TEXT(school->kind),
                                      DB_TEXT(school->city),
                                      DB_TEXT(school->bursar_email),
                                      DB_TEXT(school->bursar_phone),
                                      DB_TEXT(school->reference_prefix),
                                      DB_NUMBER(school->amount_min_cents),
                                      DB_NUMBER(school->amount_max_cents),
                                      DB_NUMBER(school->part_payment_allowed),
                                      DB_TEXT(school->colour),
                                      DB_TEXT(school->sheet.hash),
                                      DB_TEXT(school->logo.hash),
                                      DB_TEXT(school->uai)};
    if (school->action == IMPORT_CREATE)
        return db_execute(db, STATEMENT_SCHOOL_INSERT, params, NULL, &school->id);
    return school->action == IMPORT_UPDATE ? db_execute(db, STATEMENT_SCHOOL_UPDATE, params, NULL, NULL) : 0;
}

static int apply_contract(struct import *import, struct db *db)
{
    struct import_contract *contract = &import->contract;
    struct str sealed = vault_seal(import->vault, contract->key, &import->arena);
    const struct db_param params[] = {DB_TEXT(contract->payment_url),    DB_TEXT(contract->currency),
                                      DB_NUMBER(contract->bank_ref_len), DB_TEXT(contract->callback_extra),
                                      DB_TEXT(contract->means),          DB_TEXT(contract->query_url),
                                      DB_TEXT(contract->query_states),   DB_TEXT(sealed),
                                      DB_TEXT(contract->gateway),        DB_TEXT(contract->merchant_id)};
    int err = 0;

    if (contract->action == IMPORT_CREATE)
        err = db_execute(db, STATEMENT_CONTRACT_INSERT, params, NULL, &contract->id);
    else if (contract->action == IMPORT_UPDATE)
        err = db_execute(db, STATEMENT_CONTRACT_UPDATE, params, NULL, NULL);
    if (err || contract->linked)
        return err;
    return db_execute(db, STATEMENT_SCHOOL_CONTRACT_PUT,
                      (const struct db_param[]){DB_NUMBER(import->school.id), DB_NUMBER(contract->id)}, NULL, NULL);
}

static int apply_person(struct import *import, struct db *db, struct import_person *person)
{
    struct db_param params[PERSON_FIELD_COUNT + 4];
    size_t n = 0;

    if (person->action == IMPORT_UNCHANGED)
        return 0;
    while (n < PERSON_FIELD_COUNT) {
        params[n] = DB_TEXT(person->fields[n]);
        n++;
    }
    if (person->action == IMPORT_UPDATE) {
        params[n] = DB_NUMBER(person->id);
        return db_execute(db, STATEMENT_PERSON_UPDATE, params, NULL, NULL);
    }
    params[n++] = DB_NUMBER(import->school.id);
    params[n++] = DB_TEXT(person->key);
    params[n++] = DB_TEXT(person->password_hash);
    params[n] = DB_NUMBER(person->generated);
    return db_execute(db, STATEMENT_PERSON_INSERT, params, NULL, &person->id);
}

static int apply_account(struct import *import, struct db *db, struct import_account *account)
{
    const struct db_param params[] = {DB_TEXT(account->last_name),
                                      DB_TEXT(account->first_name),
                                      DB_TEXT(account->class_name),
                                      TEXT_OR_NULL(account->balance_cents),
                                      TEXT_OR_NULL(account->balance_at),
                                      DB_NUMBER(import->school.id),
                                      DB_TEXT(account->key)};
    if (account->action == IMPORT_CREATE)
        return db_execute(db, STATEMENT_CANTEEN_ACCOUNT_INSERT, params, NULL, &account->id);
    return account->action == IMPORT_UPDATE ? db_execute(db, STATEMENT_CANTEEN_ACCOUNT_UPDATE, params, NULL, NULL) : 0;
}

static int apply_link(struct db *db, const struct import_link *link)
{
    const struct db_param params[] = {DB_NUMBER(link->person->id), DB_NUMBER(link->account->id)};
    return link->action == IMPORT_CREATE ? db_execute(db, STATEMENT_LINK_INSERT, params, NULL, NULL) : 0;
}

static int update_claim(struct db *db, const struct import_claim *claim)
{
    const struct db_param params[] = {DB_TEXT(claim->label),          TEXT_OR_NULL(claim->due_date),
                                      DB_NUMBER(claim->amount_cents), DB_NUMBER(claim->direct_debit),
                                      DB_NUMBER(claim->id),           DB_NUMBER(claim->amount_cents)};
    int64_t matched = 0;
    int err = db_execute(db, STATEMENT_CLAIM_UPDATE, params, &matched, NULL);
    if (err || matched == 1)
        return err;
    admin_fail("claims.csv:%u: more of it was paid a moment ago; run the import again", claim->line);
    return ERR_CONFLICT;
}

static int apply_claim(struct import *import, struct db *db, struct import_claim *claim)
{
    const struct db_param params[] = {DB_TEXT(claim->label),          TEXT_OR_NULL(claim->due_date),
                                      DB_NUMBER(claim->amount_cents), DB_NUMBER(claim->direct_debit),
                                      DB_NUMBER(import->school.id),   DB_NUMBER(claim->account->id),
                                      DB_TEXT(claim->number)};
    if (claim->action == IMPORT_CREATE)
        return db_execute(db, STATEMENT_CLAIM_INSERT, params, NULL, &claim->id);
    return claim->action == IMPORT_UPDATE ? update_claim(db, claim) : 0;
}

int import_apply(struct import *import, struct db *db)
{
    int err = apply_school(import, db);
    if (!err)
        err = apply_contract(import, db);
    for (size_t i = 0; !err && i < import->n_persons; i++)
        err = apply_person(import, db, &import->persons[i]);
    for (size_t i = 0; !err && i < import->n_accounts; i++)
        err = apply_account(import, db, &import->accounts[i]);
    for (size_t i = 0; !err && i < import->n_links; i++)
        err = apply_link(db, &import->links[i]);
    for (size_t i = 0; !err && i < import->n_claims; i++)
        err = apply_claim(import, db, &import->claims[i]);
    return err;
}
