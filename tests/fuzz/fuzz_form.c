/* Form bodies: what is read has unique names, UTF-8 and no NUL, equals a second decoder's reading, and written again by
 * our own encoder reads the same. */
#include "common/encode.h"
#include "fuzz/fuzz.h"
#include "server/form.h"

/* Decodes by replacing from the left, unlike decode_percent. *ret has room for s.len bytes. */
static bool decode_by_hand(struct str s, char *out, size_t *ret_len)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    size_t len = 0;

    while (s.len > 0) {
        size_t taken = 1;
        out[len] = s.ptr[0] == '+' ? ' ' : s.ptr[0];
        if (s.ptr[0] == '%') {
            char pair[3] = {0};
            if (s.len < 3 || !memchr(digits, s.ptr[1], 22) || !memchr(digits, s.ptr[2], 22))
                return false;
            memcpy(pair, s.ptr + 1, 2);
            out[len] = (char)strtol(pair, NULL, 16);
            taken = 3;
        }
        if (out[len++] == '\0')
            return false;
        s = str_slice(s.ptr + taken, s.len - taken);
    }
    *ret_len = len;
    return true;
}

static void check_decoding(struct arena *arena, struct str s)
{
    struct str decoded = STR_NULL;
    char *by_hand = arena_alloc(arena, s.len + 1);
    size_t len = 0;
    bool good = decode_by_hand(s, by_hand, &len) && str_is_utf8(str_slice(by_hand, len));

    FUZZ_CHECK((decode_percent(arena, s, true, &decoded) == 0) == good);
    FUZZ_CHECK(!good || str_eq(decoded, str_slice(by_hand, len)));
}

static void check_fields(const struct form *form)
{
    for (unsigned i = 0; i < form->n_fields; i++) {
        const struct form_field *field = &form->fields[i];
        FUZZ_CHECK(str_is_utf8(field->name) && str_is_utf8(field->value));
        FUZZ_CHECK(str_find(field->name, '\0') < 0 && str_find(field->value, '\0') < 0);
        FUZZ_CHECK(field->value.ptr != NULL);
        for (unsigned j = 0; j < i; j++)
            FUZZ_CHECK(!str_eq(field->name, form->fields[j].name));
    }
}

static void check_reads_again(struct arena *arena, const struct form *form)
{
    static struct form again;
    struct buf encoded;

    buf_init(&encoded, 1 << 20);
    for (unsigned i = 0; i < form->n_fields; i++) {
        buf_append_text(&encoded, i > 0 ? "&" : "");
        encode_percent(&encoded, form->fields[i].name);
        buf_append_char(&encoded, '=');
        encode_percent(&encoded, form->fields[i].value);
    }
    FUZZ_CHECK(form_parse(arena, buf_str(&encoded), &again) == 0);
    FUZZ_CHECK(again.n_fields == form->n_fields);
    for (unsigned i = 0; i < form->n_fields; i++) {
        FUZZ_CHECK(str_eq(again.fields[i].name, form->fields[i].name));
        FUZZ_CHECK(str_eq(again.fields[i].value, form->fields[i].value));
        FUZZ_CHECK(str_eq(form_get(&again, arena_text(arena, form->fields[i].name)), form->fields[i].value));
    }
    buf_done(&encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct form form;
    struct str body = fuzz_str(data, size);
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    check_decoding(&arena, body);
    if (form_parse(&arena, body, &form) == 0) {
        check_fields(&form);
        check_reads_again(&arena, &form);
    }
    arena_done(&arena);
    return 0;
}
