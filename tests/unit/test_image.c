/* image: what is taken for a logo, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "admin/image.c"

#define SIGNATURE  "\x89PNG\r\n\x1a\n"
#define IHDR(w, h) "\0\0\0\x0dIHDR" w h "\x08\x06\0\0\0CRC!"
#define IDAT       "\0\0\0\x02IDATxxCRC!"
#define IEND       "\0\0\0\0IENDCRC!"
#define W96        "\0\0\0\x60"
#define H48        "\0\0\0\x30"
#define RIFF(n)    "RIFF" n "\0\0\0WEBP"
/* 96 by 48 in each of the three ways. */
#define LOSSY    "VP8 \x0a\0\0\0\x30\x01\0\x9d\x01\x2a\x60\0\x30\0"
#define LOSSLESS "VP8L\x0a\0\0\0\x2f\x5f\xc0\x0b\x10xxxxx"
#define EXTENDED "VP8X\x0a\0\0\0\x10\0\0\0\x5f\0\0\x2f\0\0"
#define ANIMATED "VP8X\x0a\0\0\0\x12\0\0\0\x5f\0\0\x2f\0\0"

#define TEXT(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static void good(void **state)
{
    static const struct {
        struct str bytes;
        enum image_kind kind;
    } cases[] = {
        {TEXT(SIGNATURE IHDR(W96, H48) IDAT IEND), IMAGE_PNG},
        {TEXT(SIGNATURE IHDR(W96, H48) "\0\0\0\x03tEXtabcCRC!" IDAT IDAT IEND), IMAGE_PNG},
        {TEXT(RIFF("\x16") LOSSY), IMAGE_WEBP},
        {TEXT(RIFF("\x16") LOSSLESS), IMAGE_WEBP},
        {TEXT(RIFF("\x16") EXTENDED), IMAGE_WEBP},
        {TEXT(RIFF("\x2c") EXTENDED LOSSY "more"), IMAGE_WEBP},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct image image = {.width = 0};
        print_message("%zu\n", i);
        assert_int_equal(image_read(cases[i].bytes, &image), 0);
        assert_int_equal(image.kind, cases[i].kind);
        assert_int_equal(image.width, 96);
        assert_int_equal(image.height, 48);
    }
}

static void bad(void **state)
{
    static const struct str cases[] = {
        TEXT(""),
        TEXT("<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        TEXT("GIF89a\x60\0\x30\0"),
        TEXT(SIGNATURE),
        TEXT(SIGNATURE IEND),
        TEXT(SIGNATURE IHDR(W96, H48) IEND),
        TEXT(SIGNATURE IHDR(W96, H48) IDAT),
        TEXT(SIGNATURE IDAT IHDR(W96, H48) IEND),
        TEXT(SIGNATURE IHDR(W96, H48) IHDR(W96, H48) IDAT IEND),
        TEXT(SIGNATURE IHDR("\0\0\0\0", H48) IDAT IEND),
        TEXT(SIGNATURE IHDR(W96, "\0\0\0\0") IDAT IEND),
        TEXT(SIGNATURE IHDR(W96, H48) IDAT IEND "<script>"),
        TEXT(SIGNATURE IHDR(W96, H48) "\0\0\0\x08"
                                      "acTL\0\0\0\x02\0\0\0\0CRC!" IDAT IEND),
        TEXT(SIGNATURE IHDR(W96, H48) "\xff\xff\xff\xffIDATxxCRC!" IEND),
        TEXT(SIGNATURE "\0\0\0\x04IHDR" W96 "CRC!" IDAT IEND),
        TEXT("RIFF\x04\0\0\0WEBP"),
        TEXT("RIFF\x16\0\0\0WAVE" LOSSY),
        TEXT(RIFF("\x17") LOSSY),
        TEXT(RIFF("\x16") ANIMATED),
        TEXT(RIFF("\x16") "VP8 \x0b\0\0\0\x30\x01\0\x9d\x01\x2a\x60\0\x30\0"),
        TEXT(RIFF("\x16") "VP8 \x09\0\0\0\x30\x01\0\x9d\x01\x2a\x60\0\x30\0"),
        TEXT(RIFF("\x16") "VP8 \x0a\0\0\0\x30\x01\0\x9d\x01\x2b\x60\0\x30\0"),
        TEXT(RIFF("\x16") "VP8 \x0a\0\0\0\x30\x01\0\x9d\x01\x2a\0\0\x30\0"),
        TEXT(RIFF("\x16") "VP8L\x0a\0\0\0\x2e\x5f\xc0\x0b\x10xxxxx"),
        TEXT(RIFF("\x16") "ALPH\x0a\0\0\0\x30\x01\0\x9d\x01\x2a\x60\0\x30\0"),
    };
    struct image image = {.width = 7};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%zu\n", i);
        assert_int_equal(image_read(cases[i], &image), ERR_INVALID);
    }
    assert_int_equal(image.width, 7);
}

/* Every beginning of a good file is read without going past its end, and refused. */
static void cut_short(void **state)
{
    static const struct str whole[] = {TEXT(SIGNATURE IHDR(W96, H48) IDAT IEND), TEXT(RIFF("\x16") LOSSY),
                                       TEXT(RIFF("\x16") LOSSLESS), TEXT(RIFF("\x16") EXTENDED)};
    struct image image;
    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        for (size_t len = 0; len < whole[i].len; len++) {
            char *copy = malloc(len); /* the sanitizer watches its end */
            memcpy(copy, whole[i].ptr, len);
            assert_int_equal(image_read(str_slice(copy, len), &image), ERR_INVALID);
            free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(bad),
        cmocka_unit_test(cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
