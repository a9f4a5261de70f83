#include "admin/sql_split.h"

#include "common/buf.h"

/* Appends the line without its comment. `quote` is the quote that is open, or 0, from line to line. */
static void append_line(struct buf *out, struct str line, char *quote)
{
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        bool dashes = c == '-' && i + 1 < line.len && line.ptr[i + 1] == '-';
        if (!*quote && dashes && (i + 2 == line.len || line.ptr[i + 2] == ' '))
            break;
        if (*quote ? c == *quote : c == '\'' || c == '"' || c == '`')
            *quote = *quote ? 0 : c;
        buf_append_char(out, c);
    }
    buf_append_char(out, '\n');
}

struct str sql_split_next(struct str text, struct arena *arena, struct str *rest)
{
    struct buf out;
    struct str statement = STR_NULL;
    char quote = 0;
    bool ended = false;

    buf_init(&out, text.len + 1);
    while (text.len > 0 && !ended) {
        append_line(&out, str_cut(text, '\n', &text), &quote);
        statement = str_trim(buf_str(&out));
        if (statement.len == 0)
            buf_clear(&out);
        ended = !quote && str_ends_with(statement, STR(";"));
    }
    if (ended)
        statement.len--;
    *rest = text;
    statement = statement.len ? arena_str(arena, statement) : STR_NULL;
    buf_done(&out);
    return statement;
}
