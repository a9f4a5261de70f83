/* views: what each page shows, as typed structs (accounts, claims and payments: payment_views.h; mails: mail_views.h).
 * C fills them, the template of the same name renders them: pages/login.html shows a struct login_view.
 *
 * Rules that hold everywhere:
 *   - every text is a struct str in UTF-8, not escaped (the template escapes), borrowed until rendered;
 *   - amounts and dates come ready to read: money_format()'s "158,50 €", "29 mars 2026 à 10 h 42" (Europe/Paris, U+00A0
 *     between the parts); a member that ends in _iso is "2026-03-29T10:42:00+02:00", for <time datetime>;
 *   - a text that may be absent is then empty (len 0), and its part of the page is left out;
 *   - a list is a pointer and its n_…; zero is always allowed;
 *   - a zeroed struct is a valid view: an empty page, logged out, without errors. */
#ifndef DP_TEMPLATES_VIEWS_H
#define DP_TEMPLATES_VIEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"
#include "common/template.h"

/* ---- parts shared by pages ---- */

enum { LOGO_HEIGHT = 40 }; /* pixels; _head.html and site.css say the same */

/* One wrong field in the summary at the top of a form. */
struct field_error_view {
    struct str field;   /* "montant": the form name of the field, which is its id too; radios of `type`: "type" */
    struct str message; /* "Indiquez un montant, par exemple 158,50." */
};

/* The end of the session, told in time: see the sheet's .session. */
struct session_end_view {
    struct safe_url
        clock_url;   /* a sheet with the seconds until the warning and until the end; empty: those of site.css */
    struct str wait; /* from the one to the other: "dans 5 minutes environ" */
    bool is_last;    /* nothing extends the session beyond this end */
};

/* What every page has: head, header, footer. Always the first member of a page's view, named `page`. */
struct page_view {
    struct str title;       /* of this page, for <title>; without the service's name */
    struct str school_kind; /* "du lycée", "du collège", "de la cité scolaire"; "du lycée / collège" while no one is
                               logged in */
    struct str school_name;                     /* "Lycée Jean-Monnet" */
    struct safe_url sheet_url;                  /* the school's style sheet, with its accents; empty: the site's own */
    struct safe_url logo_url;                   /* the school's logo; empty: the site's mark */
    int64_t logo_width;                         /* pixels, at LOGO_HEIGHT */
    bool logged_in;                             /* shows "Connecté sous", the log-out form and the link home */
    struct str user_name;                       /* "Jean Durand" */
    const struct session_end_view *session_end; /* while logged in */
    struct str csrf;                            /* token of every POST form of the page */
    bool demonstration;                         /* [site] mode = demonstration: says that no real money moves */
    struct str notice; /* what has just succeeded, above the content: "Vos coordonnées sont enregistrées." */
    const struct field_error_view *errors; /* in the order of the fields; each repeated at its field */
    unsigned n_errors;
};

/* A text field of a form: what was typed and, after a refusal, why. */
struct field_view {
    struct str value; /* kept as typed; never set for a password */
    struct str error; /* empty: nothing wrong */
};

/* One entry of a <select>. */
struct option_view {
    struct str value;
    struct str label;
    bool selected;
};

/* A hidden field of a form. */
struct hidden_view {
    struct str name;
    struct str value;
};

/* One line of an address, or of any text shown line by line. */
struct text_view {
    struct str text;
};

/* One line of a payment: for whom, for what, how much. Used by pages and mails. */
struct payment_line_view {
    struct str last_name;
    struct str first_name;
    struct str class_name; /* "3e B"; none for a commensal */
    struct str claim;      /* number and label of the claim: "n° 150509, forfait demi-pension avril–juin" */
    bool unassigned_claim; /* type creance, but no claim was chosen: "créance à imputer" */
    bool commensal;        /* a staff member's own account: "Nom" instead of "Nom de l'élève" */
    struct str amount;
};

/* ---- pages ---- */

