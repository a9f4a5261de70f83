/* mail_address: what passes must be harmless in an SMTP dialogue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mail_address.c"

#define CASE(text, ok)                      \
    {                                       \
        {("" text), sizeof(text) - 1}, (ok) \
    }

static void addresses(void **state)
{
    static const struct {
        struct str address;
        bool ok;
    } cases[] = {
        CASE("durand@example.org", true),
        CASE("jean.durand+cantine@mail.example.org", true),
        CASE("d@x.fr", true),
        CASE("o'neil!#$%&*-/=?^_`{|}~@example.org", true),
        CASE("durand@ac-aix-marseille.fr", true),
        CASE("durand@xn--lyce-epa.fr", true),
        CASE("durand@3com.com", true),
        CASE("durand1@example.c0m", true),
        CASE("", false),
        CASE("durand", false),
        CASE("@example.org", false),
        CASE("durand@", false),
        CASE("durand@localhost", false),
        CASE("durand@example.", false),
        CASE("durand@.example", false),
        CASE("durand@example..org", false),
        CASE("durand@-example.org", false),
        CASE("durand@example-.org", false),
        CASE("durand@exa_mple.org", false),
        CASE("durand@[127.0.0.1]", false),
        CASE("durand@127.0.0.1", false),
        CASE(".durand@example.org", false),
        CASE("durand.@example.org", false),
        CASE("du..rand@example.org", false),
        CASE("du rand@example.org", false),
        CASE("\"du rand\"@example.org", false),
        CASE("durand(papa)@example.org", false),
        CASE("durand@martin@example.org", false),
        CASE("Durand <durand@example.org>", false),
        CASE("durand@example.org,martin@example.org", false),
        CASE("durand@example.org>\r\nRCPT TO:<martin@example.org", false),
        CASE("durand\r\n@example.org", false),
        CASE("durand@example.org\n", false),
        CASE(" durand@example.org", false),
        CASE("durand@example.org ", false),
        CASE("durand\0@example.org", false),
        CASE("durand@example.org\0", false),
        CASE("durand@exam\0ple.org", false),
        CASE("durand\x7f@example.org", false),
        CASE("dur\u00e9@example.org", false),
        CASE("durand@\u00e9cole.fr", false),
        CASE("durand@example.org:25", false),
        CASE("a@b\\c.org", false),
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (mail_address_is_valid(cases[i].address) != cases[i].ok)
            fail_msg("%.*s", STR_ARG(cases[i].address));
    }
    assert_false(mail_address_is_valid(STR_NULL));
}

/* local@label.…: each part of the given length. */
static bool valid_lengths(size_t local, size_t label, size_t labels)
{
    char text[512];
    size_t len = 0;
    memset(text, 'a', sizeof text);
    len += local;
    text[len++] = '@';
    for (size_t i = 0; i < labels; i++) {
        len += label;
        text[len++] = '.';
    }
    len += 3;
    return mail_address_is_valid(str_slice(text, len));
}

static void lengths(void **state)
{
    (void)state;
    assert_true(valid_lengths(64, 10, 1));
    assert_false(valid_lengths(65, 10, 1));
    assert_true(valid_lengths(10, 63, 1));
    assert_false(valid_lengths(10, 64, 1));
    assert_true(valid_lengths(10, 59, 4));  /* 10 + 1 + 4 * 60 + 3 = 254 */
    assert_false(valid_lengths(11, 59, 4)); /* 255 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests_name("mail_address", tests, NULL, NULL);
}
