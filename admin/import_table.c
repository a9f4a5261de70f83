#include "admin/import_table.h"

#include <assert.h>
#include <csv.h>
#include <stdarg.h>
#include <stdio.h>

#include "admin/import.h"
#include "admin/import_text.h"
#include "common/log.h"

/* The parser is fed byte by byte, because libcsv does not say in which line it is. */
struct reader {
    struct import_table *table;
    struct arena *arena;
    struct import_faults *faults;
    unsigned *lines;
    struct str *cells;
    unsigned line;     /* of the byte being fed */
    unsigned row_line; /* where the row began; 0: between rows */
    bool header_done, header_good;
    size_t n_fields; /* of the first line */
    size_t field;    /* of this row */
    struct str header[IMPORT_FIELDS_MAX];
    int column_of[IMPORT_FIELDS_MAX]; /* -1: none */
};

struct str import_table_cell(const struct import_table *table, size_t row, size_t column)
{
    assert(row < table->n_rows && column < table->n_columns);
    return table->cells[row * table->n_columns + column];
}

void import_table_fault(const struct import_table *table, struct import_faults *faults, size_t row, size_t column,
                        const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    import_fault(faults, table->name, table->lines[row], table->positions[column], "%s: %s",
                 table->columns[column].name, text);
}

static void on_field(void *bytes, size_t len, void *data)
{
    struct reader *reader = data;
    struct str field = str_trim(str_slice(bytes, len));
    size_t at = reader->field++;

    if (at >= IMPORT_FIELDS_MAX)
        return;
    if (!reader->header_done)
        reader->header[at] = arena_str(reader->arena, field);
    else if (reader->header_good && at < reader->n_fields && reader->table->n_rows < IMPORT_ROWS_MAX)
        reader->cells[reader->table->n_rows * reader->table->n_columns + (size_t)reader->column_of[at]] =
            arena_str(reader->arena, field);
}

static int find_column(const struct import_table *table, struct str name)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        if (str_eq_nocase(name, str_from(table->columns[i].name)))
            return (int)i;
    }
    return -1;
}

static void resolve_header_field(struct reader *reader, size_t at)
{
    struct import_table *table = reader->table;
    int column = find_column(table, reader->header[at]);
    unsigned position = (unsigned)at + 1;

    reader->column_of[at] = column;
    if (column < 0)
        import_fault(reader->faults, table->name, reader->row_line, position, "there is no column \"%.*s\"",
                     STR_ARG(reader->header[at]));
    else if (table->positions[column])
        import_fault(reader->faults, table->name, reader->row_line, position, "the column %s is there twice",
                     table->columns[column].name);
    else
        table->positions[column] = position;
}

static void finish_header(struct reader *reader)
{
    struct import_table *table = reader->table;
    unsigned before = reader->faults->count;

    if (reader->field > IMPORT_FIELDS_MAX)
        import_fault(reader->faults, table->name, reader->row_line, 0, "more than %d columns", IMPORT_FIELDS_MAX);
    reader->n_fields = reader->field < IMPORT_FIELDS_MAX ? reader->field : IMPORT_FIELDS_MAX;
    for (size_t at = 0; at < reader->n_fields; at++)
        resolve_header_field(reader, at);
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].required && !table->positions[i])
            import_fault(reader->faults, table->name, reader->row_line, 0, "the column %s is missing",
                         table->columns[i].name);
    }
    reader->header_done = true;
    reader->header_good = reader->faults->count == before;
}

static void check_cell(struct reader *reader, size_t row, size_t i)
{
    const struct import_table *table = reader->table;
    const struct import_column *column = &table->columns[i];
    struct str cell = import_table_cell(table, row, i);

    if (cell.len == 0 && column->required)
        import_table_fault(table, reader->faults, row, i, "is empty");
    else if (str_has_control(cell, ""))
        import_table_fault(table, reader->faults, row, i, "holds a line break or another control character");
    else if (str_utf8_length(cell) > column->length_max)
        import_table_fault(table, reader->faults, row, i, "is longer than %u characters", column->length_max);
}

static void finish_row(struct reader *reader)
{
    struct import_table *table = reader->table;
    size_t row = table->n_rows;

    if (!reader->header_good)
        return;
    if (row >= IMPORT_ROWS_MAX) {
        import_fault(reader->faults, table->name, reader->row_line, 0, "more than %d lines", IMPORT_ROWS_MAX);
        reader->header_good = false;
        return;
    }
    reader->lines[row] = reader->row_line;
    if (reader->field != reader->n_fields) {
        import_fault(reader->faults, table->name, reader->row_line, 0, "%zu fields, expected %zu", reader->field,
                     reader->n_fields);
        memset(reader->cells + row * table->n_columns, 0, table->n_columns * sizeof *reader->cells);
        return;
    }
    table->n_rows++;
    for (size_t i = 0; i < table->n_columns; i++)
        check_cell(reader, row, i);
}

static void on_row(int terminator, void *data)
{
    struct reader *reader = data;
    (void)terminator;
    if (reader->header_done)
        finish_row(reader);
    else
        finish_header(reader);
    reader->field = 0;
    reader->row_line = 0;
}

static unsigned char delimiter(struct str text)
{
    struct str rest;
    return str_find(str_cut(text, '\n', &rest), ';') >= 0 ? ';' : ',';
}

static void feed(struct reader *reader, struct csv_parser *parser, struct str text)
{
    csv_set_delim(parser, delimiter(text));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!reader->row_line && c != '\n' && c != '\r')
            reader->row_line = reader->line;
        if (csv_parse(parser, &c, 1, on_field, on_row, reader) != 1) {
            import_fault(
                reader->faults, reader->table->name, reader->line, 0,
                "a quote in the middle of a field; a field with quotes is written \"…\", its own quotes doubled");
            return;
        }
        reader->line += c == '\n';
    }
    if (csv_fini(parser, on_field, on_row, reader))
        import_fault(reader->faults, reader->table->name, reader->row_line, 0,
                     "the quote that opens a field never closes");
}

static size_t count_lines(struct str text)
{
    size_t lines = 2;
    for (size_t i = 0; i < text.len && lines < IMPORT_ROWS_MAX; i++)
        lines += text.ptr[i] == '\n' || text.ptr[i] == '\r';
    return lines;
}

void import_table_read(struct import_table *table, const char *directory, const char *name,
                       const struct import_column *columns, size_t n_columns, struct arena *arena,
                       struct import_faults *faults)
{
    struct reader reader = {.table = table, .arena = arena, .faults = faults, .line = 1};
    struct csv_parser parser;
    struct str text;

    *table = (struct import_table){.name = name, .columns = columns, .n_columns = n_columns};
    assert(n_columns <= IMPORT_FIELDS_MAX);
    if (!import_text_read(directory, name, IMPORT_FILE_MAX, arena, faults, &text))
        return;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI))
        log_fatal("out_of_memory", LOG_STR("for", "csv"));
    size_t rows = count_lines(text);
    reader.lines = ARENA_ARRAY(arena, rows, unsigned);
    reader.cells = ARENA_ARRAY(arena, rows * n_columns, struct str);
    table->lines = reader.lines;
    table->cells = reader.cells;
    feed(&reader, &parser, text);
    csv_free(&parser);
    if (!reader.header_done)
        import_fault(faults, name, 1, 0, "is empty; expected a first line with the names of the columns");
}
