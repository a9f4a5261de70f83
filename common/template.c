#include "common/template.h"

#include <inttypes.h>

#include "common/encode.h"

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* What stands for `c` in HTML; NULL for itself. */
static const char *html_form(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t':
    case '\n':
    case '\r':
        return NULL;
    default:
        return is_control(c) ? "\xef\xbf\xbd" : NULL;
    }
}

static const char *plain_form(unsigned char c)
{
    return is_control(c) && c != '\n' && c != '\t' ? "" : NULL;
}

/* Copies whole runs between the bytes that have another form. */
static void append_forms(struct buf *out, struct str s, const char *(*form)(unsigned char))
{
    size_t run = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char *other = form((unsigned char)s.ptr[i]);
        if (!other)
            continue;
        buf_append(out, str_slice(s.ptr + run, i - run));
        buf_append_text(out, other);
        run = i + 1;
    }
    if (run < s.len)
        buf_append(out, str_slice(s.ptr + run, s.len - run));
}

void template_escape(struct buf *out, struct str s)
{
    append_forms(out, s, html_form);
}

void template_escape_text(struct buf *out, const char *text)
{
    template_escape(out, str_from(text));
}

void template_escape_url(struct buf *out, struct safe_url url)
{
    template_escape(out, url.url);
}

void template_plain(struct buf *out, struct str s)
{
    append_forms(out, s, plain_form);
}

void template_plain_text(struct buf *out, const char *text)
{
    template_plain(out, str_from(text));
}

void template_plain_url(struct buf *out, struct safe_url url)
{
    template_plain(out, url.url);
}

void template_percent(struct buf *out, struct str s)
{
    encode_percent(out, s);
}

void template_percent_text(struct buf *out, const char *text)
{
    encode_percent(out, str_from(text));
}

void template_number(struct buf *out, int64_t number)
{
    buf_printf(out, "%" PRId64, number);
}

void template_unsigned(struct buf *out, uint64_t number)
{
    buf_printf(out, "%" PRIu64, number);
}

void template_html(struct buf *out, struct safe_html html)
{
    buf_append(out, html.html);
}

bool template_true_bool(bool flag)
{
    return flag;
}

bool template_true_str(struct str s)
{
    return s.len > 0;
}

bool template_true_text(const char *text)
{
    return text && text[0];
}

bool template_true_html(struct safe_html html)
{
    return html.html.len > 0;
}

bool template_true_url(struct safe_url url)
{
    return url.url.len > 0;
}

bool template_true_number(int64_t number)
{
    return number != 0;
}

bool template_true_unsigned(uint64_t number)
{
    return number != 0;
}

bool template_true_pointer(const void *pointer)
{
    return pointer != NULL;
}
