/* import_table: a CSV file with known columns, each cell checked for presence, length and control characters. */
#ifndef DP_ADMIN_IMPORT_TABLE_H
#define DP_ADMIN_IMPORT_TABLE_H

#include "admin/import_fault.h"
#include "common/arena.h"
#include "common/str.h"

enum { IMPORT_FIELDS_MAX = 64 };

struct import_column {
    const char *name;    /* in the first line of the file, in any order and case */
    bool required;       /* the column must be there and no cell empty */
    unsigned length_max; /* characters */
};

struct import_table {
    const char *name; /* the file's, for messages */
    const struct import_column *columns;
    size_t n_columns, n_rows;
    unsigned positions[IMPORT_FIELDS_MAX]; /* of each column in the file, from 1; 0: not there */
    const unsigned *lines;                 /* where each row starts */
    const struct str *cells;               /* row by row; a missing column gives empty cells */
};

/* ";" or "," as the first line has it. Faults are added to `faults`; with a fault in the first line there are no rows.
 */
void import_table_read(struct import_table *table, const char *directory, const char *name,
                       const struct import_column *columns, size_t n_columns, struct arena *arena,
                       struct import_faults *faults);

struct str import_table_cell(const struct import_table *table, size_t row, size_t column);
/* A fault of that cell: "families.csv:3:2: identifiant: …". */
void import_table_fault(const struct import_table *table, struct import_faults *faults, size_t row, size_t column,
                        const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
