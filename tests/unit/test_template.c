/* template: what values become in a page, in a mail and in a URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/template.c"

enum { OUT_MAX = 1024 };

typedef void (*put_cb)(struct buf *out, struct str s);

static void expect(put_cb put, struct str s, struct str wanted)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    put(&out, s);
    if (!str_eq(buf_str(&out), wanted))
        fail_msg("\"%.*s\" became \"%.*s\"", STR_ARG(s), STR_ARG(buf_str(&out)));
    buf_done(&out);
}

static void each_byte_in_html(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char c = (char)byte;
        struct str wanted = {&c, 1};
        if (byte == '&')
            wanted = STR("&amp;");
        else if (byte == '<')
            wanted = STR("&lt;");
        else if (byte == '>')
            wanted = STR("&gt;");
        else if (byte == '"')
            wanted = STR("&quot;");
        else if (byte == '\'')
            wanted = STR("&#39;");
        else if (byte == 0x7f || (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r'))
            wanted = STR("\xef\xbf\xbd");
        expect(template_escape, str_slice(&c, 1), wanted);
    }
}

static void each_byte_in_a_text_mail(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char c = (char)byte;
        bool is_left_out = byte == 0x7f || (byte < 0x20 && byte != '\t' && byte != '\n');
        expect(template_plain, str_slice(&c, 1), is_left_out ? STR("") : (struct str){&c, 1});
    }
}

static void runs_between_them(void **state)
{
    (void)state;
    expect(template_escape, STR_NULL, STR(""));
    expect(template_escape, STR("Zoë"), STR("Zoë"));
    expect(template_escape, STR("<b>Zoë & co</b>"), STR("&lt;b&gt;Zoë &amp; co&lt;/b&gt;"));
    expect(template_escape, STR("&&"), STR("&amp;&amp;"));
    expect(template_percent, STR_NULL, STR(""));
    expect(template_percent, STR("b0000.-_~"), STR("b0000.-_~"));
    expect(template_percent, STR("à b/c?"), STR("%C3%A0%20b%2Fc%3F"));
    expect(template_percent, STR("a\0b"), STR("a%00b"));
}

static void numbers(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, OUT_MAX);
    template_number(&out, -15);
    template_unsigned(&out, UINT64_MAX);
    template_number(&out, 0);
    assert_true(str_eq(buf_str(&out), STR("-15184467440737095516150")));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_in_html),
        cmocka_unit_test(each_byte_in_a_text_mail),
        cmocka_unit_test(runs_between_them),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
