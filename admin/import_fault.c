#include "admin/import_fault.h"

#include <stdarg.h>
#include <stdio.h>

void import_fault(struct import_faults *faults, const char *file, unsigned line, unsigned column, const char *format,
                  ...)
{
    va_list args;
    if (faults->count++ >= IMPORT_FAULTS_PRINTED_MAX)
        return;
    fprintf(stderr, "%s:%u:", file, line);
    if (column)
        fprintf(stderr, "%u:", column);
    fputc(' ', stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void import_faults_end(const struct import_faults *faults)
{
    if (faults->count > IMPORT_FAULTS_PRINTED_MAX)
        fprintf(stderr, "… and %u more\n", faults->count - IMPORT_FAULTS_PRINTED_MAX);
}
