#include "admin/import_fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/str.h"

enum { TEXT_SIZE = 600 };

/* What stood in a file goes to a terminal: whole characters only, and none that a terminal obeys. */
static void print_text(struct str text)
{
    while (!str_is_utf8(text))
        text.len--; /* cut in the middle of a character */
    for (size_t i = 0; i < text.len; i++)
        fputc(str_has_control(str_slice(text.ptr + i, 1), "") ? '?' : text.ptr[i], stderr);
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
