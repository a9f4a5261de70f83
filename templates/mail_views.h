/* mail_views: what each mail shows: the subject is made in C, the two bodies here. mail/password_reset.txt and .html
 * show a struct password_reset_view. The rules are those of views.h. */
#ifndef DP_TEMPLATES_MAIL_VIEWS_H
#define DP_TEMPLATES_MAIL_VIEWS_H

#include "templates/views.h"

/* To the parent, once, when the bank accepted. */
struct parent_confirmation_view {
    struct str school_name;
    struct str parent_name;
    struct str reference;
    struct str receipt;
    bool receipt_attached; /* as a PDF */
    struct str paid_at;
    struct str amount;
    bool is_claim;
    const struct payment_line_view *lines;
    unsigned n_lines;
    struct str waiting; /* of the amount, more than the claims still took: "158,50 €"; empty: nothing */
    bool several_lines; /* the total stands below them */
    struct str comment;
    struct safe_url payment_url; /* absolute: the payment's page */
    struct str payment_url_text; /* the same as text */
};

/* To the bursar, with the first. */
struct bursar_confirmation_view {
    struct str school_name;
    struct str parent_name;
    struct str parent_email;
    struct str reference;
    struct str bank_reference;
    struct str receipt;
    struct str paid_at;
    struct str amount;
    bool is_claim;
    const struct payment_line_view *lines;
    unsigned n_lines;
    struct str waiting; /* of the amount, more than the claims still took: "158,50 €"; empty: nothing */
    bool several_lines; /* the total stands below them */
    struct str comment;
};

/* To the bursar, or to the operator when the school is unknown: something does not fit and a human must look. */
struct bursar_review_view {
    struct str school_name;
    int64_t review_id;
    struct str what;   /* review_reason_text(): what happened and what to do */
    struct str detail; /* what was received and what was expected */
    struct str reference;
    struct str amount;
    struct str parent_name;
    struct str received_at;
};

/* To the bursar: a parent says that something is wrong with a payment. Answers go to the parent. */
struct bursar_report_view {
    struct str school_name;
    int64_t review_id;
    const struct text_view *message_lines; /* the parent's words, as typed */
    unsigned n_message_lines;
    struct str reported_at;
    struct str parent_name;
    struct str parent_email;
    struct str reference;
    struct str state_label;
    struct str amount;
    bool is_claim;
    const struct payment_line_view *lines;
    unsigned n_lines;
    bool several_lines; /* the total stands below them */
    struct str comment;
    struct str created_at;
    struct str sent_at; /* empty: never sent to the bank */
    struct str paid_at; /* empty: not accepted */
    struct str bank_reference;
    struct str receipt;
};

/* To the bursar: an accepted payment was taken back by the bank (impayé). */
struct bursar_reversal_view {
    struct str school_name;
    struct str parent_name;
    struct str parent_email;
    struct str reference;
    struct str bank_reference;
    struct str receipt;
    struct str paid_at;
    struct str reversed_at;
    struct str amount;
    const struct payment_line_view *lines;
    unsigned n_lines;
    bool several_lines; /* the total stands below them */
};

/* To a user who forgot the password: login and a link for 30 minutes, once. */
struct password_reset_view {
    struct str school_name;
    struct str user_name;
    struct str login;
    struct safe_url reset_url; /* absolute */
    struct str reset_url_text; /* the same as text */
    struct str valid_until;    /* "29 mars 2026 à 11 h 12" */
};

/* To a user whose password has just changed. */
struct password_changed_view {
    struct str school_name;
    struct str user_name;
    struct str login;
    struct str changed_at;
};

/* To the old address of a user whose address has just changed. */
struct email_changed_view {
    struct str school_name;
    struct str user_name;
    struct str new_email; /* masked: "j…n@exemple.fr" */
    struct str changed_at;
};

struct command_view {
    struct str command; /* one line for a terminal */
};

/* To the operator: something in the installation needs a human. */
struct operator_alarm_view {
    struct str school_name; /* the mail's foot; no school here */
    struct str site;
    struct str what; /* one sentence with the count */
    struct str detail;
    struct str raised_at;
    struct str meaning;
    const struct command_view *commands;
    unsigned n_commands;
    bool reminds; /* says how often this mail comes again */
};

/* To the operator: the bank's silence is over. */
struct operator_alarm_ended_view {
    struct str school_name;
    struct str site;
    struct str raised_at;
    struct str ended_at;
};

#endif
