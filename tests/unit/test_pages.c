/* Every page, rendered full, empty and with hostile texts, is well-formed, labelled and harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/family_samples.h"
#include "tests/html_check.c"
#include "tests/view_samples.h"

static void render_login(struct buf *out)
{
    struct login_view view = {.page = page("Connexion", "identifiant")};

    if (fill != FILL_EMPTY) {
        view.identifiant = field("durand");
        view.mot_de_passe = field("");
        view.logged_out = view.expired = view.wanted = view.form_lost = true;
    }
    template_page_login(out, &view);
}

static void render_a_recap(struct buf *out, bool of_several_lines)
{
    struct recap_view view = {
        .page = page("Récapitulatif du paiement", NULL), .bars = one_bar(), .n_bars = fill == FILL_HOSTILE};
    const struct card_brand_view brands[] = {
        {text("CBS"), text("CB, Visa, Mastercard"), url("/statique/carte-bancaire.svg")},
        {text("AMX"), text("American Express"), url("/statique/carte-autre.svg")},
    };

    if (fill != FILL_EMPTY) {
        view.reference = text("dem20260329104212K7P");
        view.created_at = text("29 mars 2026 à 10 h 42");
        view.created_at_iso = text("2026-03-29T10:42:00+02:00");
        view.is_claim = true;
        view.several_lines = of_several_lines;
        view.lines = two_lines();
        view.n_lines = 2;
        view.amount = text("198,50 €");
        view.email = text("jean.durand@example.org");
        view.comment = text("Avis n° 150509.\nBonne réception !");
        view.brands = brands;
        view.n_brands = COUNT(brands);
        view.similar_reference = text("dem20260329104000AAA");
    }
    template_page_recap(out, &view);
}

static void render_recap(struct buf *out)
{
    render_a_recap(out, false);
}

static void render_recap_of_several_lines(struct buf *out)
{
    render_a_recap(out, true);
}

static void render_history(struct buf *out)
{
    struct history_view view = {.page = page("Historique", NULL)};
    const struct history_part_view parts[] = {{text("Julia Durand"), text("158,50 €")},
                                              {text("Charlie Durand"), text("20,00 €")}};
    const struct history_row_view rows[] = {
        {.date = text("29/03/2026 à 10 h 42"),
         .date_iso = text("2026-03-29T10:42:00+02:00"),
         .account = text("Julia Durand"),
         .amount = text("158,50 €"),
         .state_name = text("AUTHORISED"),
         .state_label = text("Paiement validé"),
         .reference = text("dem20260329104212K7P"),
         .receipt = text("2026-000123")},
        {.parts = parts,
         .n_parts = COUNT(parts),
         .state_name = text("PENDING"),
         .state_label = text("En attente de paiement")},
    };

    if (fill != FILL_EMPTY) {
        view.rows = rows;
        view.n_rows = COUNT(rows);
        view.older_url = url("/historique?avant=12");
        view.newer_url = url("/historique");
    }
    template_page_history(out, &view);
}

static void render_certificate(struct buf *out)
{
    struct certificate_view view = {.page = page("Attestation", NULL)};
    const struct year_account_view accounts[] = {{text("Julia Durand (3e B)"), 2, text("158,50 €")}};
    const struct year_payment_view payments[] = {{text("29/03/2026 à 10 h 42"), text("2026-03-29T10:42:00+02:00"),
                                                  text("dem20260329104212K7P"), text("2026-000123"), text("158,50 €")}};

    if (fill != FILL_EMPTY) {
        view.year_is_open = view.payments_cut = true;
        view.year = view.made_at = view.made_at_iso = view.school_city = view.payer_address = text("Aix-en-Provence");
        view.total = view.total_words = text("158,50 €");
        view.year_accounts = accounts;
        view.n_year_accounts = COUNT(accounts);
        view.year_payments = payments;
        view.n_year_payments = COUNT(payments);
        view.year_months = accounts;
        view.n_year_months = COUNT(accounts);
    }
    template_page_certificate(out, &view);
}

static void render_login_history(struct buf *out)
{
    struct login_history_view view = {.page = page("Historique de connexion", NULL)};
    const struct login_row_view rows[] = {
        {text("29 mars 2026 à 10 h 42"), text("2026-03-29T10:42:00+02:00"), true, text("192.0.2.14"), text("Firefox")},
        {text("28 mars 2026 à 10 h 42"), text("2026-03-28T10:42:00+01:00"), false, text("2001:db8::1"), text("curl")},
    };

    if (fill != FILL_EMPTY) {
        view.rows = rows;
        view.n_rows = COUNT(rows);
    }
    template_page_login_history(out, &view);
}

static void render_contact(struct buf *out)
{
    struct contact_view view = {.page = page("Coordonnées", "code_postal")};

    if (fill != FILL_EMPTY) {
        view.nom = view.prenom = view.adresse1 = view.adresse2 = field("Durand");
        view.code_postal = view.ville = view.telephone = view.courriel = field("13770");
    }
    template_page_contact(out, &view);
}

static void render_change_password(struct buf *out)
{
    struct change_password_view view = {.page = page("Mot de passe", "confirmation"),
                                        .action = url("/mot-de-passe"),
                                        .login = text("durand"),
                                        .length_min = 12};

    if (fill != FILL_EMPTY) {
        view.mot_de_passe = view.confirmation = field("");
    }
    template_page_change_password(out, &view);
}

static void render_forgotten(struct buf *out)
{
    struct forgotten_view view = {.page = page("Mot de passe oublié", "identifiant"), .identifiant = field("durand")};

    template_page_forgotten(out, &view);
}

static void render_forgotten_sent(struct buf *out)
{
    struct forgotten_view view = {.page = page("Mot de passe oublié", NULL), .sent = true};

    template_page_forgotten(out, &view);
}

static void render_reset_password(struct buf *out)
{
    struct reset_password_view view = {
        .page = page("Mot de passe", "mot_de_passe"), .token = text("abc"), .length_min = 12};

    if (fill != FILL_EMPTY) {
        view.mot_de_passe = view.confirmation = field("");
    }
    template_page_reset_password(out, &view);
}

static void render_token_gone(struct buf *out)
{
    template_page_token_gone(out, &(struct token_gone_view){.page = page("Lien expiré", NULL)});
}

static void render_bank_return(struct buf *out)
{
    template_page_bank_return(out, &(struct bank_return_view){.page = page("Vérification", NULL)});
}

static void render_help(struct buf *out)
{
    template_page_help(out, &(struct help_view){.page = page("Aide", NULL), .bursar_phone = text("04 42 00 00 00")});
}

static struct operator_view site_operator(void)
{
    if (fill == FILL_EMPTY) {
        return (struct operator_view){.name = STR_NULL};
    }
    return (struct operator_view){text("Région Sud"), text("27 place Jules-Guesde, Marseille"),
                                  text("site@example.org")};
}

static void render_accessibility(struct buf *out)
{
    struct accessibility_view view = {.page = page("Accessibilité", NULL), .operator= site_operator()};

    if (fill != FILL_EMPTY) {
        view.base_url = text("https://cantine.example.org");
        view.bursar_phone = text("04 42 00 00 00");
        view.bursar_email = text("gestionnaire@example.org");
    }
    template_page_accessibility(out, &view);
}

static void render_legal_notice(struct buf *out)
{
    struct legal_notice_view view = {.page = page("Mentions légales", NULL), .operator= site_operator()};

    if (fill != FILL_EMPTY) {
        view.host = text("Hôte, 1 rue du Lac, Sète");
        view.bursar_phone = text("04 42 00 00 00");
        view.bursar_email = text("gestionnaire@example.org");
    }
    template_page_legal_notice(out, &view);
}

static void render_privacy(struct buf *out)
{
    struct privacy_view view = {
        .page = page("Données personnelles", NULL), .operator= site_operator(), .session_minutes = 30};

    if (fill != FILL_EMPTY) {
        view.host = text("Hôte, 1 rue du Lac, Sète");
        view.dpo_email = text("dpo@example.org");
        view.bursar_email = text("gestionnaire@example.org");
    }
    template_page_privacy(out, &view);
}

static void render_error(struct buf *out)
{
    struct error_view view = {.page = page("Erreur", NULL),
                              .status = 503,
                              .title = text("Service indisponible"),
                              .advice = text("Recommencez dans une minute."),
                              .money_may_move = true,
                              .request_id = text("7f3a9c01")};

    template_page_error(out, &view);
}

static const struct rendering renderings[] = {
    {"login", render_login},
    {"home", render_home},
    {"credit", render_credit},
    {"recap", render_recap},
    {"recap, several lines", render_recap_of_several_lines},
    {"history", render_history},
    {"certificate", render_certificate},
    {"login_history", render_login_history},
    {"contact", render_contact},
    {"change_password", render_change_password},
    {"forgotten", render_forgotten},
    {"forgotten, sent", render_forgotten_sent},
    {"reset_password", render_reset_password},
    {"token_gone", render_token_gone},
    {"bank_return", render_bank_return},
    {"help", render_help},
    {"accessibility", render_accessibility},
    {"legal_notice", render_legal_notice},
    {"privacy", render_privacy},
    {"error", render_error},
};

static void every_page_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(renderings); i++) {
        assert_null(rendering_check(&renderings[i], HTML_PAGE));
    }
}

/* The labels of the manual of 2009, in its order. */
static void labels_of_the_manual(void **state)
{
    static const struct {
        void (*render)(struct buf *out);
        const char *labels[16];
    } cases[] = {
        {render_home,
         {"Règlement en ligne de la demi-pension", "Connecté sous", "Se déconnecter",
          "Quelle opération souhaitez-vous réaliser", "Créditer un compte", "Consulter mon historique",
          "Modifier mes coordonnées", "Aide", "Réalisé par", NULL}},
        {render_credit,
         {"Type de règlement", "Effectuer un paiement d'avance", "Régler une créance", "Nom de l'élève",
          "Montant de la transaction", "Courriel", "Commentaires", "Retour à l'accueil", NULL}},
        {render_recap,
         {"Récapitulatif du paiement", "Référence transaction", "Type de règlement", "Nom de l'élève",
          "Prénom de l'élève", "de la transaction", "Courriel", "Commentaires", "Paiement sécurisé par CB",
          "Cliquer sur l'image ci-dessus pour régler", "Imprimer le récapitulatif", "Modifier les informations", NULL}},
        {render_history,
         {"Encaissements par Internet", "Date", "Compte", "Montant", "État", "Historique de connexion",
          "Retour à l'accueil", NULL}},
    };
    struct buf out;

    (void)state;
    fill = FILL_FULL;
    for (size_t i = 0; i < COUNT(cases); i++) {
        buf_init(&out, RENDERED_SIZE_MAX);
        cases[i].render(&out);
        assert_true(holds_in_order(buf_str(&out), cases[i].labels));
        buf_done(&out);
    }
}

