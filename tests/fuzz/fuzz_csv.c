/* Exported tables: what our writer writes, a CSV parser reads as the same fields, and no field begins as a
 * spreadsheet's formula. A line of the input is a row, a "|" parts two fields. */
#include <csv.h>

#include "common/csv.h"
#include "fuzz/fuzz.h"

enum { FIELDS_MAX = 512 };

struct table {
    struct arena *arena;
    struct str fields[FIELDS_MAX];
    size_t count, rows;
};

static void on_field(void *bytes, size_t len, void *data)
{
    struct table *table = data;
    FUZZ_CHECK(table->count < FIELDS_MAX);
    table->fields[table->count++] = arena_str(table->arena, str_slice(bytes, len));
}

static void on_row(int terminator, void *data)
{
    (void)terminator;
    ((struct table *)data)->rows++;
}

static void write_row(struct buf *out, struct str line, struct table *written)
{
    while (line.ptr && written->count < FIELDS_MAX) {
        struct str field = str_cut(line, '|', &line);
        written->fields[written->count++] = field;
        csv_text(out, field);
        if (line.ptr && written->count < FIELDS_MAX)
            csv_next_field(out);
    }
    csv_end_line(out);
    written->rows++;
}

static void check_field(struct str written, struct str read)
{
    if (read.len > 0 && read.ptr[0] == '\'' && (written.len == 0 || written.ptr[0] != '\''))
        read = str_slice(read.ptr + 1, read.len - 1);
    else
        FUZZ_CHECK(read.len == 0 || !memchr("=+-@\t\r", read.ptr[0], 6));
    FUZZ_CHECK(read.len == written.len);
    for (size_t i = 0; i < read.len; i++) {
        unsigned char c = (unsigned char)written.ptr[i];
        FUZZ_CHECK(read.ptr[i] == (c < 0x20 || c == 0x7f ? ' ' : (char)c));
    }
}

static void read_table(const struct buf *out, struct table *ret)
{
    struct csv_parser parser;
    csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_delim(&parser, ';');
    FUZZ_CHECK(csv_parse(&parser, out->ptr, out->len, on_field, on_row, ret) == out->len);
    FUZZ_CHECK(csv_fini(&parser, on_field, on_row, ret) == 0);
    csv_free(&parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct table written, read;
    struct str rest = fuzz_str(data, size);
    struct arena arena;
    struct buf out;

    arena_init(&arena, FUZZ_ARENA_MAX);
    buf_init(&out, 1 << 22);
    written.count = written.rows = read.count = read.rows = 0;
    read.arena = &arena;
    while (rest.ptr && written.count < FIELDS_MAX) {
        struct str line = str_cut(rest, '\n', &rest);
        if (line.len > 0 &&
            line.ptr[0] != '\r') /* a row of one empty field is an empty line, which parsers pass over */
            write_row(&out, line, &written);
    }
    if (out.len > 0)
        read_table(&out, &read);
    FUZZ_CHECK(read.count == written.count && read.rows == written.rows);
    for (size_t i = 0; i < read.count; i++)
        check_field(written.fields[i], read.fields[i]);
    buf_done(&out);
    arena_done(&arena);
    return 0;
}
