/* school.ini: accepted with a contract and a school that the site can work with, or refused with faults. */
#include "fuzz/memory_file.h"
/* After the files, which it opens. */
#include "admin/import_text.c"

#include "admin/import.h"
#include "common/gateway/gateway.h"
#include "common/mail_address.h"
#include "common/money.h"

void import_fault(struct import_faults *faults, const char *file, unsigned line, unsigned column, const char *format,
                  ...)
{
    (void)line;
    (void)column;
    FUZZ_CHECK(strcmp(file, "school.ini") == 0 && format[0]);
    faults->count++;
}

/* The picture itself is fuzz_image.c's affair. */
const char *import_logo(const char *path, struct arena *arena, struct import_file *ret_logo)
{
    (void)path;
    (void)arena;
    (void)ret_logo;
    return "a PNG";
}

struct import_file import_sheet(struct colour colour, struct arena *arena)
{
    char text[COLOUR_TEXT_SIZE];
    colour_text(colour, text);
    return (struct import_file){.bytes = arena_str(arena, str_from(text))};
}

static void check_accepted(const struct import *import)
{
    const struct import_school *school = &import->school;
    const struct import_contract *contract = &import->contract;

    FUZZ_CHECK(school->uai.len == 8 && school->name.len > 0 && school->reference_prefix.len == 3);
    FUZZ_CHECK(mail_address_is_valid(school->bursar_email));
    FUZZ_CHECK(school->amount_min_cents > 0 && school->amount_min_cents <= school->amount_max_cents);
    FUZZ_CHECK(school->amount_max_cents <= MONEY_CENTS_MAX);
    FUZZ_CHECK(!str_has_control(school->name, "") && str_is_utf8(school->name));
    FUZZ_CHECK(school->colour.len == 0 || school->sheet.bytes.len == COLOUR_TEXT_SIZE - 1);
    FUZZ_CHECK(gateway_find(contract->gateway) && contract->merchant_id.len > 0);
    FUZZ_CHECK(!gateway_find(contract->gateway)->is_demonstration(contract->merchant_id, contract->key));
    FUZZ_CHECK(contract->currency.len == 3 && contract->bank_ref_len >= 1 && contract->bank_ref_len <= 40);
    FUZZ_CHECK(str_starts_with(contract->payment_url, STR("https://")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct config config = {.site = {.mode = CONFIG_PRODUCTION}};
    struct import import = {.config = &config, .directory = "/nowhere/school"};

    memory_files[0].name = "school.ini";
    memory_files[0].bytes = fuzz_str(data, size);
    arena_init(&import.arena, FUZZ_ARENA_MAX);
    import_read_school(&import);
    if (import.faults.count == 0)
        check_accepted(&import);
    arena_done(&import.arena);
    return 0;
}
