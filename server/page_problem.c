/* Signaler un problème: a payer's words about a payment, to the bursar, with all that the bursar needs to find it. */
#include "common/clock.h"
#include "common/french.h"
#include "common/log.h"
#include "server/notice.h"
#include "server/page.h"
#include "server/pages.h"
#include "server/payment_proofs.h"
#include "server/payment_row.h"

enum { STEP_TRANSACTION, STEP_PROOFS };
enum { MESSAGE_CHARS_MIN = 10 };

struct problem {
    struct payment_row row;
    struct payment_proofs proofs;
    struct str message; /* its lines end with \n alone */
};

static void go_to_payment(struct page *page)
{
    payment_row_show(page, page->request->params[0]);
}

static void show_form(struct page *page, const struct problem *problem, struct str error)
{
    bool too_many = problem->proofs.n_reports_today >= PAYMENT_REPORTS_PER_DAY_MAX;
    struct problem_view view = {
        .reference = problem->row.reference,
        .amount = french_money(page->arena, problem->row.amount_cents),
        .state_label = str_from(payment_state_label(problem->row.state)),
        .user_email = problem->row.email,
        .bursar_email = page_user_text(page, USER_BURSAR_EMAIL),
        .bursar_phone = page_user_text(page, USER_BURSAR_PHONE),
        .reports_max = PAYMENT_REPORTS_PER_DAY_MAX,
        .too_many = too_many,
        .message = {problem->message, error},
    };
    struct response *response;

    if (error.len > 0)
        page_error(page, "message", error);
    response = page_response(page, page_is_post(page) ? 422 : 200);
    view.page = page->view;
    template_page_problem(&response->body, &view);
    page_send(page, response);
}

static struct str judge(struct str message)
{
    size_t length = str_utf8_length(message);

    if (length < MESSAGE_CHARS_MIN)
        return length == 0 ? STR("Écrivez ce qui ne va pas, en quelques mots.")
                           : STR("Votre message est trop court\u00a0: dites en une phrase ce qui ne va pas.");
    if (length > EVENT_MESSAGE_CHARS_MAX)
        return STR("Votre message dépasse 1\u202f000\u00a0caractères\u00a0: raccourcissez-le.");
    if (str_has_control(message, "\n\t"))
        return STR("Votre message contient des caractères invisibles\u00a0: retapez-le.");
    return STR_NULL;
}

static void recorded(struct page *page)
{
    const struct problem *problem = page->state;
    struct str user = arena_printf(page->arena, "%lld", (long long)page->session->user_id);

    notice_problem_reported(page->app, problem->row.reference, user, problem->message);
    log_info("problem_reported", LOG_SLICE("reference", problem->row.reference), LOG_REQUEST(page->request->id));
    go_to_payment(page);
}

static void submit(struct page *page, struct problem *problem)
{
    problem->message = str_trim(form_unix_lines(page->arena, form_get(&page->form, "message")));
    struct str error = judge(problem->message);

    if (error.len > 0 || problem->proofs.n_reports_today >= PAYMENT_REPORTS_PER_DAY_MAX) {
        show_form(page, problem, error);
        return;
    }
    page_step(page, SQL_REPORT_RECORD, 1, DB_S(problem->row.reference), PAGE_OWNER(page),
              DB_I(PAYMENT_REPORTS_PER_DAY_MAX));
    page_change(page, recorded, go_to_payment); /* conflict: pressed twice at once, the first one was recorded */
}

static void loaded(struct page *page)
{
    struct problem *problem = ARENA_NEW(page->arena, struct problem);

    page->state = problem;
    if (!payment_row_read(page->arena, page_result(page, STEP_TRANSACTION), &problem->row)) {
        page_fail(page, 404);
        return;
    }
    payment_proofs_read(page->arena, &problem->row, page_result(page, STEP_PROOFS), clock_now_us(), &problem->proofs);
    if (page_is_post(page))
        submit(page, problem);
    else
        show_form(page, problem, STR_NULL);
}

static void opened(struct page *page)
{
    struct str reference = page->request->params[0];

    if (!payment_row_ask(page))
        return;
    page_step(page, SQL_PAYMENT_PROOFS, DB_ANY_COUNT, DB_S(reference), PAGE_OWNER(page), DB_S(reference),
              PAGE_OWNER(page), DB_S(reference), PAGE_OWNER(page));
    page_query(page, loaded);
}

void page_problem(struct request *request)
{
    page_open(request, PAGE_LOGGED_IN, "Signaler un problème", opened);
}
