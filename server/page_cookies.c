/* The cookies of pages: the session, what binds the forms of logged-out visitors, and the page wanted before a login.
 */
#include "common/encode.h"
#include "common/rand.h"
#include "server/page.h"
#include "server/wanted.h"

/* Names carry __Host- on https. */
static const char *cookie_name(const struct page *page, const char *name)
{
    return page->app->https ? arena_printf(page->arena, "__Host-%s", name).ptr : name;
}

static void set_cookie(struct page *page, struct response *response, const char *name, struct str value,
                       const char *more)
{
    response_header(response, "Set-Cookie",
                    arena_printf(page->arena, "%s=%.*s; Path=/; HttpOnly; SameSite=Lax%s%s", cookie_name(page, name),
                                 STR_ARG(value), page->app->https ? "; Secure" : "", more));
}

static struct str read_cookie(const struct page *page, const char *name)
{
    return request_cookie(page->request, cookie_name(page, name));
}

struct str page_session_cookie(const struct page *page)
{
    return read_cookie(page, "session");
}

void page_set_session(struct page *page, struct response *response, const struct session *session)
{
    set_cookie(page, response, "session", str_from(session->cookie), "");
}

void page_clear_session(struct page *page, struct response *response)
{
    set_cookie(page, response, "session", STR(""), "; Max-Age=0");
}

/* --- visitors --- */

/* Gives the forms of logged-out visitors something to bind their hidden token to. */
struct str page_visitor_cookie(const struct page *page)
{
    return read_cookie(page, "visite");
}

void page_set_visitor(struct page *page, struct response *response)
{
    if (page->new_visitor.len > 0)
        set_cookie(page, response, "visite", page->new_visitor, "");
}

void page_bind_visitor(struct page *page)
{
    uint8_t id[16];
    char text[ENCODE_BASE64URL_SIZE(sizeof id)];

    if (page->cookie.len > 0)
        return;
    rand_bytes(id, sizeof id);
    encode_base64url(id, sizeof id, text);
    page->cookie = arena_str(page->arena, str_from(text));
    page->new_visitor = page->cookie;
    page->view.csrf = csrf_token(&page->app->csrf, page->arena, page->cookie);
}

/* --- the page wanted before a login --- */

#define WANTED         "suite"
#define WANTED_MAX_AGE "; Max-Age=900" /* seconds: to find one's password, and to choose a new one */

void page_forget_wanted(struct page *page, struct response *response)
{
    if (read_cookie(page, WANTED).ptr)
        set_cookie(page, response, WANTED, STR(""), "; Max-Age=0");
}

void page_keep_wanted(struct page *page, struct response *response)
{
    struct wanted wanted = wanted_of_request(&page->app->pages_router, page->request);

    if (wanted.address.len > 0)
        set_cookie(page, response, WANTED, wanted_to_cookie(page->arena, &wanted), WANTED_MAX_AGE);
    else /* what counts is the last wish */
        page_forget_wanted(page, response);
}

struct wanted page_wanted(const struct page *page)
{
    return wanted_from_cookie(&page->app->pages_router, read_cookie(page, WANTED));
}
