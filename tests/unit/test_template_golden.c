/* The generated code: golden templates rendered with hostile and with empty views, byte for byte; the runtime's
 * escaping; the embedded assets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "golden_templates.h"
#include "templates/assets.h"
#include "templates/host_file.h"

/* Markup, quotes, an entity, a template's tag, NUL, control characters, a right-to-left override, four bytes of
 * UTF-8 and a line break. */
#define HOSTILE "</textarea><script>alert('x')</script>\"&amp;{{text}}\0\x01\x1b\x7f\xe2\x80\xae\xf0\x9f\x8d\x9d\r\n."

static void fill_everything(struct everything_view *view, struct str text, const char *plain_text)
{
    static struct heading_view second;
    static struct str tags[2];
    static struct line_view lines[2];
    second = (struct heading_view){.title = text};
    tags[0] = tags[1] = text;
    lines[0] = (struct line_view){text, 15850, {STR("/a?b=c&d='e'")}, tags, 2};
    lines[1] = (struct line_view){text, INT64_MIN, {STR("/")}, NULL, 0};
    *view = (struct everything_view){
        .heading = {.title = text, .logged_in = true},
        .second = &second,
        .text = text,
        .plain_text = plain_text,
        .reference = "a<b&c",
        .number = -7,
        .size = SIZE_MAX,
        .checked = true,
        .field_error = text,
        .help = {STR("<em>help</em>")},
        .url = {STR("https://example.org/?a=1&b=\"")},
        .lines = lines,
        .n_lines = 2,
    };
}

static void fill_notice(struct notice_view *view, struct str text)
{
    static struct line_view lines[1];
    static struct str tags[1];
    tags[0] = text;
    lines[0] = (struct line_view){.label = text, .amount_cents = 1, .tags = tags, .n_tags = 1};
    *view = (struct notice_view){text, text, lines, 1, {STR("https://example.org/?a=1&b=2")}};
}

/* Set in the environment, the files are written anew: to be read before they are committed. */
static bool writes_golden(void)
{
    return getenv("DP_WRITE_GOLDEN") != NULL;
}

static void check(const struct buf *out, const char *file)
{
    char path[128];
    (void)snprintf(path, sizeof path, "tests/unit/golden/expected/%s", file);
    assert_true(buf_ok(out));
    if (writes_golden())
        assert_int_equal(host_file_write(path, out), 0);
    struct arena arena;
    struct str expected;
    arena_init(&arena, 1 << 20);
    assert_int_equal(host_file_read(&arena, path, &expected), 0);
    if (!str_eq(buf_str(out), expected))
        fail_msg("%s differs, rendered was:\n%.*s", path, STR_ARG(buf_str(out)));
    arena_done(&arena);
}

static void renders_everything(void **state)
{
    (void)state;
    struct everything_view view;
    struct buf out;
    buf_init(&out, 1 << 16);
    fill_everything(&view, STR(HOSTILE), "<script>'\"");
    template_page_everything(&out, &view);
    check(&out, "everything.hostile.html");
    buf_clear(&out);
    template_page_everything(&out, &(struct everything_view){0});
    check(&out, "everything.empty.html");
    buf_done(&out);
}

static void renders_mails(void **state)
{
    (void)state;
    struct notice_view view;
    struct buf out;
    buf_init(&out, 1 << 16);
    fill_notice(&view, STR(HOSTILE));
    template_mail_notice_text(&out, &view);
    check(&out, "notice.hostile.txt");
    buf_clear(&out);
    template_mail_notice_html(&out, &view);
    check(&out, "notice.hostile.html");
    buf_clear(&out);
    template_mail_notice_text(&out, &(struct notice_view){0});
    check(&out, "notice.empty.txt");
    buf_done(&out);
}

/* Nothing but the bytes that make markup. */
static void keep_markup(struct buf *buf)
{
    size_t len = 0;
    for (size_t i = 0; i < buf->len; i++)
        if (strchr("<>\"'", buf->ptr[i]) && buf->ptr[i])
            buf->ptr[len++] = buf->ptr[i];
    buf->len = len;
}

