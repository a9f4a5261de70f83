/* Writes a receipt of a made-up payment to standard output, for the test that reads PDFs with other people's programs:
 * print_receipt plain|long|hostile */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "worker/receipt_file.h"
#include "worker/receipt_pdf.h"

enum { LINES_MAX = 20 };

static const struct receipt_line plain_lines[] = {
    {.account = {"Julia Durand", 12},
     .class_name = {"3e B", 4},
     .claim_number = {"150509", 6},
     .claim_label = {"Forfait demi-pension", 20},
     .amount_cents = 15850},
    {.account = {"Charlie Durand", 14}, .class_name = {"6e A", 4}, .amount_cents = 4000},
};

static struct receipt plain_receipt(void)
{
    return (struct receipt){
        .number = STR("2026-000123"),
        .issued_us = INT64_C(1774773762000000),
        .accepted_us = INT64_C(1774773761000000),
        .school_name = STR("Lycée Jean-Monnet"),
        .school_kind = STR("LYCEE"),
        .school_city = STR("Aix-en-Provence"),
        .payer = STR("Jean Durand"),
        .reference = STR("dem20260329104212K7P"),
        .bank_reference = STR("36628282"),
        .is_claim = true,
        .amount_cents = 19850,
        .lines = plain_lines,
        .n_lines = 2,
        .payment_url = STR("https://cantine.example.org/paiement/dem20260329104212K7P"),
    };
}

/* As long as the database's columns allow, so that lines fill several pages. */
static void make_long(struct receipt *receipt, struct receipt_line lines[LINES_MAX], struct arena *arena)
{
    struct str name = STR("Marie-Charlotte-Élisabeth de La Rochefoucauld-Montmorency, Anne-Sophie-Victoire");
    struct str label =
        STR("Demi-pension, premier trimestre, forfait cinq jours avec régularisation des absences de décembre, "
            "remise d'ordre pour voyage scolaire et report du trimestre précédent");
    for (size_t i = 0; i < LINES_MAX; i++)
        lines[i] =
            (struct receipt_line){name, STR("Terminale STMG 2"), arena_printf(arena, "2026-%zu", i), label, 9999999};
    receipt->payer = arena_printf(arena, "%.*s %.*s", STR_ARG(name), STR_ARG(name));
    receipt->lines = lines;
    receipt->n_lines = LINES_MAX;
    receipt->amount_cents = INT64_C(9999999) * LINES_MAX;
}

static void make_hostile(struct receipt *receipt, struct receipt_line lines[LINES_MAX])
{
    receipt->payer = STR("\u202e€ 00,1\u202c <script>(\\) \x1b[31m\xff\xfe %s");
    receipt->school_name = STR("Lycée \u2066שלום\u2069 \u2028 BT /F1 (x) Tj");
    lines[0] =
        (struct receipt_line){STR("שלום כהן"), STR("مدرسة"), STR("1\r\n/Lang"), STR("\U0001f955\U0001d11e 学校"), 1};
    lines[1] =
        (struct receipt_line){STR("Z\u0301\u0302\u0303\u0304\u0305\u0306e\u0307"), STR(""), STR(""), STR(""), 99999};
    receipt->lines = lines;
    receipt->amount_cents = 100000;
}

int main(int argc, char **argv)
{
    struct receipt receipt = plain_receipt();
    struct receipt_line lines[LINES_MAX];
    struct pdf_fonts *fonts;
    struct arena arena;
    struct buf out;
    arena_init(&arena, 1 << 20);
    buf_init(&out, RECEIPT_FILE_MAX);
    clock_set_zone("Europe/Paris");
    if (argc > 1 && strcmp(argv[1], "long") == 0)
        make_long(&receipt, lines, &arena);
    if (argc > 1 && strcmp(argv[1], "hostile") == 0)
        make_hostile(&receipt, lines);
    int err = pdf_fonts_new(&fonts);
    if (!err) {
        err = receipt_pdf_write(&receipt, fonts, &arena, &out);
        pdf_fonts_free(fonts);
    }
    if (!err)
        fwrite(out.ptr, 1, out.len, stdout);
    buf_done(&out);
    arena_done(&arena);
    return err ? 1 : 0;
}
