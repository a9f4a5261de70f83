#include "admin/import_fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/str.h"

enum { TEXT_SIZE = 600 };

/* Bytes of the first character. */
static size_t character_len(struct str text)
{
    size_t len = 1;
    while (len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len++;
    return len;
}

/* What stood in a file goes to a terminal: whole characters only, and none that a terminal obeys. */
static void print_text(struct str text)
{
    while (!str_is_utf8(text))
        text.len--; /* cut in the middle of a character */
    if (!str_has_control(text, "")) {
        fwrite(text.ptr, 1, text.len, stderr);
        return;
    }
    while (text.len > 0) {
        size_t len = character_len(text);
        struct str character = str_slice(text.ptr, len);
        if (str_has_control(character, ""))
            fputc('?', stderr);
        else
            fwrite(character.ptr, 1, len, stderr);
        text = str_slice(text.ptr + len, text.len - len);
    }
}

void import_fault(struct import_faults *faults, const char *file, unsigned line, unsigned column, const char *format,
                  ...)
{
    char text[TEXT_SIZE];
    va_list args;
    if (faults->count++ >= IMPORT_FAULTS_PRINTED_MAX)
        return;
    fprintf(stderr, "%s:%u:", file, line);
    if (column)
        fprintf(stderr, "%u:", column);
    fputc(' ', stderr);
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_text(str_from(text));
    fputc('\n', stderr);
}

void import_faults_end(const struct import_faults *faults)
{
    if (faults->count > IMPORT_FAULTS_PRINTED_MAX)
        fprintf(stderr, "… and %u more\n", faults->count - IMPORT_FAULTS_PRINTED_MAX);
}