/* GET and POST /connexion */
struct login_view {
    struct page_view page;
    struct field_view identifiant;
    struct field_view mot_de_passe; /* value unused */
    bool logged_out;                /* the visitor has just logged out */
    bool expired;                   /* the session had expired */
    bool wanted;                    /* the login leads to a page that was asked for */
    bool form_lost;                 /* a form was sent there without a login, and nothing of it is kept */
};

/* A row of the login history. */
struct login_row_view {
    struct str at;
    struct str at_iso;
    bool success;
    struct str address; /* shortened: "192.0.2.…" */
    struct str browser; /* "Firefox sur Windows" */
};

/* GET /historique/connexions */
struct login_history_view {
    struct page_view page;
    const struct login_row_view *rows; /* newest first */
    unsigned n_rows;
    struct safe_url older_url, newer_url;
};

/* GET and POST /coordonnees */
struct contact_view {
    struct page_view page;
    struct field_view nom;
    struct field_view prenom;
    struct field_view adresse1;
    struct field_view adresse2;
    struct field_view code_postal;
    struct field_view ville;
    struct field_view telephone;
    struct field_view courriel;
};

/* GET /session: opened beside a page that warned of the session's end. */
struct session_view {
    struct page_view page;
    struct str ends_at, ends_at_iso; /* after "jusqu'": "à 22 h 40", on another day "au 30 mars 2026 à 0 h 10" */
    struct str last_at, last_at_iso; /* beyond which nothing extends it */
    bool is_last;                    /* the two are one */
    bool is_new;                     /* a login led here: pages that were open before it cannot be sent any more */
    struct str idle;                 /* how long a session lasts without a further page: "30 minutes" */
};

/* GET /mes-donnees */
struct my_data_view {
    struct page_view page;
    bool too_large; /* the file cannot be made: more is kept than MY_DATA_BYTES_MAX */
    struct str bursar_phone;
    struct str bursar_email;
};

/* The password asked for at first login, or changed at any time. */
struct change_password_view {
    struct page_view page;
    bool first_login;                      /* the password of the letter must go; nothing else is open before */
    struct safe_url action;                /* where the form goes */
    struct str login;                      /* so that password managers file the new password under the right name */
    struct field_view mot_de_passe_actuel; /* asked for unless first_login; value unused */
    int64_t length_min;
    struct field_view mot_de_passe; /* value unused */
    struct field_view confirmation; /* value unused */
};

/* GET and POST /mot-de-passe-oublie */
struct forgotten_view {
    struct page_view page;
    bool sent; /* the answer: the same whether such a person exists or not */
    struct field_view identifiant;
};

/* GET and POST /mot-de-passe/{token} */
struct reset_password_view {
    struct page_view page;
    struct str token; /* of the address */
    int64_t length_min;
    struct field_view mot_de_passe; /* value unused */
    struct field_view confirmation; /* value unused */
};

/* 410: a password link that was used, is older than 30 minutes, or never existed. */
struct token_gone_view {
    struct page_view page;
};

/* GET /aide */
struct help_view {
    struct page_view page;
    struct str bursar_phone; /* of the school; while logged in */
};

/* Who runs the site; what the configuration does not say is empty. */
struct operator_view {
    struct str name;
    struct str address;
    struct str email;
};

/* GET /accessibilite */
struct accessibility_view {
    struct page_view page;
    struct operator_view operator;
    struct str base_url;
    struct str bursar_phone; /* of the school; while logged in */
    struct str bursar_email;
};

/* GET /mentions-legales */
struct legal_notice_view {
    struct page_view page;
    struct operator_view operator;
    struct str host;
    struct str bursar_phone;
    struct str bursar_email;
};

/* GET /donnees-personnelles */
struct privacy_view {
    struct page_view page;
    struct operator_view operator;
    struct str host;
    struct str dpo_email;
    int64_t session_minutes; /* without activity */
    struct str bursar_phone;
    struct str bursar_email;
};

/* Every answer of class 4xx or 5xx that has no page of its own. */
struct error_view {
    struct page_view page;
    int64_t status;
    struct str title;
    struct str advice;
    bool money_may_move; /* adds: if you were paying, do not pay a second time */
    struct str request_id;
};

#endif
