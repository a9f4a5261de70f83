/* Every mail: both bodies sound in all fills, complete on their own, harmless with hostile texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/html_check.c"
#include "tests/view_samples.h"

static struct parent_confirmation_view parent_confirmation(void)
{
    if (fill == FILL_EMPTY) {
        return (struct parent_confirmation_view){.reference = STR_NULL};
    }
    return (struct parent_confirmation_view){
        .school_name = text("Lycée Jean-Monnet"),
        .parent_name = text("Jean Durand"),
        .reference = text("dem20260329104212K7P"),
        .receipt = text("2026-000123"),
        .receipt_attached = true,
        .paid_at = text("29 mars 2026 à 10 h 43"),
        .amount = text("198,50 €"),
        .is_claim = true,
        .lines = two_lines(),
        .n_lines = 2,
        .waiting = text("158,50 €"),
        .several_lines = true,
        .comment = text("Bonne réception !"),
        .payment_url = url("https://cantine.example/paiement/dem20260329104212K7P"),
        .payment_url_text = text("https://cantine.example/paiement/dem20260329104212K7P")};
}

static void render_parent_confirmation(struct buf *out)
{
    struct parent_confirmation_view view = parent_confirmation();

    template_mail_parent_confirmation_html(out, &view);
}

static void render_parent_confirmation_text(struct buf *out)
{
    struct parent_confirmation_view view = parent_confirmation();

    template_mail_parent_confirmation_text(out, &view);
}

static struct bursar_confirmation_view bursar_confirmation(void)
{
    return (struct bursar_confirmation_view){.school_name = text("Lycée Jean-Monnet"),
                                             .parent_name = text("Jean Durand"),
                                             .parent_email = text("jean.durand@example.org"),
                                             .reference = text("dem20260329104212K7P"),
                                             .bank_reference = text("36628282"),
                                             .receipt = text("2026-000123"),
                                             .paid_at = text("29 mars 2026 à 10 h 43"),
                                             .amount = text("198,50 €"),
                                             .lines = two_lines(),
                                             .n_lines = fill == FILL_EMPTY ? 0 : 2,
                                             .waiting = text("158,50 €"),
                                             .several_lines = fill != FILL_EMPTY,
                                             .comment = fill == FILL_EMPTY ? STR_NULL : text("Bonne réception !")};
}

static void render_bursar_confirmation(struct buf *out)
{
    struct bursar_confirmation_view view = bursar_confirmation();

    template_mail_bursar_confirmation_html(out, &view);
}

static void render_bursar_confirmation_text(struct buf *out)
{
    struct bursar_confirmation_view view = bursar_confirmation();

    template_mail_bursar_confirmation_text(out, &view);
}

static struct bursar_review_view bursar_review(void)
{
    if (fill == FILL_EMPTY) {
        return (struct bursar_review_view){.school_name = STR_NULL};
    }
    return (struct bursar_review_view){.school_name = text("Lycée Jean-Monnet"),
                                       .review_id = 7,
                                       .what = text("Montant différent de celui demandé."),
                                       .detail = text("158,50 € demandés, 15,85 € annoncés"),
                                       .reference = text("dem20260329104212K7P"),
                                       .amount = text("15,85 €"),
                                       .parent_name = text("Jean Durand"),
                                       .received_at = text("29 mars 2026 à 10 h 43")};
}

static void render_bursar_review(struct buf *out)
{
    struct bursar_review_view view = bursar_review();

    template_mail_bursar_review_html(out, &view);
}

static void render_bursar_review_text(struct buf *out)
{
    struct bursar_review_view view = bursar_review();

    template_mail_bursar_review_text(out, &view);
}

static struct bursar_reversal_view bursar_reversal(void)
{
    if (fill == FILL_EMPTY) {
        return (struct bursar_reversal_view){.school_name = STR_NULL};
    }
    return (struct bursar_reversal_view){.school_name = text("Lycée Jean-Monnet"),
                                         .parent_name = text("Jean Durand"),
                                         .parent_email = text("jean.durand@example.org"),
                                         .reference = text("dem20260329104212K7P"),
                                         .bank_reference = text("36628282"),
                                         .receipt = text("2026-000123"),
                                         .paid_at = text("29 mars 2026 à 10 h 43"),
                                         .reversed_at = text("2 avril 2026 à 8 h 00"),
                                         .amount = text("198,50 €"),
                                         .lines = two_lines(),
                                         .n_lines = 2};
}

static void render_bursar_reversal(struct buf *out)
{
    struct bursar_reversal_view view = bursar_reversal();

    template_mail_bursar_reversal_html(out, &view);
}

static void render_bursar_reversal_text(struct buf *out)
{
    struct bursar_reversal_view view = bursar_reversal();

    template_mail_bursar_reversal_text(out, &view);
}

static struct password_reset_view password_reset(void)
{
    if (fill == FILL_EMPTY) {
        return (struct password_reset_view){.school_name = STR_NULL};
    }
    return (struct password_reset_view){.school_name = text("Lycée Jean-Monnet"),
                                        .user_name = text("Jean Durand"),
                                        .login = text("durand"),
                                        .reset_url = url("https://cantine.example/mot-de-passe/abc"),
                                        .reset_url_text = text("https://cantine.example/mot-de-passe/abc"),
                                        .valid_until = text("29 mars 2026 à 11 h 12")};
}

static void render_password_reset(struct buf *out)
{
    struct password_reset_view view = password_reset();

    template_mail_password_reset_html(out, &view);
}

static void render_password_reset_text(struct buf *out)
{
    struct password_reset_view view = password_reset();

    template_mail_password_reset_text(out, &view);
}

static struct bursar_report_view bursar_report(void)
{
    static struct text_view words[2];
    if (fill == FILL_EMPTY) {
        return (struct bursar_report_view){.school_name = STR_NULL};
    }
    words[0].text = text("Mon compte est débité.");
    words[1].text = text("Que faire maintenant.");
    return (struct bursar_report_view){.school_name = text("Lycée Jean-Monnet"),
                                       .review_id = 7,
                                       .message_lines = words,
                                       .n_message_lines = 2,
                                       .reported_at = text("29 mars 2026 à 10 h 43"),
                                       .parent_name = text("Jean Durand"),
                                       .parent_email = text("jean.durand@example.org"),
                                       .reference = text("dem20260329104212K7P"),
                                       .state_label = text("Paiement validé"),
                                       .amount = text("198,50 €"),
                                       .lines = two_lines(),
                                       .n_lines = 2,
                                       .several_lines = true,
                                       .comment = text("Bonne réception !"),
                                       .created_at = text("29 mars 2026 à 10 h 42"),
                                       .receipt = text("2026-000123")};
}

static void render_bursar_report(struct buf *out)
{
    struct bursar_report_view view = bursar_report();

    template_mail_bursar_report_html(out, &view);
}

static void render_bursar_report_text(struct buf *out)
{
    struct bursar_report_view view = bursar_report();

    template_mail_bursar_report_text(out, &view);
}

static struct password_changed_view password_changed(void)
{
    if (fill == FILL_EMPTY) {
        return (struct password_changed_view){.school_name = STR_NULL};
    }
    return (struct password_changed_view){.school_name = text("Lycée Jean-Monnet"),
                                          .user_name = text("Jean Durand"),
                                          .login = text("durand"),
                                          .changed_at = text("29 mars 2026 à 10 h 43")};
}

static void render_password_changed(struct buf *out)
{
    struct password_changed_view view = password_changed();

    template_mail_password_changed_html(out, &view);
}

static void render_password_changed_text(struct buf *out)
{
    struct password_changed_view view = password_changed();

    template_mail_password_changed_text(out, &view);
}

static struct email_changed_view email_changed(void)
{
    if (fill == FILL_EMPTY) {
        return (struct email_changed_view){.school_name = STR_NULL};
    }
    return (struct email_changed_view){.school_name = text("Lycée Jean-Monnet"),
                                       .user_name = text("Jean Durand"),
                                       .new_email = text("j…n@example.org"),
                                       .changed_at = text("29 mars 2026 à 10 h 43")};
}

static void render_email_changed(struct buf *out)
{
    struct email_changed_view view = email_changed();

    template_mail_email_changed_html(out, &view);
}

static void render_email_changed_text(struct buf *out)
{
    struct email_changed_view view = email_changed();

    template_mail_email_changed_text(out, &view);
}

static struct operator_alarm_view operator_alarm(void)
{
    static struct command_view commands[2];

    if (fill == FILL_EMPTY) {
        return (struct operator_alarm_view){.school_name = STR_NULL};
    }
    commands[0].command = text("dp-admin dead-letters list");
    commands[1].command = text("dp-admin dead-letters retry NUMÉRO");
    return (struct operator_alarm_view){.school_name = text("Exploitation"),
                                        .site = text("https://cantine.example.org"),
                                        .what = text("2 événements n'ont pas pu être enregistrés."),
                                        .detail = text("web1\u00a0: 3"),
                                        .raised_at = text("29 mars 2026 à 10 h 43"),
                                        .meaning = text("Rien n'est perdu."),
                                        .commands = commands,
                                        .n_commands = 2,
                                        .reminds = true};
}

static void render_operator_alarm(struct buf *out)
{
    struct operator_alarm_view view = operator_alarm();

    template_mail_operator_alarm_html(out, &view);
}

static void render_operator_alarm_text(struct buf *out)
{
    struct operator_alarm_view view = operator_alarm();

    template_mail_operator_alarm_text(out, &view);
}

static struct operator_alarm_ended_view operator_alarm_ended(void)
{
    if (fill == FILL_EMPTY) {
        return (struct operator_alarm_ended_view){.school_name = STR_NULL};
    }
    return (struct operator_alarm_ended_view){.school_name = text("Exploitation"),
                                              .site = text("https://cantine.example.org"),
                                              .raised_at = text("29 mars 2026 à 10 h 43"),
                                              .ended_at = text("29 mars 2026 à 14 h 02")};
}

static void render_operator_alarm_ended(struct buf *out)
{
    struct operator_alarm_ended_view view = operator_alarm_ended();

    template_mail_operator_alarm_ended_html(out, &view);
}

static void render_operator_alarm_ended_text(struct buf *out)
{
    struct operator_alarm_ended_view view = operator_alarm_ended();

    template_mail_operator_alarm_ended_text(out, &view);
}

static const struct rendering html_renderings[] = {
    {"parent_confirmation", render_parent_confirmation},
    {"bursar_confirmation", render_bursar_confirmation},
    {"bursar_review", render_bursar_review},
    {"bursar_report", render_bursar_report},
    {"bursar_reversal", render_bursar_reversal},
    {"password_reset", render_password_reset},
    {"password_changed", render_password_changed},
    {"email_changed", render_email_changed},
    {"operator_alarm", render_operator_alarm},
    {"operator_alarm_ended", render_operator_alarm_ended},
};

static const struct rendering text_renderings[] = {
    {"parent_confirmation", render_parent_confirmation_text},
    {"bursar_confirmation", render_bursar_confirmation_text},
    {"bursar_review", render_bursar_review_text},
    {"bursar_report", render_bursar_report_text},
    {"bursar_reversal", render_bursar_reversal_text},
    {"password_reset", render_password_reset_text},
    {"password_changed", render_password_changed_text},
    {"email_changed", render_email_changed_text},
    {"operator_alarm", render_operator_alarm_text},
    {"operator_alarm_ended", render_operator_alarm_ended_text},
};

static void every_html_body_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(html_renderings); i++) {
        assert_null(rendering_check(&html_renderings[i], HTML_MAIL));
    }
}

/* Plain text has no mark-up to protect, but no control character may pass and no tag may be left. */
static void every_text_body_is_plain(void **state)
{
    struct buf out;

    (void)state;
    for (size_t i = 0; i < COUNT(text_renderings); i++) {
        buf_init(&out, RENDERED_SIZE_MAX);
        fill = FILL_HOSTILE;
        text_renderings[i].render(&out);
        assert_true(buf_ok(&out) && out.len > 0);
        assert_false(str_has_control(buf_str(&out), "\n\t"));
        buf_clear(&out);
        fill = FILL_FULL;
        text_renderings[i].render(&out);
        assert_null(memmem(out.ptr, out.len, "{{", 2));
        assert_null(memmem(out.ptr, out.len, "\n\n\n", 3));
        buf_done(&out);
    }
}

