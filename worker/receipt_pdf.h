/* receipt_pdf: a receipt as a PDF for the parent to keep; the payment's page is its accessible twin. */
#ifndef DP_WORKER_RECEIPT_PDF_H
#define DP_WORKER_RECEIPT_PDF_H

#include "common/arena.h"
#include "worker/pdf.h"

/* One line of the payment. */
struct receipt_line {
    struct str account;                   /* "Julia Durand" */
    struct str class_name;                /* empty: a commensal */
    struct str claim_number, claim_label; /* empty: no claim was chosen */
    int64_t amount_cents;
};

struct receipt {
    struct str number; /* "2026-000123" */
    int64_t issued_us, accepted_us;
    struct str school_name, school_kind, school_city; /* kind as the database names it: "LYCEE" */
    struct str payer;
    struct str reference, bank_reference;
    bool is_claim;
    int64_t amount_cents;
    const struct receipt_line *lines;
    size_t n_lines;
    struct str payment_url; /* of the payment's page, absolute */
};

/* Appends the file to `out`; the same receipt gives the same bytes. Errors of pdf_finish(). */
int receipt_pdf_write(const struct receipt *receipt, struct pdf_fonts *fonts, struct arena *arena, struct buf *out);

#endif
