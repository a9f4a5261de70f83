/* /historique/attestation: what this person paid in a calendar year, on a page made to be printed. */
#include "common/clock.h"
#include "common/french.h"
#include "common/french_number.h"
#include "server/page.h"
#include "server/pages.h"

enum { STEP_ACCOUNTS, STEP_PAYMENTS, STEP_OLDEST };
enum { YEAR_MIN = 2009, YEAR_MAX = 2999 };

static int64_t year_of(int64_t us)
{
    return clock_to_local(us).year;
}

static int64_t first_of_january(int64_t year)
{
    const struct clock_local day = {.year = (int)year, .month = 1, .day = 1};
    return clock_from_local(&day);
}

/* The year of the query, else this one; 0 for what no page of ours links to. */
static int64_t read_year(const struct page *page)
{
    struct str text = form_get(&page->form, "annee");
    int64_t year;

    if (text.len == 0)
        return year_of(clock_now_us());
    return str_to_u63(text, &year) == 0 && year >= YEAR_MIN && year <= YEAR_MAX ? year : 0;
}

/* Adds up the accounts: every cent of a payment is on a line. */
static void fill_accounts(struct page *page, struct certificate_view *view)
{
    const struct db_result *result = page_result(page, STEP_ACCOUNTS);
    struct year_account_view *rows = ARENA_ARRAY(page->arena, result->n_rows, struct year_account_view);
    int64_t total_cents = 0;

    for (unsigned i = 0; i < result->n_rows; i++) {
        const struct db_value *row = db_row(result, i);
        struct str class_name = row[YEAR_ACCOUNT_CLASS_NAME].text;
        rows[i] = (struct year_account_view){
            .name = arena_printf(page->arena, "%.*s %.*s%s%.*s%s", STR_ARG(row[YEAR_ACCOUNT_FIRST_NAME].text),
                                 STR_ARG(row[YEAR_ACCOUNT_LAST_NAME].text), class_name.len ? " (" : "",
                                 STR_ARG(class_name), class_name.len ? ")" : ""),
            .payments = row[YEAR_ACCOUNT_PAYMENTS].number,
            .amount = french_money(page->arena, row[YEAR_ACCOUNT_CENTS].number),
        };
        total_cents += row[YEAR_ACCOUNT_CENTS].number;
    }
    view->year_accounts = rows;
    view->n_year_accounts = result->n_rows;
    if (total_cents > 0) {
        view->total = french_money(page->arena, total_cents);
        view->total_words = french_sum(page->arena, total_cents);
    }
}

static void list_payments(struct page *page, int64_t year, struct certificate_view *view)
{
    const struct db_result *result = page_result(page, STEP_PAYMENTS);
    struct year_payment_view *rows = ARENA_ARRAY(page->arena, result->n_rows, struct year_payment_view);

    for (unsigned i = 0; i < result->n_rows; i++) {
        const struct db_value *row = db_row(result, i);
        rows[i] = (struct year_payment_view){
            .date = french_datetime_short(page->arena, row[YEAR_PAYMENT_ACCEPTED_AT].number),
            .date_iso = french_time_iso(page->arena, row[YEAR_PAYMENT_ACCEPTED_AT].number),
            .reference = row[YEAR_PAYMENT_REFERENCE].text,
            .receipt = french_receipt(page->arena, year, row[YEAR_PAYMENT_RECEIPT_NUMBER].number),
            .amount = french_money(page->arena, row[YEAR_PAYMENT_CENTS].number),
        };
    }
    view->year_payments = rows;
    view->n_year_payments = result->n_rows;
}

