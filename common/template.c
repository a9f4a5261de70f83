#include "common/template.h"

#include "common/digits.h"
#include "common/encode.h"

/* What stands for each byte; NULL for itself. */
typedef const char *const form_table[256];

#define CONTROLS(form) [0x00 ... 0x08] = form, [0x0b ... 0x0c] = form, [0x0e ... 0x1f] = form, [0x7f] = form

static form_table html_forms = {
    CONTROLS("\xef\xbf\xbd"), ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;",
};

static form_table plain_forms = {
    CONTROLS(""),
    ['\r'] = "",
};

/* Copies whole runs between the bytes that have another form. */
static void append_forms(struct buf *out, struct str s, form_table forms)
{
    size_t i = 0;

    while (i < s.len) {
        size_t run = i;
        while (i < s.len && !forms[(unsigned char)s.ptr[i]])
            i++;
        buf_append(out, str_slice(s.ptr + run, i - run));
        if (i < s.len)
            buf_append_text(out, forms[(unsigned char)s.ptr[i++]]);
    }
}

void template_escape(struct buf *out, struct str s)
{
    append_forms(out, s, html_forms);
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
    append_forms(out, s, plain_forms);
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
    char text[DIGITS_MAX + 1];
    buf_append(out, str_slice(text, (size_t)(digits_signed(text, number) - text)));
}

void template_unsigned(struct buf *out, uint64_t number)
{
    char text[DIGITS_MAX];
    buf_append(out, str_slice(text, (size_t)(digits_least(text, 1, number) - text)));
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
