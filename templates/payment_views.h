/* payment_views: what the pages on accounts, claims and payments show. The rules are those of views.h. */
#ifndef DP_TEMPLATES_PAYMENT_VIEWS_H
#define DP_TEMPLATES_PAYMENT_VIEWS_H

#include "templates/views.h"

/* Why a claim cannot be paid by card now, and what to do instead: the partial claim_bar. Exactly one of the is_… is
 * true. */
struct claim_bar_view {
    struct str claim; /* for a page that shows several: "Julia Durand, forfait demi-pension avril–juin" */
    bool is_settled;
    bool is_direct_debit;
    bool is_held;     /* another payment of it is at the bank */
    bool is_too_much; /* less remains than this payment has for it */
    struct str
        own_reference; /* is_held, is_settled: the person's own payment that does or did it; empty: another payer's */
    struct str since;  /* is_held: "29 mars 2026 à 10 h 42" */
    struct str until;  /* is_held: "11 h 42" */
    struct str remaining; /* is_too_much: "58,50 €" */
};

/* A claim that another payer settled a short while ago. */
struct settled_claim_view {
    struct str account;
    struct str label;
    struct str number;
    struct str others;     /* what they settled: "158,50 €" */
    struct str settled_at; /* "29 mars 2026 à 10 h 42" */
};

/* An open claim, at a glance on the home page, under its account. */
struct open_claim_view {
    struct str account;  /* "Julia Durand" */
    struct str label;    /* "Forfait demi-pension avril–juin" */
    struct str number;   /* of the notice */
    struct str due_date; /* "30 juin 2026" */
    bool overdue;
    struct str remaining;             /* "158,50 €" */
    struct str others;                /* of it settled by another payer: "50,00 €"; empty: nothing */
    bool direct_debit;                /* nobody is in time or late */
    const struct claim_bar_view *bar; /* NULL: payable */
    struct str claim_id; /* the form opens with this claim chosen: /crediter?creance=…; empty: not payable now */
    bool has_box;        /* payable, and not the only one: can be ticked */
};

/* A canteen account at a glance on the home page: a pupil's, or a commensal's own. */
struct account_view {
    int64_t id;
    struct str name;         /* "Julia Durand" */
    struct str class_name;   /* "2nde 4"; none for a commensal */
    struct str balance;      /* the school's word, "23,40 €"; empty: it does not say, and nothing is said of money */
    bool balance_below_zero; /* said in words, too */
    struct str balance_date; /* "28 novembre 2026", "28 novembre 2026 à 18 h 30" */
    struct str paid_since;   /* on this site since that moment; never added to the balance */
    struct str paid_by_others;            /* of it */
    bool only_by_others;                  /* all of it */
    struct str taken_back;                /* payments of this site rejected or given back since that moment */
    const struct open_claim_view *claims; /* the first due of all accounts */
    unsigned n_claims;
    int64_t n_more_claims; /* due later and not listed */
};

/* A payment that the bank has not answered yet, or that was left before the bank, on the home page. */
struct pending_view {
    struct str reference;
    struct str amount;
    struct str created_at;
    struct str sent_at; /* empty: not sent to the bank */
};

/* What there is to pay by card now, in one sentence at the top of the home page. */
struct due_view {
    int64_t count; /* of claims */
    struct str total;
    struct open_claim_view first; /* shown when it is the only one */
    bool several;
    int64_t lines_max; /* several, and more than one payment can take: so many of them; 0: all */
};

/* GET /accueil */
struct home_view {
    struct page_view page;
    const struct due_view *due; /* NULL: nothing to pay */
    const struct pending_view *pending;
    unsigned n_pending;
    const struct text_view *contact_lines; /* address, postcode and town, without the name and without empty lines */
    unsigned n_contact_lines;
    const struct account_view *accounts;
    unsigned n_accounts;
    bool several_accounts;
    bool ticking; /* several claims can be paid now: they have boxes, and the list is a form */
    const struct settled_claim_view *settled; /* by another payer, lately */
    unsigned n_settled;
    bool payments_closed; /* the operator's switch: the action is shown as unavailable */
};

/* A claim that a line of several pays: said, and sent along hidden. */
struct claim_line_view {
    struct str account;
    struct str label;
    struct str number;
    struct str due_date;
    struct str account_value;
    struct str claim_value;
    struct str amount; /* where it cannot be another; empty: a field */
};

