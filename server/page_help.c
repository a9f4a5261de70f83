/* Aide: readable by anybody. */
#include "server/page.h"
#include "server/pages.h"

static void opened(struct page *page)
{
    struct help_view view = {0};
    struct response *response = page_response(page, 200);

    if (page->user)
        view.bursar_phone = page_user_text(page, USER_BURSAR_PHONE);
    view.page = page->view;
    template_page_help(&response->body, &view);
    page_send(page, response);
}

void page_help(struct request *request)
{
    page_open(request, PAGE_PUBLIC, "Aide", opened);
}
