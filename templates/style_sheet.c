#include "templates/style_sheet.h"

#include <stdbool.h>

/* White space beside these separates nothing, wherever they stand in a sheet. */
static bool stands_alone(char c)
{
    return c == '{' || c == '}' || c == ';' || c == ',';
}

/* After a colon neither, but before it: "a :hover" and "a:hover" differ. */
static bool must_part(char last, char next)
{
    return !stands_alone(last) && last != ':' && !stands_alone(next);
}

static size_t comment_len(struct str rest)
{
    for (size_t i = 2; i + 1 < rest.len; i++) {
        if (rest.ptr[i] == '*' && rest.ptr[i + 1] == '/')
            return i + 2;
    }
    return rest.len;
}

static size_t string_len(struct str rest)
{
    for (size_t i = 1; i < rest.len; i++) {
        if (rest.ptr[i] == '\\')
            i++;
        else if (rest.ptr[i] == rest.ptr[0])
            return i + 1;
    }
    return rest.len;
}

struct sheet {
    char *text;
    size_t len;
    bool spaced; /* white space came since the last character */
};

static void put(struct sheet *sheet, struct str token)
{
    char last = sheet->len ? sheet->text[sheet->len - 1] : '{';
    if (token.ptr[0] == '}' && last == ';') {
        while (sheet->len > 0 && sheet->text[sheet->len - 1] == ';')
            sheet->len--;
    } else if (sheet->spaced && must_part(last, token.ptr[0]))
        sheet->text[sheet->len++] = ' ';
    memcpy(sheet->text + sheet->len, token.ptr, token.len);
    sheet->len += token.len;
    sheet->spaced = false;
}

struct str style_sheet_squeeze(struct arena *arena, struct str css)
{
    struct sheet sheet = {.text = arena_alloc(arena, css.len + 1)};
    size_t len;

    for (size_t i = 0; i < css.len; i += len) {
        struct str rest = str_slice(css.ptr + i, css.len - i);
        len = 1;
        if (str_starts_with(rest, STR("/*"))) {
            len = comment_len(rest);
            sheet.spaced = true;
        } else if (strchr(" \t\r\n\f", rest.ptr[0])) {
            sheet.spaced = true;
        } else {
            if (rest.ptr[0] == '"' || rest.ptr[0] == '\'')
                len = string_len(rest);
            put(&sheet, str_slice(rest.ptr, len));
        }
    }
    return str_slice(sheet.text, sheet.len);
}
