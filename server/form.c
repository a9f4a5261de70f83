#include "server/form.h"

#include "common/encode.h"
#include "common/err.h"

static int parse_pair(struct arena *arena, struct str pair, struct form_field *ret_field)
{
    struct str value, decoded_name, decoded_value;
    struct str name = str_cut(pair, '=', &value);

    if (name.len == 0)
        return ERR_INVALID;
    int err = decode_percent(arena, name, true, &decoded_name);
    if (err == 0)
        err = decode_percent(arena, value.ptr ? value : STR(""), true, &decoded_value);
    if (err != 0)
        return err;
    *ret_field = (struct form_field){decoded_name, decoded_value};
    return 0;
}

static bool has_name(const struct form *form, struct str name)
{
    for (unsigned i = 0; i < form->n_fields; i++) {
        if (str_eq(form->fields[i].name, name))
            return true;
    }
    return false;
}

int form_parse_repeated(struct arena *arena, struct str encoded, const char *repeated, struct form *ret_form)
{
    bool more = encoded.len > 0;

    ret_form->n_fields = 0;
    while (more) {
        struct form_field field;
        struct str pair = str_cut(encoded, '&', &encoded);
        more = encoded.ptr != NULL;
        if (ret_form->n_fields == FORM_FIELDS_MAX)
            return ERR_TOO_LARGE;
        int err = parse_pair(arena, pair, &field);
        if (err != 0)
            return err;
        if (!str_eq_text(field.name, repeated) && has_name(ret_form, field.name))
            return ERR_INVALID;
        ret_form->fields[ret_form->n_fields++] = field;
    }
    return 0;
}

int form_parse(struct arena *arena, struct str encoded, struct form *ret_form)
{
    return form_parse_repeated(arena, encoded, "", ret_form); /* no field is without a name */
}

struct str form_get(const struct form *form, const char *name)
{
    for (unsigned i = 0; i < form->n_fields; i++) {
        if (str_eq_text(form->fields[i].name, name))
            return form->fields[i].value;
    }
    return STR_NULL;
}

struct str form_unix_lines(struct arena *arena, struct str text)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\r')
            out[len++] = text.ptr[i];
    }
    return str_slice(out, len);
}
