/* The end of the session. Whoever types for long must hear of it in time and be able to put it off without losing what
 * is typed (WCAG 2.2.1), and nothing may run in the page: so every page carries its warning, hidden, and a style sheet
 * has the number of seconds after which the browser shows it. A link opens /session beside the page; opening any page
 * extends the session. */
#include "common/clock.h"
#include "common/french.h"
#include "server/page.h"
#include "server/pages.h"

/* The warning comes WARNING_S before the end, in short sessions a third of them. Long times are told in steps, so that
 * there are few sheets. A login less than NEW_S ago was made to get here. */
enum { WARNING_S = 300, STEP_S = 10, NEW_S = 30, SHEET_SECONDS_MAX = 604800 };
/* What site.css says already, so that the usual half hour needs no sheet of its own. */
enum { USUAL_SOON_S = 1500, USUAL_OVER_S = 1800 };

static unsigned warning_s(const struct page *page)
{
    unsigned third = page->app->config->security.session_idle_s / 3;
    return third < WARNING_S ? third : WARNING_S;
}

static unsigned seconds_left(const struct session_end *end, int64_t now_us)
{
    int64_t left_s = (end->at_us - now_us) / CLOCK_SECOND_US;

    if (left_s < 0)
        return 0;
    return (unsigned)(left_s > 6 * STEP_S ? left_s - left_s % STEP_S : left_s);
}

static struct str wait_text(struct arena *arena, unsigned seconds)
{
    unsigned minutes = (seconds + 30) / 60;

    if (minutes == 0)
        return STR("dans moins d'une minute");
    return minutes == 1 ? STR("dans une minute environ") : arena_printf(arena, "dans %u minutes environ", minutes);
}

const struct session_end_view *page_session_end(const struct page *page)
{
    struct session_end_view *view = ARENA_NEW(page->arena, struct session_end_view);
    int64_t now_us = clock_now_us();
    struct session_end end = session_end(page->app->sessions, page->session, now_us);
    unsigned left = seconds_left(&end, now_us), warning = warning_s(page);

    if (warning > left)
        warning = left;
    if (left != USUAL_OVER_S || left - warning != USUAL_SOON_S)
        view->clock_url.url = arena_printf(page->arena, "/session/%u-%u.css", left - warning, left);
    view->wait = wait_text(page->arena, warning);
    view->is_last = end.at_us == end.last_us;
    return view;
}

/* --- the sheet: the same numbers for everybody, so that it may be kept --- */

static bool read_seconds(struct str text, int64_t *ret)
{
    return str_to_u63(text, ret) == 0 && *ret <= SHEET_SECONDS_MAX;
}

void page_session_sheet(struct request *request)
{
    struct str kind, over, soon = str_cut(str_cut(request->params[0], '.', &kind), '-', &over);
    int64_t soon_s, over_s;
    struct response *response;

    if (!str_eq(kind, STR("css")) || !read_seconds(soon, &soon_s) || !read_seconds(over, &over_s)) {
        router_error(request, 404);
        return;
    }
    response = response_new(request, 200);
    response->content_type = "text/css; charset=utf-8";
    response->cache = RESPONSE_IMMUTABLE;
    buf_printf(&response->body, ":root{--soon:%llds;--over:%llds}\n", (long long)soon_s, (long long)over_s);
    response_send(response);
}

/* --- the page --- */

static struct str duration_text(struct arena *arena, unsigned seconds)
{
    return seconds < 120 ? arena_printf(arena, "%u\xc2\xa0secondes", seconds)
                         : arena_printf(arena, "%u\xc2\xa0minutes", seconds / 60);
}

/* After "jusqu'": no date while it is today's. */
static struct str until_text(struct arena *arena, int64_t us, int64_t now_us)
{
    struct clock_local at = clock_to_local(us), now = clock_to_local(now_us);

    if (at.day == now.day && at.month == now.month)
        return arena_printf(arena, "à %d\xc2\xa0h\xc2\xa0%02d", at.hour, at.minute);
    return arena_printf(arena, "au %.*s", STR_ARG(french_datetime(arena, us)));
}

static void opened(struct page *page)
{
    int64_t now_us = clock_now_us();
    struct session_end end = session_end(page->app->sessions, page->session, now_us);
    struct session_view view = {
        .page = page->view,
        .ends_at = until_text(page->arena, end.at_us, now_us),
        .ends_at_iso = french_time_iso(page->arena, end.at_us),
        .last_at = until_text(page->arena, end.last_us, now_us),
        .last_at_iso = french_time_iso(page->arena, end.last_us),
        .is_last = end.at_us == end.last_us,
        .is_new = now_us - page->session->created_us < NEW_S * CLOCK_SECOND_US,
        .idle = duration_text(page->arena, page->app->config->security.session_idle_s),
    };
    struct response *response = page_response(page, 200);

    template_page_session(&response->body, &view);
    page_send(page, response);
}

void page_session(struct request *request)
{
    page_open(request, PAGE_PASSWORD, "Votre session", opened);
}