/* One line of the form: an account, a claim, an amount. */
struct credit_line_view {
    struct str suffix; /* of ids and names: "" for the first line, "_2" … "_20" for the others */
    bool numbered;     /* not the only line: shows its number, and can be taken out */
    bool amount_hint;  /* has the hint to which the other lines point */
    bool claim_hint;
    bool focus; /* where to go on after a line was added or taken out */
    int64_t number;
    struct str remove_value;                  /* of the button `retirer`: the number of its fields */
    const struct claim_line_view *claim_line; /* NULL: account and claim are chosen from lists */
    bool commensal;                           /* "Compte" instead of "Nom de l'élève" */
    struct str account_error;
    bool must_choose;                   /* several accounts and none chosen: no child is credited by oversight */
    const struct option_view *accounts; /* value: account id; label "Julia Durand (3e B)" */
    unsigned n_accounts;
    struct str claim_error;
    /* value: claim id; label "158,50 € – Julia Durand, Forfait avril–juin, échéance 30 juin 2026":
     * the amount first, since a phone shows only the beginning.
     * The entry "no claim chosen" is the template's. */
    const struct option_view *claims;
    unsigned n_claims;
    struct field_view montant;
};

/* GET and POST /crediter */
struct credit_view {
    struct page_view page;
    struct str reference; /* Modifier les informations: of the payment that is modified; else empty */
    struct str token;     /* hidden field `jeton`: one-time, against double submission */
    bool type_advance;    /* which radio is checked: none, or one of the two */
    bool type_claim;
    struct str type_error;
    const struct text_view *remarks; /* about the claims that were asked for, or the number of lines */
    unsigned n_remarks;
    const struct credit_line_view *lines; /* one or more */
    unsigned n_lines;
    const struct claim_bar_view *bars; /* of the claims that are open and cannot be paid now */
    unsigned n_bars;
    bool several_lines;
    bool can_add; /* one line more */
    int64_t lines_max;
    struct str total; /* of several lines, where it is known */
    struct str total_error;
    struct str amount_min; /* the school's limits, "1,00 €" */
    struct str amount_max;
    bool part_payment_allowed;
    struct field_view courriel;
    struct field_view commentaires;
    bool payments_closed; /* the operator's switch: the form is replaced by an explanation */
};

/* A card brand's button on the recap. */
struct card_brand_view {
    struct str code;       /* value of `moyen`: "CBS" */
    struct str label;      /* "Carte bancaire" */
    struct safe_url image; /* the path in assets[] of "carte-bancaire.svg" or another carte-….svg */
};

/* GET /paiement/{reference} while CREATED */
struct recap_view {
    struct page_view page;
    struct str reference;
    struct str created_at;
    struct str created_at_iso;
    bool is_claim; /* "Régler une créance", else "Effectuer un paiement d'avance" */
    const struct payment_line_view *lines;
    unsigned n_lines;
    bool several_lines; /* n_lines > 1: each line shows its own amount */
    struct str amount;  /* in all */
    struct str email;
    struct str comment;                   /* line breaks are kept */
    const struct card_brand_view *brands; /* at least one */
    unsigned n_brands;
    bool payments_closed;
    const struct claim_bar_view *bars; /* of its claims that cannot be paid now: there is nothing to press */
    unsigned n_bars;
    struct str
        similar_reference; /* a payment of the same accounts and amount, at the bank or paid minutes ago: a warning */
};

/* One thing that is known of a payment, and since when. */
struct proof_view {
    struct str what;       /* "Message de la banque" */
    struct str note;       /* "paiement accepté" */
    struct str hint;       /* "en général quelques jours après son accord" */
    struct str at, at_iso; /* empty: see missing */
    struct str missing;    /* "pas encore" */
};

/* GET /paiement/{reference} once sent to the bank: the payment's true state. Exactly one of the is_… is true.
 * While it is pending the page asks for itself again: the handler sends "Refresh: <refresh_s>" as a header. (A <meta>
 * would not do: templates keep tags out of content=, and accessibility checkers refuse it.) */
