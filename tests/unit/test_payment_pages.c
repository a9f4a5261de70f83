/* The pages of one payment, rendered full, empty and with hostile texts, are well-formed, labelled and harmless; and
 * what is proven of it is told in order and in plain words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "server/payment_proofs.c"
#include "tests/html_check.c"
#include "tests/view_samples.h"
#include "unit/claim_samples.h"

static void render_payment(struct buf *out)
{
    struct payment_view view = {.page = page("Votre paiement", NULL), .bars = one_bar(), .n_bars = fill != FILL_EMPTY};
    const struct hidden_view again[] = {{text("type"), text("avance")}, {text("montant"), text("158,50")}};
    const struct proof_view proofs[] = {
        {text("Demande faite"), STR_NULL, text("un signe"), text("29 mars 2026 à 10 h 42"),
         text("2026-03-29T10:42:00+02:00"), STR_NULL},
        {text("Message"), text("accepté"), STR_NULL, STR_NULL, STR_NULL, text("pas encore")}};

    if (fill != FILL_EMPTY) {
        view.reference = text("dem20260329104212K7P");
        view.state_name = text("AUTHORISED");
        view.state_label = text("Paiement validé");
        view.is_pending = view.is_paid = view.is_declined = view.is_cancelled = view.is_expired = true;
        view.is_reversed = view.is_refunded = view.can_resume = view.under_review = view.can_pay_again = true;
        view.refresh_s = 3;
        view.waiting = text("158,50 €");
        view.lines = two_lines();
        view.n_lines = 2;
        view.amount = text("198,50 €");
        view.is_discarding = view.discard_is_late = view.is_discarded = view.was_sent = view.is_long = true;
        view.bank_is_asked = view.can_discard = view.report_is_on_its_way = true;
        view.accepted_at = view.waits_until = view.reported_at = text("29 mars 2026 à 10 h 42");
        view.discard_asked_at = view.bursar_phone = view.bursar_email = text("29 mars 2026 à 10 h 42");
        view.proofs = proofs;
        view.n_proofs = COUNT(proofs);
        view.receipt = text("2026-000123");
        view.amount_words = text("cent quatre-vingt-dix-huit euros et cinquante centimes");
        view.receipt_size = text("24 ko");
        view.email = text("jean.durand@example.org");
        view.comment = text("Bonne réception !");
        view.again_fields = again;
        view.n_again_fields = COUNT(again);
    }
    template_page_payment(out, &view);
}

static void render_discard(struct buf *out)
{
    struct discard_view view = {.page = page("Abandonner", NULL)};

    if (fill != FILL_EMPTY)
        view = (struct discard_view){view.page, text("dem20260329104212K7P"), text("198,50 €"),
                                     true,      text("29 mars 2026"),         text("2026-03-29")};
    template_page_discard(out, &view);
}

static void render_problem(struct buf *out)
{
    struct problem_view view = {.page = page("Signaler un problème", "message")};

    if (fill != FILL_EMPTY) {
        view.reference = text("dem20260329104212K7P");
        view.amount = text("198,50 €");
        view.state_label = text("Paiement validé");
        view.user_email = view.bursar_email = text("jean.durand@example.org");
        view.message = field("Rien reçu");
    }
    template_page_problem(out, &view);
}

static void pages_are_sound(void **state)
{
    static const struct rendering renderings[] = {
        {"payment", render_payment}, {"discard", render_discard}, {"problem", render_problem}};
    (void)state;
    for (size_t i = 0; i < COUNT(renderings); i++)
        assert_null(rendering_check(&renderings[i], HTML_PAGE));
}

/* As page.c has it. */
const struct db_value *db_row(const struct db_result *result, unsigned row)
{
    return result->cells + (size_t)row * result->n_columns;
}

enum { COLUMNS = PROOF_BANK_CODE + 1, ROWS_MAX = 6, ITEMS_MAX = 8, MINUTE_US = 60 * 1000000 };
#define SENT_US INT64_C(1774774920000000) /* 29 March 2026, 11 h 02 in Paris */

