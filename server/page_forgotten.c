/* Identifiants oubliés: always the same answer, after the same work, whether such a person exists or not. The worker
 * finds out and mails. */
#include "common/clock.h"
#include "common/err.h"
#include "server/page.h"
#include "server/pages.h"

enum { IDENTIFIER_MAX = 254 };

static void show(struct page *page, unsigned status, bool was_sent)
{
    struct response *response;
    struct forgotten_view view = {
        .sent = was_sent,
        .identifiant = {.value = was_sent ? STR_NULL : page_field(page, "identifiant")},
    };

    page_bind_visitor(page);
    if (page->view.n_errors > 0)
        view.identifiant.error = page->view.errors[0].message;
    response = page_response(page, status);
    view.page = page->view;
    template_page_forgotten(&response->body, &view);
    page_send(page, response);
}

static void pushed(void *data, int err)
{
    struct page *page = data;
    if (err)
        page_fail_err(page, err);
    else
        show(page, 200, true);
}

static void submit(struct page *page)
{
    struct event event = {
        .kind = EVENT_PASSWORD_RESET_REQUESTED,
        .at_us = clock_now_us(),
        .ip = str_from(page->request->address),
        .login = page_field(page, "identifiant"),
    };

    if (event.login.len == 0 || event.login.len > IDENTIFIER_MAX || str_has_control(event.login, "")) {
        page_error(page, "identifiant", STR("Indiquez votre identifiant ou votre courriel."));
        show(page, 422, false);
        return;
    }
    event_id_random(event.id);
    event_queue_push(page->app->events, &event, 0, pushed, page);
}

static void opened(struct page *page)
{
    if (page_is_post(page))
        submit(page);
    else
        show(page, 200, false);
}

void page_forgotten(struct request *request)
{
    page_open(request, PAGE_PUBLIC, "Identifiants oubliés", opened);
}