/* The moments of one year come in their order, and so do its months. */
static void add_up_months(struct page *page, struct certificate_view *view)
{
    enum { MONTHS = 12 };
    const struct db_result *result = page_result(page, STEP_PAYMENTS);
    struct year_account_view *rows = ARENA_ARRAY(page->arena, MONTHS, struct year_account_view);
    int64_t cents[MONTHS] = {0}, payments[MONTHS] = {0};

    for (unsigned i = 0; i < result->n_rows; i++) {
        const struct db_value *row = db_row(result, i);
        int month = clock_to_local(row[YEAR_PAYMENT_ACCEPTED_AT].number).month;
        cents[month - 1] += row[YEAR_PAYMENT_CENTS].number;
        payments[month - 1]++;
    }
    for (int i = 0; i < MONTHS; i++) {
        if (payments[i] > 0)
            rows[view->n_year_months++] = (struct year_account_view){str_from(french_month(i + 1)), payments[i],
                                                                     french_money(page->arena, cents[i])};
    }
    view->year_months = rows;
}

/* One by one while they are few; a page of hundreds is heavy and nobody reads it. */
static void fill_payments(struct page *page, int64_t year, struct certificate_view *view)
{
    unsigned n_rows = page_result(page, STEP_PAYMENTS)->n_rows;

    view->payments_cut = n_rows > YEAR_PAYMENTS_LISTED_MAX;
    if (!view->payments_cut)
        list_payments(page, year, view);
    else if (n_rows < YEAR_PAYMENTS_MAX)
        add_up_months(page, view);
}

/* From this year back to that of the first payment. */
static void fill_years(struct page *page, int64_t year, struct certificate_view *view)
{
    const struct db_result *oldest = page_result(page, STEP_OLDEST);
    int64_t last = year_of(clock_now_us());
    int64_t first = oldest->n_rows > 0 ? year_of(db_row(oldest, 0)[0].number) : last;
    struct option_view *options = ARENA_ARRAY(page->arena, (size_t)(last - first + 1), struct option_view);

    for (int64_t at = last; at >= first; at--) {
        struct str text = arena_printf(page->arena, "%lld", (long long)at);
        options[view->n_years++] = (struct option_view){.value = text, .label = text, .selected = at == year};
    }
    view->years = options;
}

static struct str address_line(struct page *page)
{
    static const enum user_column parts[] = {USER_ADDRESS1, USER_ADDRESS2, USER_POSTCODE, USER_CITY};
    struct str line = STR("");

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct str part = page_user_text(page, parts[i]);
        const char *joint = line.len == 0 ? "" : parts[i] == USER_CITY ? " " : ", ";
        if (part.len > 0)
            line = arena_printf(page->arena, "%.*s%s%.*s", STR_ARG(line), joint, STR_ARG(part));
    }
    return line;
}

static void loaded(struct page *page)
{
    const int64_t *year = page->state;
    int64_t now_us = clock_now_us();
    struct certificate_view view = {
        .year = arena_printf(page->arena, "%lld", (long long)*year),
        .year_is_open = *year >= year_of(now_us),
        .made_at = french_datetime(page->arena, now_us),
        .made_at_iso = french_time_iso(page->arena, now_us),
        .school_city = page_user_text(page, USER_SCHOOL_CITY),
        .payer_address = address_line(page),
    };
    struct response *response;

    fill_accounts(page, &view);
    fill_payments(page, *year, &view);
    fill_years(page, *year, &view);
    response = page_response(page, 200);
    view.page = page->view;
    template_page_certificate(&response->body, &view);
    page_send(page, response);
}

static void opened(struct page *page)
{
    int64_t *year = ARENA_NEW(page->arena, int64_t);

    *year = read_year(page);
    page->state = year;
    if (*year == 0) {
        page_fail(page, 400);
        return;
    }
    /* What is accepted late was asked for the year before. */
    const struct db_value from = DB_I(first_of_january(*year - 1)), to = DB_I(first_of_january(*year + 1));
    page_step(page, SQL_YEAR_ACCOUNTS, DB_ANY_COUNT, PAGE_OWNER(page), from, to, DB_I(*year));
    page_step(page, SQL_YEAR_PAYMENTS, DB_ANY_COUNT, PAGE_OWNER(page), from, to, DB_I(*year), DB_I(YEAR_PAYMENTS_MAX));
    page_step(page, SQL_HISTORY_OLDEST, DB_ANY_COUNT, PAGE_OWNER(page));
    page_query(page, loaded);
}

void page_certificate(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Attestation annuelle de paiement", opened);
}