/* Whatever one byte a field holds, the page's markup is the same. */
static void no_byte_changes_the_markup(void **state)
{
    (void)state;
    struct everything_view view;
    struct buf harmless;
    struct buf out;
    buf_init(&harmless, 1 << 16);
    buf_init(&out, 1 << 16);
    fill_everything(&view, STR("a"), "a");
    template_page_everything(&harmless, &view);
    keep_markup(&harmless);
    assert_true(harmless.len > 100);
    for (int byte = 0; byte < 256; byte++) {
        char text[] = {(char)byte, '\0'};
        fill_everything(&view, str_slice(text, 1), byte ? text : "a");
        buf_clear(&out);
        template_page_everything(&out, &view);
        keep_markup(&out);
        assert_true(str_eq(buf_str(&out), buf_str(&harmless)));
    }
    buf_done(&harmless);
    buf_done(&out);
}

static void escapes(void **state)
{
    (void)state;
    static const struct {
        struct str in;
        const char *html;
        const char *plain;
        const char *percent;
    } cases[] = {
        {{"", 0}, "", "", ""},
        {{NULL, 0}, "", "", ""},
        {{"a", 1}, "a", "a", "a"},
        {{"<", 1}, "&lt;", "<", "%3C"},
        {{"a<b>", 4}, "a&lt;b&gt;", "a<b>", "a%3Cb%3E"},
        {{"&amp;", 5}, "&amp;amp;", "&amp;", "%26amp%3B"},
        {{"\"'", 2}, "&quot;&#39;", "\"'", "%22%27"},
        {{"\0x", 2}, "\xef\xbf\xbdx", "x", "%00x"},
        {{"\t\n", 2}, "\t\n", "\t\n", "%09%0A"},
        {{"a\rb", 3}, "a\rb", "ab", "a%0Db"},
        {{"\x1b[0m\x7f", 5}, "\xef\xbf\xbd[0m\xef\xbf\xbd", "[0m", "%1B%5B0m%7F"},
        {{"\xc3\xa9", 2}, "\xc3\xa9", "\xc3\xa9", "%C3%A9"},
        {{"../a b", 6}, "../a b", "../a b", "..%2Fa%20b"},
    };
    struct buf out;
    buf_init(&out, 256);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_clear(&out);
        template_escape(&out, cases[i].in);
        assert_true(str_eq_text(buf_str(&out), cases[i].html));
        buf_clear(&out);
        template_plain(&out, cases[i].in);
        assert_true(str_eq_text(buf_str(&out), cases[i].plain));
        buf_clear(&out);
        template_percent(&out, cases[i].in);
        assert_true(str_eq_text(buf_str(&out), cases[i].percent));
    }
    buf_done(&out);
}

static void says_when_the_page_is_too_long(void **state)
{
    (void)state;
    struct everything_view view;
    struct buf out;
    fill_everything(&view, STR(HOSTILE), "a");
    buf_init(&out, 100);
    template_page_everything(&out, &view);
    assert_false(buf_ok(&out));
    buf_done(&out);
}

static void embeds_assets(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *path;
        const char *etag;
        const char *content_type;
        const char *bytes;
    } expected[] = {
        {"mark.svg", "/statique/mark.fb91f9a03c202c5f.svg", "\"fb91f9a03c202c5f\"", "image/svg+xml",
         "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n"},
        {"site.css", "/statique/site.88af0128c1743187.css", "\"88af0128c1743187\"", "text/css; charset=utf-8",
         "p{color:#123}"},
    };
    assert_int_equal(n_assets, 2);
    for (unsigned i = 0; i < n_assets; i++) {
        assert_string_equal(assets[i].name, expected[i].name);
        assert_string_equal(assets[i].path, expected[i].path);
        assert_string_equal(assets[i].etag, expected[i].etag);
        assert_string_equal(assets[i].content_type, expected[i].content_type);
        assert_true(str_eq_text(assets[i].bytes, expected[i].bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_everything),
        cmocka_unit_test(renders_mails),
        cmocka_unit_test(no_byte_changes_the_markup),
        cmocka_unit_test(escapes),
        cmocka_unit_test(says_when_the_page_is_too_long),
        cmocka_unit_test(embeds_assets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
