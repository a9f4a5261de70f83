#include "admin/output.h"

#include <stdio.h>

void output_safe(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f)
            printf("\\x%02x", c);
        else
            putchar(c);
    }
}

/* RFC 8259 §7. Bytes that are no UTF-8 become U+FFFD, one each. */
static void put_json_text(struct str text)
{
    bool utf8 = str_is_utf8(text);
    putchar('"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            printf("\\u%04x", c);
        else if (c >= 0x80 && !utf8)
            fputs("\\ufffd", stdout);
        else
            putchar(c);
    }
    putchar('"');
}

static void put_json_value(const struct output_field *field)
{
    if (field->is_number && field->text.ptr)
        printf("%.*s", STR_ARG(field->text));
    else if (field->is_number)
        printf("%lld", (long long)field->number);
    else if (field->text.ptr)
        put_json_text(field->text);
    else
        fputs("null", stdout);
}

void output_object(const struct output_field *fields, size_t n_fields)
{
    putchar('{');
    for (size_t i = 0; i < n_fields; i++) {
        printf("%s\"%s\": ", i ? ", " : "", fields[i].name);
        put_json_value(&fields[i]);
    }
    putchar('}');
}

void output_lines(const struct output_field *fields, size_t n_fields)
{
    for (size_t i = 0; i < n_fields; i++) {
        const struct output_field *field = &fields[i];
        if (!field->is_number && field->text.len == 0)
            continue;
        printf("%-16s ", field->name);
        if (field->is_number && !field->text.ptr)
            printf("%lld", (long long)field->number);
        else
            output_safe(field->text);
        putchar('\n');
    }
}
