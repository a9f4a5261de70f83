#include "admin/letter.h"

#include "common/encode.h"
#include "common/err.h"

/* decode_percent() refuses what is no UTF-8; an entry may hold any byte. */
static int decode_bytes(struct str text, struct arena *arena, struct str *ret)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        out[len++] = text.ptr[i];
        if (text.ptr[i] != '%')
            continue;
        if (text.len - i < 3 || decode_hex(str_slice(text.ptr + i + 1, 2), &out[len - 1], 1))
            return ERR_CORRUPT;
        i += 2;
    }
    *ret = str_slice(out, len);
    return 0;
}

static int read_fields(struct str text, struct arena *arena, struct letter *letter)
{
    struct str *fields = ARENA_ARRAY(arena, LETTER_FIELDS_MAX, struct str);
    int err = 0;
    while (!err && text.len) {
        struct str value, name = str_cut(str_cut(text, '&', &text), '=', &value);
        if (letter->n_fields + 2 > LETTER_FIELDS_MAX)
            return ERR_TOO_LARGE;
        err = decode_bytes(name, arena, &fields[letter->n_fields]);
        if (!err)
            err = decode_bytes(value, arena, &fields[letter->n_fields + 1]);
        letter->n_fields += 2;
    }
    letter->fields = fields;
    return err;
}

static void read_call(struct letter *letter, struct arena *arena)
{
    const struct gateway *gateway = gateway_find(letter->event.gateway);
    if (!gateway)
        return;
    struct gateway_contract none = {.gateway = gateway};
    struct gateway_judgement judgement = gateway->judge(&none, STR_NULL, letter->event.raw, arena);
    letter->call = gateway->read_call(letter->event.raw, arena);
    letter->bank_code = judgement.bank_code;
    letter->bank_ref = judgement.report.bank_ref;
    letter->amount_cents = judgement.report.amount_cents;
}

int letter_read(struct str text, struct arena *arena, struct letter *ret)
{
    struct letter letter = {0};
    int err = read_fields(text, arena, &letter);
    if (err)
        return err;
    letter.event_err = event_from_fields(letter.fields, letter.n_fields, &letter.event);
    if (!letter.event_err && letter.event.kind == EVENT_BANK_NOTIFICATION)
        read_call(&letter, arena);
    *ret = letter;
    return 0;
}