/* What was typed comes back, at the field that is wrong and as it was. */
static void refused_form_keeps_what_was_typed(void **state)
{
    static const char *const expected[] = {"<a href=\"#montant_2\">À corriger.</a>",
                                           "action=\"/crediter?reference=dem20260329104212K7P\"",
                                           "value=\"creance\" required checked>",
                                           "<option value=\"12\" selected>",
                                           "id=\"montant_2-erreur\">À corriger.</p>",
                                           "name=\"montant_2\"",
                                           "value=\"158,50\"",
                                           "aria-invalid=\"true\"",
                                           "name=\"creance_3\" value=\"7\"",
                                           "name=\"retirer\" value=\"3\"",
                                           "name=\"ajouter\"",
                                           "value=\"jean.durand@example.org\"",
                                           ">\nBonne réception !</textarea>",
                                           NULL};
    struct buf out;

    (void)state;
    fill = FILL_FULL;
    buf_init(&out, RENDERED_SIZE_MAX);
    render_credit(&out);
    assert_true(holds_in_order(buf_str(&out), expected));
    buf_done(&out);
}

/* The checker itself must be able to refuse. */
static void checker_refuses(void **state)
{
    static const char *const wrong[] = {
        "<main><h1>a</main></h1>",
        "<main><h1>a</h1>",
        "<main><h1 class=a>a</h1></main>",
        "<main><h1 class=\"a\" class=\"b\">a</h1></main>",
        "<main><h1 style=\"color:red\">a</h1></main>",
        "<main><h1 onclick=\"x\">a</h1></main>",
        "<main><h1>a</h1><script></script></main>",
        "<main><h1>a</h1><img alt=\"\" src=\"//evil.example/a.png\"></main>",
        "<main><h1>a</h1><img src=\"/statique/a.svg\"></main>",
        "<main><h1>a</h1><form method=\"post\"></form></main>",
        "<main><h1>a</h1><input id=\"x\"></main>",
        "<main><h1>a</h1><a href=\"#x\">x</a></main>",
        "<main><h1 id=\"x\">a</h1><p id=\"x\"></p></main>",
        "<main><h1>Vraiment ?</h1></main>",
        "<main><p>a</p></main>",
    };

    (void)state;
    assert_null(html_check(STR("<main><h1>a</h1></main>"), HTML_PAGE));
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_non_null(html_check(str_from(wrong[i]), HTML_PAGE));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_is_sound),
        cmocka_unit_test(labels_of_the_manual),
        cmocka_unit_test(refused_form_keeps_what_was_typed),
        cmocka_unit_test(checker_refuses),
    };

    return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
