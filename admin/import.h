/* import: a school's families and claims, from files to one SQL transaction.
 *
 *   read (school.ini, families.csv, claims.csv) → check (every line, all faults said) → compare (with the database)
 *   → apply (all or nothing)
 *
 * Everything lives in one arena until the command ends; texts are slices of it. */
#ifndef DP_ADMIN_IMPORT_H
#define DP_ADMIN_IMPORT_H

#include "admin/db.h"
#include "admin/import_fault.h"
#include "admin/import_identity.h"
#include "common/arena.h"
#include "common/config.h"
#include "common/vault.h"

enum { IMPORT_ARENA_MAX = 1 << 29, IMPORT_ROWS_MAX = 100000, IMPORT_FILE_MAX = 32 << 20 };

enum import_action { IMPORT_UNCHANGED, IMPORT_CREATE, IMPORT_UPDATE };

struct import_school {
    struct str uai, name, kind, city, bursar_email, bursar_phone, reference_prefix;
    int64_t amount_min_cents, amount_max_cents;
    bool part_payment_allowed;
    struct str colour;              /* "#7b2d5e"; empty: none */
    struct import_file sheet, logo; /* made from it, and read */
    int64_t id;                     /* 0: new */
    enum import_action action;
};

struct import_contract {
    struct str gateway, merchant_id, payment_url, currency, callback_extra, means, query_url, query_states;
    struct str key; /* as the bank wrote it: secret */
    int64_t bank_ref_len;
    int64_t id;
    enum import_action action;
    bool linked; /* the school uses it already */
};

/* What a person's row says of the person, in the order of the columns. */
enum import_person_field {
    PERSON_LOGIN,
    PERSON_ROLE,
    PERSON_LAST_NAME,
    PERSON_FIRST_NAME,
    PERSON_ADDRESS1,
    PERSON_ADDRESS2,
    PERSON_POSTCODE,
    PERSON_CITY,
    PERSON_PHONE,
    PERSON_EMAIL,
    PERSON_FIELD_COUNT,
};

struct import_person {
    unsigned line;
    struct str key;
    struct str fields[PERSON_FIELD_COUNT];
    struct str password; /* given (demonstration) or generated; empty for a person who exists */
    bool generated;
    struct str password_hash;
    int64_t id;
    enum import_action action;
};

struct import_account {
    unsigned line;
    struct str key, last_name, first_name, class_name;
    struct str said_balance, said_balance_at; /* as the file has them */
    struct str balance_cents;                 /* "-1230"; empty: not said */
    struct str balance_at;                    /* as import_moment_sql() writes it */
    int64_t id;
    enum import_action action;
};

struct import_link {
    struct import_person *person;
    struct import_account *account;
    enum import_action action;
};

struct import_claim {
    unsigned line;
    struct str number, label;
    struct str due_date; /* "2027-01-31"; empty: none */
    struct import_account *account;
    int64_t amount_cents;
    bool direct_debit;
    int64_t id;
    enum import_action action;
};

struct import {
    const struct config *config;
    const char *directory;
    const char *bank_url; /* NULL: as school.ini says */
    bool overwrite_contacts;
    struct arena arena;
    struct import_faults faults;
    struct vault *vault;
    struct import_school school;
    struct import_contract contract;
    struct import_person *persons;
    struct import_account *accounts;
    struct import_link *links;
    struct import_claim *claims;
    bool has_balances; /* families.csv has the columns: else what is known stays */
    size_t n_persons, n_accounts, n_links, n_claims;
    unsigned login_column, claim_account_column, claim_amount_column; /* where the database's faults belong */
};

/* Each reads one file and adds its faults; they return nothing because the faults are counted. Families before claims.
 */
void import_read_school(struct import *import);
void import_read_families(struct import *import);
void import_read_claims(struct import *import);

/* Sets the ids and actions from the database, and adds the faults that only it can know (a login that another school's
 * user has). ERR_…: the database failed, said on stderr. */
int import_compare(struct import *import, struct db *db);
/* Gives every new person a hash, and a generated password to those who have none. ERR_UNAVAILABLE: memory is short. */
int import_make_passwords(struct import *import);
/* The generated passwords as a table for letters, mode 0600, on disk when it returns. ERR_IO (also when the file is
 * there already), said on stderr. */
int import_write_credentials(const struct import *import, const char *path);
/* Does what the actions say, inside the transaction that the caller opened. Passwords are set by then. */
int import_apply(struct import *import, struct db *db);

#endif
