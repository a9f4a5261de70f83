#include "common/csv.h"

#include "common/money.h"

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool looks_like_formula(struct str text)
{
    return text.len > 0 && text.ptr[0] != '\0' && strchr("=+-@\t\r", text.ptr[0]) != NULL;
}

static bool needs_quotes(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_control(text.ptr[i]) || strchr(";,\"' ", text.ptr[i])) /* a control character becomes a space */
            return true;
    }
    return looks_like_formula(text);
}

static void put_char(struct buf *out, char c)
{
    if (c == '"')
        buf_append_char(out, '"'); /* doubled */
    buf_append_char(out, is_control(c) ? ' ' : c);
}

void csv_text(struct buf *out, struct str text)
{
    bool quoted = needs_quotes(text);

    if (quoted)
        buf_append_char(out, '"');
    if (looks_like_formula(text))
        buf_append_char(out, '\'');
    for (size_t i = 0; i < text.len; i++)
        put_char(out, text.ptr[i]);
    if (quoted)
        buf_append_char(out, '"');
}

void csv_money(struct buf *out, int64_t cents)
{
    char text[MONEY_TEXT_SIZE];
    money_format_input(cents, text);
    buf_append_text(out, text);
}

void csv_next_field(struct buf *out)
{
    buf_append_char(out, ';');
}

void csv_end_line(struct buf *out)
{
    buf_append_text(out, "\r\n");
}
