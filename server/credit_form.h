/* credit_form: the form "Créditer un compte" between what was typed and what will be stored. Reads fields, judges them
 * against the person's accounts and open claims, keeps what was typed together with what is wrong with it. */
#ifndef DP_SERVER_CREDIT_FORM_H
#define DP_SERVER_CREDIT_FORM_H

#include "common/arena.h"
#include "server/db_pool.h"
#include "server/form.h"
#include "server/open_claims.h"

enum { CREDIT_LINES_MAX = 20, CREDIT_COMMENT_MAX = 1000 };

struct account {
    int64_t id;
    struct str name;       /* "Julia Durand" */
    struct str class_name; /* empty for a commensal */
};

struct accounts {
    const struct account *items;
    unsigned n_items;
};

/* SQL_ACCOUNTS's rows. */
struct accounts accounts_read(struct arena *arena, const struct db_result *result);

/* What a person may pay, and the school's rules. */
struct credit_rules {
    struct accounts accounts;
    struct open_claims claims;
    int64_t amount_min_cents, amount_max_cents;
    bool part_payment_allowed;
};

struct credit_line {
    struct str suffix;                                /* "", "_2" … "_20" */
    struct str account_text, claim_text, amount_text; /* as typed */
    int64_t account_id;                               /* 0: none chosen */
    int64_t claim_id;                                 /* 0: none */
    int64_t amount_cents;
    struct str account_error, claim_error, amount_error; /* in French; empty when good */
};

struct credit_form {
    bool type_chosen, is_claim;
    struct credit_line lines[CREDIT_LINES_MAX];
    unsigned n_lines; /* at least 1 */
    struct str email, comment;
    struct str type_error, email_error, comment_error;
    int64_t total_cents;
    unsigned n_errors;
};

/* Takes the fields as typed; judges nothing. */
void credit_form_read(struct credit_form *form, struct arena *arena, const struct form *fields);
/* Judges them: fills ids, cents and errors. Messages live in `arena`. Good when form->n_errors is 0. */
void credit_form_check(struct credit_form *form, struct arena *arena, const struct credit_rules *rules);

#endif