struct story {
    const char *what;
    enum payment_state state;
    bool unsent, discard_asked, is_discarded;
    const char *rows[ROWS_MAX][4]; /* kind, from, to, bank's code: a minute after each other */
    const char *items[ITEMS_MAX];  /* "what: note (missing)" */
};

#define BEGINNING "Demande faite", "Envoi à la banque"
#define NO_RETURN "Retour de votre navigateur (pas vu)"
#define RETURNED  "Retour de votre navigateur"
#define ACCEPTED  "Message de la banque: paiement accepté"
#define SETTLED   "Encaissement confirmé par la banque"
#define SOON      "Encaissement confirmé par la banque (pas encore)"

static const struct story stories[] = {
    {"at the bank", PAYMENT_PENDING,
     .items = {BEGINNING, "Retour de votre navigateur (pas encore)", "Message de la banque (pas encore)"}},
    {"accepted", PAYMENT_AUTHORISED, .rows = {{"CHANGE", "PENDING", "AUTHORISED", "1"}, {"RETURN", "", "", ""}},
     .items = {BEGINNING, RETURNED, ACCEPTED, SOON}},
    {"settled at once", PAYMENT_SETTLED, .rows = {{"CHANGE", "PENDING", "SETTLED", "10"}},
     .items = {BEGINNING, NO_RETURN, ACCEPTED, SETTLED}},
    {"refused, accepted, captured, settled, taken back", PAYMENT_REVERSED,
     .rows = {{"CHANGE", "PENDING", "DECLINED", "2"},
              {"CHANGE", "DECLINED", "AUTHORISED", "1"},
              {"CHANGE", "AUTHORISED", "CAPTURED", "4"},
              {"CHANGE", "CAPTURED", "SETTLED", "10"},
              {"CHANGE", "SETTLED", "REVERSED", "20"}},
     .items = {BEGINNING, NO_RETURN, "Message de la banque: paiement refusé", ACCEPTED,
               "Message de la banque: paiement remis à l'encaissement", SETTLED,
               "Message de la banque: paiement repris (rejet)"}},
    {"abandoned at the bank", PAYMENT_CANCELLED, .rows = {{"CHANGE", "PENDING", "CANCELLED", "12"}},
     .items = {BEGINNING, NO_RETURN, "Message de la banque: paiement abandonné avant la fin"}},
    {"given up", PAYMENT_CANCELLED, .discard_asked = true, .is_discarded = true,
     .rows = {{"DISCARD", "", "", ""}, {"CHANGE", "PENDING", "CANCELLED", ""}},
     .items = {BEGINNING, NO_RETURN, "Abandon à votre demande"}},
    {"given up before it was sent", PAYMENT_CANCELLED, .unsent = true, .discard_asked = true, .is_discarded = true,
     .rows = {{"CHANGE", "CREATED", "CANCELLED", ""}},
     .items = {"Demande faite", "Envoi à la banque (jamais)", "Abandon à votre demande"}},
    {"given up too late", PAYMENT_AUTHORISED, .discard_asked = true,
     .rows = {{"CHANGE", "PENDING", "AUTHORISED", "1"}, {"DISCARD", "", "", ""}},
     .items = {BEGINNING, NO_RETURN, ACCEPTED, "Abandon demandé par vous: sans effet", SOON}},
    {"expired", PAYMENT_EXPIRED, .rows = {{"CHANGE", "PENDING", "EXPIRED", ""}},
     .items = {BEGINNING, NO_RETURN, "Délai dépassé: sans accord de la banque"}},
};

