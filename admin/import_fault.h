/* import_fault: what is wrong in the files, as "FILE:LINE:COLUMN: …" on stderr. All faults are counted, a bounded
 * number is printed. */
#ifndef DP_ADMIN_IMPORT_FAULT_H
#define DP_ADMIN_IMPORT_FAULT_H

enum { IMPORT_FAULTS_PRINTED_MAX = 100 };

struct import_faults {
    unsigned count;
};

/* `column` counts the fields of a table from 1; 0 where it says nothing. */
void import_fault(struct import_faults *faults, const char *file, unsigned line, unsigned column, const char *format,
                  ...) __attribute__((format(printf, 5, 6)));
/* Says how many were not printed. */
void import_faults_end(const struct import_faults *faults);

#endif
