/* E-mail addresses: accepted is exactly what a regular expression and a few limits accept, and nothing accepted holds a
 * byte that means something to SMTP, to a mail's head or to HTML's tags. */
#include <regex.h>

#include "common/mail_address.h"
#include "fuzz/fuzz.h"

static regex_t grammar;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
#define ATOM  "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
#define LABEL "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
    return regcomp(&grammar, "^" ATOM "(\\." ATOM ")*@(" LABEL "\\.)+" LABEL "$", REG_EXTENDED | REG_NOSUB);
}

static bool is_within_limits(struct str address)
{
    struct str domain, label = STR_NULL;
    int64_t number;

    if (address.len > MAIL_ADDRESS_MAX || str_cut(address, '@', &domain).len > 64)
        return false;
    while (domain.ptr) {
        label = str_cut(domain, '.', &domain);
        if (label.len > 63)
            return false;
    }
    bool is_number = label.len > 18 ? strspn(label.ptr, "0123456789") >= label.len : str_to_u63(label, &number) == 0;
    return !is_number;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str address = fuzz_str(data, size);
    struct arena arena;

    arena_init(&arena, FUZZ_ARENA_MAX);
    const char *text = arena_text(&arena, address);
    bool expected = strlen(text) == size && size <= MAIL_ADDRESS_MAX && regexec(&grammar, text, 0, NULL, 0) == 0 &&
                    is_within_limits(str_from(text));
    bool accepted = mail_address_is_valid(address);
    FUZZ_CHECK(accepted == expected);
    for (size_t i = 0; i < address.len && accepted; i++)
        FUZZ_CHECK(address.ptr[i] > ' ' && address.ptr[i] < 0x7f && !memchr("<>()[],;:\\\"", address.ptr[i], 11));
    arena_done(&arena);
    return 0;
}
