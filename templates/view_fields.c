#include "templates/view_fields.h"

#include <ctype.h>

#include "common/err.h"

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The header without comments and preprocessor lines. */
static struct str code_of(struct arena *arena, struct str header)
{
    char *code = arena_alloc(arena, header.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < header.len; i++) {
        struct str rest = str_slice(header.ptr + i, header.len - i);
        bool in_comment = str_starts_with(rest, STR("/*"));
        bool in_line = str_starts_with(rest, STR("//")) || (rest.ptr[0] == '#' && (i == 0 || rest.ptr[-1] == '\n'));
        if (!in_comment && !in_line) {
            code[len++] = rest.ptr[0];
            continue;
        }
        struct str end = in_comment ? STR("*/") : STR("\n");
        for (i += in_comment ? 2 : 0; i < header.len; i++)
            if (str_starts_with(str_slice(header.ptr + i, header.len - i), end))
                break;
        i += end.len - 1;
        code[len++] = ' ';
    }
    return str_slice(code, len);
}

/* "const struct row *rows", "name[21]": the name stands last, before any bracket. */
static struct str declared_name(struct str declarator)
{
    declarator = str_trim(str_cut(declarator, '[', &(struct str){0}));
    size_t begin = declarator.len;
    while (begin > 0 && is_name_char(declarator.ptr[begin - 1]))
        begin--;
    return str_slice(declarator.ptr + begin, declarator.len - begin);
}

static int add_declaration(struct str declaration, struct view_fields *fields)
{
    declaration = str_trim(declaration);
    if (str_starts_with(declaration, STR("const ")))
        declaration = str_trim(str_slice(declaration.ptr + 6, declaration.len - 6));
    bool is_struct = str_starts_with(declaration, STR("struct "));
    while (declaration.len) {
        struct str declarator = str_cut(declaration, ',', &declaration);
        struct str name = declared_name(declarator);
        if (!name.len)
            continue;
        if (fields->n_names == VIEW_FIELDS_MAX)
            return ERR_TOO_LARGE;
        fields->is_object[fields->n_names] = is_struct && str_find(declarator, '*') >= 0;
        fields->names[fields->n_names++] = name;
    }
    return 0;
}

int view_fields_read(struct arena *arena, struct str header, struct view_fields *ret)
{
    struct str code = code_of(arena, header);
    struct view_fields fields = {
        .names = ARENA_ARRAY(arena, VIEW_FIELDS_MAX, struct str),
        .is_object = ARENA_ARRAY(arena, VIEW_FIELDS_MAX, bool),
    };
    size_t begin = 0;
    for (size_t i = 0; i < code.len; i++) {
        if (!strchr(";{}", code.ptr[i]))
            continue;
        if (code.ptr[i] == ';' && add_declaration(str_slice(code.ptr + begin, i - begin), &fields))
            return ERR_TOO_LARGE;
        begin = i + 1;
    }
    *ret = fields;
    return 0;
}

static bool is_count_of(struct str field, struct str name)
{
    return str_starts_with(field, STR("n_")) && str_eq(str_slice(field.ptr + 2, field.len - 2), name);
}

enum view_field_kind view_fields_kind(const struct view_fields *fields, struct str name)
{
    enum view_field_kind kind = VIEW_FIELD_VALUE;
    for (unsigned i = 0; i < fields->n_names; i++) {
        if (is_count_of(fields->names[i], name))
            return VIEW_FIELD_LIST;
        if (fields->is_object[i] && str_eq(fields->names[i], name))
            kind = VIEW_FIELD_OBJECT;
    }
    return kind;
}
