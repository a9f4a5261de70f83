#include "worker/receipt_pdf.h"

#include "common/french.h"
#include "common/french_number.h"

#define NBSP "\u00a0"

static const struct pdf_column columns[] = {
    {"Compte", 0.34, false},
    {"Objet", 0.48, false},
    {"Montant", 0.18, true},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static const char *kind_text(struct str kind)
{
    if (str_eq(kind, STR("COLLEGE")))
        return "Collège";
    return str_eq(kind, STR("LYCEE")) ? "Lycée" : "Cité scolaire";
}

static void put_school(struct pdf *pdf, const struct receipt *receipt, struct arena *arena)
{
    const char *kind = kind_text(receipt->school_kind);
    pdf_text(pdf, PDF_STRONG, receipt->school_name);
    if (receipt->school_city.len > 0)
        pdf_text(pdf, PDF_BODY, arena_printf(arena, "%s, %.*s", kind, STR_ARG(receipt->school_city)));
    else
        pdf_text(pdf, PDF_BODY, str_from(kind));
    pdf_text(pdf, PDF_MUTED, STR("Règlement en ligne de la demi-pension"));
    pdf_gap(pdf, 6);
}

static struct str settlement_text(const struct receipt *receipt)
{
    if (!receipt->is_claim)
        return STR("Paiement d'avance");
    return receipt->n_lines > 1 ? STR("Règlement de créances") : STR("Règlement de créance");
}

static void put_facts(struct pdf *pdf, const struct receipt *receipt, struct arena *arena)
{
    const struct pdf_fact facts[] = {
        {STR("Payé par"), receipt->payer},
        {STR("Accord de la banque le"), french_datetime(arena, receipt->accepted_us)},
        {STR("Moyen de paiement"), STR("Carte bancaire, par Internet")},
        {STR("Type de règlement"), settlement_text(receipt)},
        {STR("Référence transaction"), receipt->reference},
        {STR("Référence de la banque"), receipt->bank_reference},
        {STR("Reçu établi le"), french_datetime(arena, receipt->issued_us)},
    };
    pdf_facts(pdf, facts, sizeof facts / sizeof facts[0]);
    pdf_gap(pdf, 3);
}

static struct str object_text(const struct receipt *receipt, const struct receipt_line *line, struct arena *arena)
{
    if (line->claim_number.len > 0)
        return arena_printf(arena, "Créance" NBSP ": %.*s",
                            STR_ARG(french_claim(arena, line->claim_number, line->claim_label)));
    return receipt->is_claim ? STR("Créance à imputer par l'établissement") : STR("Paiement d'avance");
}

static struct str account_text(const struct receipt_line *line, struct arena *arena)
{
    if (line->class_name.len == 0)
        return line->account;
    return arena_printf(arena, "%.*s (%.*s)", STR_ARG(line->account), STR_ARG(line->class_name));
}

static void put_lines(struct pdf *pdf, const struct receipt *receipt, struct arena *arena)
{
    struct str again = arena_printf(arena, "Reçu n°" NBSP "%.*s (suite)", STR_ARG(receipt->number));
    struct str total[COLUMNS] = {STR("Total"), STR_NULL, french_money(arena, receipt->amount_cents)};
    pdf_text(pdf, PDF_HEADING, STR("Détail du paiement"));
    pdf_table_begin(pdf, columns, COLUMNS, again);
    for (size_t i = 0; i < receipt->n_lines; i++) {
        const struct receipt_line *line = &receipt->lines[i];
        struct str cells[COLUMNS] = {account_text(line, arena), object_text(receipt, line, arena),
                                     french_money(arena, line->amount_cents)};
        pdf_table_row(pdf, cells, PDF_BODY);
    }
    pdf_table_row(pdf, total, PDF_STRONG);
    pdf_table_end(pdf);
    pdf_gap(pdf, 5);
}

static void put_worth(struct pdf *pdf, const struct receipt *receipt, struct arena *arena)
{
    struct str sum = french_money(arena, receipt->amount_cents), words = french_sum(arena, receipt->amount_cents);
    pdf_text(pdf, PDF_STRONG,
             arena_printf(arena, "Somme reçue" NBSP ": %.*s, soit %.*s.", STR_ARG(sum), STR_ARG(words)));
    pdf_gap(pdf, 3);
    pdf_text(
        pdf, PDF_BODY,
        STR("Ce reçu est établi automatiquement, sans signature, dès que la banque a accepté le paiement. Il atteste "
            "que cette somme a été payée par carte bancaire à l'établissement."));
    pdf_text(
        pdf, PDF_BODY,
        arena_printf(arena,
                     "Si la banque reprend ensuite le paiement (rejet, impayé), ce reçu n'est plus valable. La page "
                     "du paiement dit à tout moment ce qu'il en est" NBSP ": %.*s",
                     STR_ARG(receipt->payment_url)));
}

int receipt_pdf_write(const struct receipt *receipt, struct pdf_fonts *fonts, struct arena *arena, struct buf *out)
{
    struct str title = arena_printf(arena, "Reçu n°" NBSP "%.*s", STR_ARG(receipt->number));
    struct str full = arena_printf(arena, "%.*s – %.*s", STR_ARG(title), STR_ARG(receipt->school_name));
    struct pdf *pdf = pdf_new(fonts, full, "fr-FR", receipt->issued_us, out);
    put_school(pdf, receipt, arena);
    pdf_text(pdf, PDF_TITLE, title);
    put_facts(pdf, receipt, arena);
    put_lines(pdf, receipt, arena);
    put_worth(pdf, receipt, arena);
    return pdf_finish(pdf);
}
