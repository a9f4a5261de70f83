/* family_samples: the home page and the form "Créditer un compte", filled for test_pages.c. */
#ifndef DP_TESTS_FAMILY_SAMPLES_H
#define DP_TESTS_FAMILY_SAMPLES_H

#include "tests/view_samples.h"
#include "unit/claim_samples.h"

static const struct credit_line_view *three_credit_lines(void)
{
    static struct credit_line_view lines[3];
    static struct claim_line_view claim;
    static const char *const suffixes[] = {"", "_2", "_3"};

    claim = (struct claim_line_view){.account = text("Julia Durand"),
                                     .label = text("Forfait"),
                                     .number = text("150510"),
                                     .due_date = text("30 juin 2026"),
                                     .account_value = text("12"),
                                     .claim_value = text("7"),
                                     .amount = text("158,50 €")};
    for (unsigned i = 0; i < COUNT(lines); i++) {
        lines[i] = (struct credit_line_view){.suffix = str_from(suffixes[i]),
                                             .numbered = true,
                                             .amount_hint = i == 0,
                                             .claim_hint = i == 0,
                                             .focus = i == 1,
                                             .number = i + 1,
                                             .remove_value = text("3"),
                                             .claim_line = i == 2 ? &claim : NULL,
                                             .commensal = i > 0,
                                             .account_error = text("Choisissez un compte."),
                                             .must_choose = i > 0,
                                             .accounts = two_options(),
                                             .n_accounts = 2,
                                             .claim_error = text("Cette créance est déjà réglée."),
                                             .claims = two_options(),
                                             .n_claims = 2,
                                             .montant = field("158,50")};
    }
    return lines;
}

static void render_home(struct buf *out)
{
    struct home_view view = {.page = page("Accueil", NULL), .settled = one_settled(), .n_settled = fill != FILL_EMPTY};
    const struct text_view address[] = {{text("2 av. Madeleine Bonnaud")}, {text("13770 Venelles")}};
    const struct open_claim_view claims[] = {
        {.account = text("Julia Durand"),
         .label = text("Forfait"),
         .claim_id = text("12"),
         .remaining = text("158,50 €"),
         .has_box = true},
        {.account = text("Charlie Durand"),
         .label = text("Forfait"),
         .number = text("150510"),
         .due_date = text("30 juin 2026"),
         .overdue = true,
         .remaining = text("20,00 €"),
         .others = text("5,00 €"),
         .direct_debit = true,
         .bar = one_bar()},
    };
    const struct due_view due = {
        .count = 2, .total = text("178,50 €"), .first = claims[0], .several = true, .lines_max = 20};
    const struct account_view accounts[] = {
        {.id = 1,
         .name = text("Julia Durand"),
         .class_name = text("2nde 4"),
         .balance = text("−12,30 €"),
         .balance_below_zero = true,
         .balance_date = text("28 novembre 2026"),
         .paid_since = text("50,00 €"),
         .paid_by_others = text("20,00 €"),
         .taken_back = text("30,00 €"),
         .claims = claims,
         .n_claims = COUNT(claims),
         .n_more_claims = 3},
        {.id = 2, .name = text("Charlie Durand")},
    };
    const struct pending_view pending[] = {
        {text("dem20260329104212K7P"), text("158,50 €"), text("28 mars 2026"), text("29 mars 2026 à 10 h 42")},
        {text("dem20260329104212K7Q"), text("15,50 €"), text("28 mars 2026"), STR_NULL}};

    if (fill != FILL_EMPTY) {
        view.due = &due;
        view.pending = pending;
        view.n_pending = COUNT(pending);
        view.contact_lines = address;
        view.n_contact_lines = COUNT(address);
        view.accounts = accounts;
        view.n_accounts = COUNT(accounts);
        view.several_accounts = view.ticking = view.payments_closed = true;
    }
    template_page_home(out, &view);
}

static void render_credit(struct buf *out)
{
    struct credit_view view = {
        .page = page("Créditer un compte", "montant_2"), .bars = one_bar(), .n_bars = fill != FILL_EMPTY};
    const struct text_view remarks[] = {{text("Une créance n'est pas reprise.")}};

    if (fill != FILL_EMPTY) {
        view.reference = text("dem20260329104212K7P");
        view.token = text("one-time");
        view.type_claim = view.part_payment_allowed = true;
        view.type_error = text("Choisissez un type de règlement.");
        view.remarks = remarks;
        view.n_remarks = COUNT(remarks);
        view.lines = three_credit_lines();
        view.n_lines = 3;
        view.several_lines = view.can_add = true;
        view.lines_max = 20;
        view.total = text("317,00 €");
        view.total_error = text("Le montant maximal est dépassé.");
        view.amount_min = text("1,00 €");
        view.amount_max = text("10 000,00 €");
        view.courriel = field("jean.durand@example.org");
        view.commentaires = field("Bonne réception !");
    }
    template_page_credit(out, &view);
}

#endif
