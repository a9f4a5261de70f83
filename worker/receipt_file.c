#include "worker/receipt_file.h"

#include "common/crash_point.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/log.h"
#include "worker/receipt_pdf.h"

enum { ARENA_MAX = 4 * 1024 * 1024 };

void receipt_maker_done(struct receipt_maker *maker)
{
    pdf_fonts_free(maker->fonts);
    maker->fonts = NULL;
}

static struct str full_name(struct arena *arena, struct str first, struct str last)
{
    return first.len ? arena_printf(arena, "%.*s %.*s", STR_ARG(first), STR_ARG(last)) : last;
}

static int load_lines(struct db *db, int64_t transaction_id, struct arena *arena, struct receipt *receipt)
{
    enum { LAST, FIRST, CLASS, CLAIM_NUMBER, CLAIM_LABEL, AMOUNT };
    struct db_value id = DB_INT(transaction_id);
    struct db_result rows;
    int err = db_run(db, STATEMENT_MAIL_LINES, &id, 1, arena, &rows);
    if (err)
        return err;
    struct receipt_line *lines = ARENA_ARRAY(arena, rows.n_rows, struct receipt_line);
    for (size_t i = 0; i < rows.n_rows; i++)
        lines[i] = (struct receipt_line){
            .account = full_name(arena, db_text(&rows, i, FIRST), db_text(&rows, i, LAST)),
            .class_name = db_text(&rows, i, CLASS),
            .claim_number = db_text(&rows, i, CLAIM_NUMBER),
            .claim_label = db_text(&rows, i, CLAIM_LABEL),
            .amount_cents = db_int(&rows, i, AMOUNT),
        };
    receipt->lines = lines;
    receipt->n_lines = rows.n_rows;
    return 0;
}

static int load_receipt(struct receipt_maker *maker, int64_t transaction_id, struct arena *arena, struct receipt *ret)
{
    enum { YEAR, NUMBER, ISSUED, ACCEPTED, SCHOOL, KIND, CITY, FIRST, LAST, REFERENCE, BANK_REF, IS_CLAIM, AMOUNT };
    struct db_value id = DB_INT(transaction_id);
    struct db_result row;
    int err = db_run(maker->db, STATEMENT_RECEIPT_FACTS, &id, 1, arena, &row);
    if (err || row.n_rows == 0)
        return err ? err : ERR_NOT_FOUND;
    *ret = (struct receipt){
        .number =
            arena_printf(arena, "%lld-%06lld", (long long)db_int(&row, 0, YEAR), (long long)db_int(&row, 0, NUMBER)),
        .issued_us = db_int(&row, 0, ISSUED),
        .accepted_us = db_int(&row, 0, ACCEPTED),
        .school_name = db_text(&row, 0, SCHOOL),
        .school_kind = db_text(&row, 0, KIND),
        .school_city = db_text(&row, 0, CITY),
        .payer = full_name(arena, db_text(&row, 0, FIRST), db_text(&row, 0, LAST)),
        .reference = db_text(&row, 0, REFERENCE),
        .bank_reference = db_text(&row, 0, BANK_REF),
        .is_claim = db_int(&row, 0, IS_CLAIM) != 0,
        .amount_cents = db_int(&row, 0, AMOUNT),
    };
    ret->payment_url = arena_printf(arena, "%s/paiement/%.*s", maker->base_url, STR_ARG(ret->reference));
    return load_lines(maker->db, transaction_id, arena, ret);
}

static int find_file(struct db *db, int64_t transaction_id, struct arena *arena, struct str *ret)
{
    struct db_value id = DB_INT(transaction_id);
    struct db_result row;
    int err = db_run(db, STATEMENT_RECEIPT_FILE_FIND, &id, 1, arena, &row);
    if (!err)
        *ret = row.n_rows ? db_text(&row, 0, 0) : STR_NULL;
    return err;
}