/* Both bodies of both confirmations say what a reader needs to find the payment again. */
static void confirmations_are_complete(void **state)
{
    static const char *const facts[] = {"dem20260329104212K7P", "2026-000123", "198,50 €", "Julia", "150509", "Charlie",
                                        "Bonne réception !"};
    static void (*const renderers[])(struct buf *) = {render_parent_confirmation, render_parent_confirmation_text,
                                                      render_bursar_confirmation, render_bursar_confirmation_text};
    struct buf out;

    (void)state;
    fill = FILL_FULL;
    for (size_t i = 0; i < COUNT(renderers); i++) {
        buf_init(&out, RENDERED_SIZE_MAX);
        renderers[i](&out);
        for (size_t j = 0; j < COUNT(facts); j++) {
            assert_non_null(memmem(out.ptr, out.len, facts[j], strlen(facts[j])));
        }
        buf_done(&out);
    }
}

static void parent_text_to_the_letter(void **state)
{
    static const char golden[] =
        "Bonjour Jean Durand,\n"
        "\n"
        "La banque a accepté votre paiement de 198,50 € le 29 mars 2026 à 10 h 43.\n"
        "\n"
        "Référence transaction : dem20260329104212K7P\n"
        "Reçu n° : 2026-000123\n"
        "Type de règlement : règlement de créances\n"
        "\n"
        "- Julia Durand (2de B) : 158,50 €\n"
        "  Créance : n° 150509, forfait avril–juin\n"
        "- Charlie Durand : 40,00 €\n"
        "  Créance à imputer\n"
        "\n"
        "Total : 198,50 €\n"
        "\n"
        "Attention : 158,50 € de ce paiement dépassent ce qui restait dû, car la créance a "
        "été réglée entre-temps par un autre paiement. Cette somme n'est pas perdue : le "
        "gestionnaire, qui est prévenu, l'imputera autrement ou vous la remboursera. Vous n'avez "
        "rien à faire ; ne payez pas une seconde fois.\n"
        "\n"
        "Votre commentaire au gestionnaire :\n"
        "Bonne réception !\n"
        "\n"
        "Votre reçu est joint à ce message (fichier PDF). Il se télécharge aussi, avec l'état "
        "du paiement, sur cette page, après connexion :\n"
        "https://cantine.example/paiement/dem20260329104212K7P\n"
        "\n"
        "Gardez ce message : la référence permet de retrouver le paiement. Nous ne vous "
        "demanderons jamais votre numéro de carte "
        "ni votre mot de passe.\n"
        "\n"
        "-- \n"
        "Lycée Jean-Monnet\n"
        "Règlement en ligne de la demi-pension. Message envoyé automatiquement.\n";
    struct buf out;

    (void)state;
    fill = FILL_FULL;
    buf_init(&out, RENDERED_SIZE_MAX);
    render_parent_confirmation_text(&out);
    buf_append_char(&out, '\0');
    assert_string_equal(out.ptr, golden);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_html_body_is_sound),
        cmocka_unit_test(every_text_body_is_plain),
        cmocka_unit_test(confirmations_are_complete),
        cmocka_unit_test(parent_text_to_the_letter),
    };

    return cmocka_run_group_tests_name("mails", tests, NULL, NULL);
}
