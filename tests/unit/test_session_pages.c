/* The pages on the session and on what is kept of somebody are well-formed, labelled and harmless; and every page warns
 * of the session's end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/html_check.c"
#include "tests/view_samples.h"

static struct page_view session_page(const char *title, bool is_last)
{
    static struct session_end_view end;

    if (fill == FILL_EMPTY)
        return (struct page_view){.csrf = STR("token")};
    end = (struct session_end_view){url("/session/1500-1800.css"), text("dans 5 minutes environ"), is_last};
    return (struct page_view){.title = text(title), .logged_in = true, .session_end = &end, .csrf = text("token")};
}

/* `kind`: extended, extended for the last time, after a login. */
static void render_session_of(struct buf *out, int kind)
{
    struct session_view view = {
        .page = session_page("Votre session", kind == 1), .is_last = kind == 1, .is_new = kind == 2};

    view.ends_at = view.last_at = text("à 22 h 40");
    view.ends_at_iso = view.last_at_iso = text("2026-03-29T22:40:00+02:00");
    view.idle = text("30 minutes");
    template_page_session(out, &view);
}

static void render_session(struct buf *out)
{
    render_session_of(out, 0);
}

static void render_session_last(struct buf *out)
{
    render_session_of(out, 1);
}

static void render_session_new(struct buf *out)
{
    render_session_of(out, 2);
}

static void render_my_data(struct buf *out)
{
    struct my_data_view view = {.page = session_page("Mes données", false)};

    if (fill != FILL_EMPTY) {
        view.too_large = true;
        view.bursar_phone = text("04 42 00 00 00");
        view.bursar_email = text("gestionnaire@example.org");
    }
    template_page_my_data(out, &view);
}

static const struct rendering renderings[] = {
    {"session", render_session},
    {"session, last", render_session_last},
    {"session, new", render_session_new},
    {"my_data", render_my_data},
};

static void every_page_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(renderings); i++)
        assert_null(rendering_check(&renderings[i], HTML_PAGE));
}

static void a_page_warns_of_the_end(void **state)
{
    static const char *const extended[] = {"href=\"/session/1500-1800.css\"", "aria-live=\"assertive\"",
                                           "dans 5 minutes environ",          "target=\"_blank\">Rester connecté",
                                           "Copiez ce que vous avez",         NULL};
    static const char *const last[] = {"aria-live=\"assertive\"", "durée maximale", "Copiez ce que vous avez", NULL};
    struct buf out;

    (void)state;
    fill = FILL_FULL;
    for (int kind = 0; kind < 2; kind++) {
        buf_init(&out, RENDERED_SIZE_MAX);
        render_session_of(&out, kind);
        assert_true(holds_in_order(buf_str(&out), kind == 0 ? extended : last));
        assert_int_equal(memmem(out.ptr, out.len, "Rester connecté", strlen("Rester connecté")) != NULL, kind == 0);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_is_sound),
        cmocka_unit_test(a_page_warns_of_the_end),
    };

    return cmocka_run_group_tests_name("session pages", tests, NULL, NULL);
}