static int write_pdf(struct receipt_maker *maker, const struct receipt *receipt, struct arena *arena, struct str *ret)
{
    struct buf out;
    int err = maker->fonts ? 0 : pdf_fonts_new(&maker->fonts);
    if (err)
        return ERR_INTERNAL; /* not ERR_NOT_FOUND: the receipt exists, its font does not */
    buf_init(&out, RECEIPT_FILE_MAX);
    err = receipt_pdf_write(receipt, maker->fonts, arena, &out);
    if (!err)
        *ret = arena_str(arena, buf_str(&out));
    buf_done(&out);
    return err;
}

static void report_failure(struct receipt_maker *maker, const struct receipt *receipt, int err)
{
    metrics_add(maker->metrics, METRIC_RECEIPT_FILES_FAILED, 1);
    log_error("receipt_file_failed", LOG_SLICE("reference", receipt->reference), LOG_ERR(err),
              LOG_STR("font", maker->fonts ? PDF_FONT_FAMILY : "missing: " PDF_FONT_FAMILY));
}

/* Keeps the file, unless another worker was faster: then that one's is the receipt. */
static int store(struct receipt_maker *maker, int64_t transaction_id, struct arena *arena, struct str *bytes)
{
    uint8_t hash[DIGEST_SHA256_LEN];
    digest_sha256(*bytes, hash);
    struct db_value params[] = {DB_INT(transaction_id), DB_BYTES(str_slice((const char *)hash, sizeof hash)),
                                DB_BYTES(*bytes)};
    int err = db_run(maker->db, STATEMENT_RECEIPT_FILE_ADD, params, 3, arena, NULL);
    if (!err) {
        CRASH_POINT("worker/receipt_file_kept");
        metrics_add(maker->metrics, METRIC_RECEIPT_FILES, 1);
    }
    if (err != ERR_CONFLICT)
        return err;
    err = find_file(maker->db, transaction_id, arena, bytes);
    return err || bytes->len > 0 ? err : ERR_INTERNAL;
}

int receipt_file_get(struct receipt_maker *maker, int64_t transaction_id, struct arena *arena, struct receipt_file *ret)
{
    struct receipt receipt;
    struct str bytes = STR_NULL;
    int err = load_receipt(maker, transaction_id, arena, &receipt);
    if (!err)
        err = find_file(maker->db, transaction_id, arena, &bytes);
    if (err)
        return err;
    if (bytes.len == 0) {
        err = write_pdf(maker, &receipt, arena, &bytes);
        if (!err)
            err = store(maker, transaction_id, arena, &bytes);
        if (err && err != ERR_BUSY && err != ERR_UNAVAILABLE)
            report_failure(maker, &receipt, err);
    }
    if (!err)
        *ret = (struct receipt_file){arena_printf(arena, "recu-%.*s.pdf", STR_ARG(receipt.number)), bytes};
    return err;
}

static int make_file(struct receipt_maker *maker, int64_t transaction_id)
{
    struct arena arena;
    struct receipt_file file;
    arena_init(&arena, ARENA_MAX);
    int err = receipt_file_get(maker, transaction_id, &arena, &file);
    arena_done(&arena);
    return err;
}

int receipt_files_catch_up(struct receipt_maker *maker, bool *ret_done)
{
    struct arena arena;
    struct db_result missing = {0};
    struct db_value params[] = {DB_INT(maker->after_id), DB_INT(RECEIPT_FILES_TURN)};
    arena_init(&arena, ARENA_MAX);
    int err = db_run(maker->db, STATEMENT_RECEIPT_FILES_MISSING, params, 2, &arena, &missing);
    for (size_t i = 0; !err && i < missing.n_rows; i++) {
        int64_t id = db_int(&missing, i, 0);
        err = make_file(maker, id);
        if (err == ERR_BUSY || err == ERR_UNAVAILABLE)
            break;
        maker->after_id = id;
        err = 0;
    }
    if (!err) {
        *ret_done = missing.n_rows < RECEIPT_FILES_TURN;
        if (*ret_done)
            maker->after_id = 0;
    }
    arena_done(&arena);
    return err;
}
