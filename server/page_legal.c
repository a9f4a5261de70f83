/* What the law wants every site to say: accessibility, legal notice, personal data. Readable by anybody. */
#include "server/page.h"
#include "server/pages.h"

static struct operator_view operator_of(const struct page *page)
{
    const struct config *config = page->app->config;
    return (struct operator_view){
        .name = str_from(config->site.operator_name),
        .address = str_from(config->site.operator_address),
        .email = str_from(config->site.operator_email),
    };
}

/* A detail of the school's bursar; empty while no one is logged in. */
static struct str bursar(const struct page *page, enum user_column column)
{
    return page->user ? page_user_text(page, column) : STR_NULL;
}

static void accessibility_opened(struct page *page)
{
    const struct accessibility_view view = {
        .page = page->view,
        .operator= operator_of(page),
        .base_url = str_from(page->app->config->site.base_url),
        .bursar_phone = bursar(page, USER_BURSAR_PHONE),
        .bursar_email = bursar(page, USER_BURSAR_EMAIL),
    };
    struct response *response = page_response(page, 200);
    template_page_accessibility(&response->body, &view);
    page_send(page, response);
}

void page_accessibility(struct request *request)
{
    page_open(request, PAGE_PUBLIC, "Accessibilité", accessibility_opened);
}

static void legal_notice_opened(struct page *page)
{
    const struct legal_notice_view view = {
        .page = page->view,
        .operator= operator_of(page),
        .host = str_from(page->app->config->site.host_name),
        .bursar_phone = bursar(page, USER_BURSAR_PHONE),
        .bursar_email = bursar(page, USER_BURSAR_EMAIL),
    };
    struct response *response = page_response(page, 200);
    template_page_legal_notice(&response->body, &view);
    page_send(page, response);
}

void page_legal_notice(struct request *request)
{
    page_open(request, PAGE_PUBLIC, "Mentions légales", legal_notice_opened);
}

static void privacy_opened(struct page *page)
{
    const struct config *config = page->app->config;
    const struct privacy_view view = {
        .page = page->view,
        .operator= operator_of(page),
        .host = str_from(config->site.host_name),
        .dpo_email = str_from(config->site.dpo_email),
        .session_minutes = config->security.session_idle_s / 60,
        .bursar_phone = bursar(page, USER_BURSAR_PHONE),
        .bursar_email = bursar(page, USER_BURSAR_EMAIL),
    };
    struct response *response = page_response(page, 200);
    template_page_privacy(&response->body, &view);
    page_send(page, response);
}

void page_privacy(struct request *request)
{
    page_open(request, PAGE_PUBLIC, "Données personnelles", privacy_opened);
}