static struct db_result rows_of(const struct story *story, struct arena *arena)
{
    struct db_value *cells = ARENA_ARRAY(arena, ROWS_MAX * COLUMNS, struct db_value);
    unsigned n = 0;
    for (; n < ROWS_MAX && story->rows[n][0]; n++) {
        struct db_value *row = &cells[(size_t)n * COLUMNS];
        row[PROOF_KIND] = DB_S(str_from(story->rows[n][0]));
        row[PROOF_AT] = DB_I(SENT_US + (int64_t)(n + 1) * MINUTE_US);
        row[PROOF_FROM] = DB_S(str_from(story->rows[n][1]));
        row[PROOF_TO] = DB_S(str_from(story->rows[n][2]));
        row[PROOF_BANK_CODE] = DB_S(str_from(story->rows[n][3]));
    }
    return (struct db_result){.n_rows = n, .n_columns = COLUMNS, .cells = cells};
}

static struct str written(const struct proof_view *item, struct arena *arena)
{
    const char *colon = item->note.len ? ": " : "";
    if (item->at.len)
        return arena_printf(arena, "%.*s%s%.*s", STR_ARG(item->what), colon, STR_ARG(item->note));
    return arena_printf(arena, "%.*s%s%.*s (%.*s)", STR_ARG(item->what), colon, STR_ARG(item->note),
                        STR_ARG(item->missing));
}

static void proofs_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct payment_proofs proofs;
        struct arena arena;
        arena_init(&arena, 256 * 1024);
        const struct payment_row row = {.state = story->state,
                                        .created_us = SENT_US - MINUTE_US,
                                        .sent_us = story->unsent ? 0 : SENT_US,
                                        .discard_asked_us = story->discard_asked ? SENT_US + MINUTE_US : 0};
        struct db_result rows = rows_of(story, &arena);
        payment_proofs_read(&arena, &row, &rows, SENT_US, &proofs);
        for (unsigned j = 0; j < proofs.n_items; j++) {
            struct str item = written(&proofs.items[j], &arena);
            if (j >= ITEMS_MAX || !story->items[j] || !str_eq_text(item, story->items[j]))
                fail_msg("%s: %.*s", story->what, STR_ARG(item));
        }
        assert_true(proofs.n_items == ITEMS_MAX || !story->items[proofs.n_items]);
        assert_int_equal(proofs.is_discarded, story->is_discarded);
        arena_done(&arena);
    }
}

/* Of the reports that were sent only those count for the day's limit that are not a day old. */
static void reports_are_counted(void **state)
{
    const int64_t hour_us = 60 * (int64_t)MINUTE_US, now_us = SENT_US + 30 * hour_us;
    static const struct {
        const char *kind;
        int64_t age_hours;
    } made[] = {{"REPORT", 25}, {"REVIEW", 25}, {"REPORT", 23}, {"REVIEW", 23}, {"REPORT", 1}};
    struct db_value cells[COUNT(made) * COLUMNS] = {0};
    struct payment_proofs proofs;
    struct arena arena;
    (void)state;
    for (size_t i = 0; i < COUNT(made); i++) {
        cells[i * COLUMNS + PROOF_KIND] = DB_S(str_from(made[i].kind));
        cells[i * COLUMNS + PROOF_AT] = DB_I(now_us - made[i].age_hours * hour_us);
    }
    const struct db_result rows = {.n_rows = COUNT(made), .n_columns = COLUMNS, .cells = cells};
    const struct payment_row row = {.state = PAYMENT_PENDING, .created_us = SENT_US, .sent_us = SENT_US};
    arena_init(&arena, 256 * 1024);
    payment_proofs_read(&arena, &row, &rows, now_us, &proofs);
    assert_int_equal(proofs.n_reports, 3);
    assert_int_equal(proofs.n_reports_today, 2);
    assert_int_equal(proofs.n_arrived, 2);
    assert_true(proofs.arrived_us == now_us - 23 * hour_us && proofs.reported_us == now_us - hour_us);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_sound),
        cmocka_unit_test(proofs_in_order),
        cmocka_unit_test(reports_are_counted),
    };
    return cmocka_run_group_tests_name("payment_pages", tests, NULL, NULL);
}