struct payment_view {
    struct page_view page;
    struct str reference;
    struct str state_name;  /* "AUTHORISED": for data-state */
    struct str state_label; /* payment_state_label(): "Paiement validé" */
    bool is_pending;        /* the bank has not spoken */
    int64_t refresh_s;      /* the Refresh header's seconds, said in words; 0: no such header */
    bool refresh_stopped;   /* the parent asked for that */
    bool is_paid;           /* AUTHORISED, CAPTURED, SETTLED */
    bool is_declined, is_cancelled, is_expired, is_reversed, is_refunded;
    bool was_sent;     /* to the bank */
    bool is_discarded; /* cancelled by its payer */
    /* Its payer wants it no more, the workers have not yet said so: for a short while that is under way, then late. */
    bool is_discarding, discard_is_late;
    struct str discard_asked_at;
    bool is_long;           /* pending for more than an hour */
    bool bank_is_asked;     /* by us, where it does not call */
    struct str waits_until; /* when an open payment expires */
    const struct proof_view *proofs;
    unsigned n_proofs;
    struct str reported_at; /* the last problem that stands before the bursar */
    bool report_is_on_its_way;
    struct str bursar_email, bursar_phone;
    bool can_discard; /* open, and not asked for yet */
    bool can_resume;  /* pending and within the request's validity: the same signed request may be sent again */
    const struct claim_bar_view *bars; /* pending: why it cannot be resumed although it is valid */
    unsigned n_bars;
    bool under_review;  /* the school is checking something about this payment */
    struct str waiting; /* of it, more than its claims still took, while a human has to say what becomes of that */
    bool is_claim;
    const struct payment_line_view *lines;
    unsigned n_lines;
    bool several_lines;
    struct str amount;
    struct str accepted_at, accepted_at_iso;
    struct str receipt;      /* "2026-000123" */
    struct str amount_words; /* with a receipt: "cent cinquante-huit euros et cinquante centimes" */
    struct str receipt_size; /* with a receipt: of its PDF, "24 ko"; empty: not made yet */
    struct str email;
    struct str comment;
    bool can_pay_again; /* declined, cancelled, expired: a new payment with a new reference */
    /* What the button posts to /crediter: this payment's values under that form's names (csrf is the template's). */
    const struct hidden_view *again_fields;
    unsigned n_again_fields;
};

/* GET /paiement/{reference}/abandonner: the question before it is done. */
struct discard_view {
    struct page_view page;
    struct str reference;
    struct str amount;
    bool is_pending; /* sent to the bank: a card may have been typed there */
    struct str sent_at, sent_at_iso;
};

/* GET, POST /paiement/{reference}/probleme */
struct problem_view {
    struct page_view page;
    struct str reference;
    struct str amount;
    struct str state_label;
    struct str user_email; /* where the bursar answers */
    struct str bursar_email, bursar_phone;
    int64_t reports_max; /* a day */
    bool too_many;       /* that were made already: no form */
    struct field_view message;
};

/* GET, POST /retour-banque without a session: neutral, no personal data. */
struct bank_return_view {
    struct page_view page;
};

/* What a payment for several accounts brings one of them. */
struct history_part_view {
    struct str name; /* the first one, as families say it */
    struct str amount;
};

/* A row of the history: one payment. */
struct history_row_view {
    struct str date; /* "29/03/2026 à 10 h 42" */
    struct str date_iso;
    struct str account;                    /* "Julia Durand" */
    const struct history_part_view *parts; /* of a payment for several accounts: each with its sum */
    unsigned n_parts;
    struct str amount;
    struct str state_name; /* for data-state */
    struct str state_label;
    struct str reference;
    struct str receipt; /* of a payment that stands: "2026-000123" */
};

/* GET /historique */
struct history_view {
    struct page_view page;
    const struct history_row_view *rows; /* newest first */
    unsigned n_rows;
    bool filtered;                      /* not all payments were asked for */
    const struct option_view *accounts; /* the three choices above the table; "all" is the template's for two of them */
    unsigned n_accounts;
    const struct option_view *states;
    unsigned n_states;
    const struct option_view *years;
    unsigned n_years;
    struct safe_url csv_url; /* the same payments, all of them, as a file */
    struct safe_url older_url, newer_url;
};

/* What one account got in a year; or, by the name of a month, what all got in it. */
struct year_account_view {
    struct str name; /* "Julia Durand (3e B)" */
    int64_t payments;
    struct str amount;
};

/* One payment of a year; its date is that of the bank's acceptance. */
struct year_payment_view {
    struct str date, date_iso, reference, receipt, amount;
};

/* GET /historique/attestation */
struct certificate_view {
    struct page_view page;
    struct str year;
    bool year_is_open; /* not over: payments may be added */
    struct str made_at, made_at_iso, school_city;
    struct str payer_address;      /* in one line */
    struct str total, total_words; /* empty: no payment */
    const struct year_account_view *year_accounts;
    unsigned n_year_accounts;
    const struct year_payment_view *year_payments; /* oldest first */
    unsigned n_year_payments;
    const struct year_account_view *year_months; /* instead of too many payments */
    unsigned n_year_months;
    bool payments_cut; /* the payments are not listed one by one */
    const struct option_view *years;
    unsigned n_years;
};

#endif
