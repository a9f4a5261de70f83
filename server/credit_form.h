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
bool accounts_have(const struct accounts *accounts, int64_t id);

/* What a person may pay, and the school's rules. */
struct credit_rules {
    struct accounts accounts;
    struct open_claims claims;
    int64_t amount_min_cents, amount_max_cents;
    bool part_payment_allowed;
};

struct credit_line {
    unsigned number;                                  /* 1 … CREDIT_LINES_MAX: of its fields */
    struct str suffix;                                /* of their names: "", "_2" … "_20" */
    struct str account_text, claim_text, amount_text; /* as typed */
    int64_t account_id;                               /* 0: none chosen */
    int64_t claim_id;                                 /* 0: none */
    int64_t amount_cents;
    struct str account_error, claim_error, amount_error; /* in French; empty when good */
    bool is_good;                                        /* judged, and nothing is wrong with it */
};

struct credit_form {
    bool type_chosen, is_claim;
    struct credit_line lines[CREDIT_LINES_MAX];
    unsigned n_lines; /* at least 1 */
    struct str email, comment;
    struct str type_error, total_error, email_error, comment_error;
    int64_t total_cents; /* once judged: of the good lines */
    unsigned n_errors;
};

/* Gives the line its number and so the names of its fields. */
void credit_line_number(struct credit_line *line, struct arena *arena, unsigned number);
/* Nothing is typed in it; an account may be chosen, where there is only one. */
bool credit_line_is_blank(const struct credit_line *line);

/* Takes the fields as typed; judges nothing. */
void credit_form_read(struct credit_form *form, struct arena *arena, const struct form *fields);
/* The same with all lines that were shown, also those in which nothing is typed or chosen. */
void credit_form_read_shown(struct credit_form *form, struct arena *arena, const struct form *fields);
/* Judges them: fills ids, cents and errors. Messages live in `arena`. Good when form->n_errors is 0. */
void credit_form_check(struct credit_form *form, struct arena *arena, const struct credit_rules *rules);
/* Judges a form that nobody has handed in yet: learns which lines are good and what they come to, and complains of
 * nothing. */
void credit_form_weigh(struct credit_form *form, struct arena *arena, const struct credit_rules *rules);

#endif
