#include "admin/import_text.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

static unsigned line_at(struct str text, size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < offset; i++)
        line += text.ptr[i] == '\n';
    return line;
}

static bool read_file(const char *path, const char *name, size_t size_max, struct arena *arena,
                      struct import_faults *faults, struct str *ret)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        import_fault(faults, name, 0, 0, "cannot be opened: %s", strerror(errno));
        return false;
    }
    long size = fseek(file, 0, SEEK_END) ? -1 : ftell(file);
    rewind(file);
    char *bytes = NULL;
    if (size < 0 || (unsigned long)size > size_max) {
        import_fault(faults, name, 0, 0, "is not a file of at most %zu MiB", size_max >> 20);
    } else {
        bytes = arena_alloc(arena, (size_t)size + 1);
        if (fread(bytes, 1, (size_t)size, file) != (size_t)size) {
            import_fault(faults, name, 0, 0, "cannot be read: %s", strerror(errno));
            bytes = NULL;
        }
    }
    fclose(file);
    *ret = str_slice(bytes, bytes ? (size_t)size : 0);
    return bytes != NULL;
}

/* Every Windows-1252 character takes at most three bytes of UTF-8. */
static bool from_windows_1252(struct str text, const char *name, struct arena *arena, struct import_faults *faults,
                              struct str *ret)
{
    iconv_t converter = iconv_open("UTF-8", "WINDOWS-1252");
    if (converter == (iconv_t)-1)
        log_fatal("iconv_missing", LOG_STR("charset", "WINDOWS-1252"));
    char *in = (char *)text.ptr;
    char *out = arena_alloc(arena, text.len * 3 + 1);
    char *end = out;
    size_t in_left = text.len;
    size_t out_left = text.len * 3;
    bool good = iconv(converter, &in, &in_left, &end, &out_left) != (size_t)-1;
    iconv_close(converter);
    if (!good)
        import_fault(faults, name, line_at(text, text.len - in_left), 0,
                     "is neither UTF-8 nor Windows-1252 (byte 0x%02x); save it as \"CSV UTF-8\"", (unsigned char)*in);
    *ret = str_slice(out, (size_t)(end - out));
    return good;
}

bool import_text_read(const char *directory, const char *name, size_t size_max, struct arena *arena,
                      struct import_faults *faults, struct str *ret_text)
{
    struct str text;
    const char *path = arena_printf(arena, "%s/%s", directory, name).ptr;

    if (!read_file(path, name, size_max, arena, faults, &text))
        return false;
    if (str_starts_with(text, STR("\xff\xfe")) || str_starts_with(text, STR("\xfe\xff"))) {
        import_fault(faults, name, 1, 0, "is UTF-16; save it as \"CSV UTF-8\"");
        return false;
    }
    ptrdiff_t nul = str_find(text, '\0');
    if (nul >= 0) {
        import_fault(faults, name, line_at(text, (size_t)nul), 0, "holds a zero byte: this is not a text file");
        return false;
    }
    if (str_starts_with(text, STR("\xef\xbb\xbf")))
        text = str_slice(text.ptr + 3, text.len - 3);
    *ret_text = text;
    return str_is_utf8(text) || from_windows_1252(text, name, arena, faults, ret_text);
}
