#include "templates/asset_file.h"

#include <ctype.h>

#include "common/digest.h"
#include "common/encode.h"
#include "common/err.h"
#include "templates/host_file.h"
#include "templates/style_sheet.h"

enum { HASH_HEX_LEN = 16 };

static const struct {
    const char *extension;
    const char *content_type;
} types[] = {
    {"css", "text/css; charset=utf-8"},
    {"ico", "image/x-icon"},
    {"js", "text/javascript; charset=utf-8"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"txt", "text/plain; charset=utf-8"},
    {"webp", "image/webp"},
    {"woff2", "font/woff2"},
};

static const char *content_type_of(struct str extension)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (str_eq_text(extension, types[i].extension))
            return types[i].content_type;
    return NULL;
}

/* A name goes into a path and into C source as it is. */
static bool is_plain_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.ptr[i]) && !strchr("._-", name.ptr[i]))
            return false;
    return name.len > 0 && name.ptr[0] != '.';
}

/* "url(" of data inside the sheet or of a fragment stays; any other address would be stale or unknown. */
static bool css_names_a_file(struct str css)
{
    for (size_t i = 0; i < css.len; i++) {
        struct str rest = str_slice(css.ptr + i, css.len - i);
        if (str_starts_with(rest, STR("@import")))
            return true;
        if (!str_starts_with(rest, STR("url(")))
            continue;
        rest = str_trim(str_slice(rest.ptr + 4, rest.len - 4));
        if (rest.len && (rest.ptr[0] == '"' || rest.ptr[0] == '\''))
            rest = str_slice(rest.ptr + 1, rest.len - 1);
        if (!str_starts_with(rest, STR("data:")) && !str_starts_with(rest, STR("#")))
            return true;
    }
    return false;
}

static int refuse(int err, const char *why, const char **ret_why)
{
    *ret_why = why;
    return err;
}

int asset_file_load(struct arena *arena, const char *dir, struct str name, struct asset_file *ret, const char **ret_why)
{
    if (!is_plain_name(name))
        return refuse(ERR_NOT_FOUND, "not the name of an asset", ret_why);
    size_t dot = name.len;
    while (dot > 0 && name.ptr[dot - 1] != '.')
        dot--;
    struct str extension = str_slice(name.ptr + dot, name.len - dot);
    struct asset_file asset = {.content_type = content_type_of(extension)};
    if (dot < 2 || !asset.content_type)
        return refuse(ERR_INVALID, "an asset with an unknown extension", ret_why);
    struct str file = arena_printf(arena, "%s/%.*s", dir, STR_ARG(name));
    int err = host_file_read(arena, file.ptr, &asset.bytes);
    if (err)
        return refuse(err, err == ERR_NOT_FOUND ? "no such asset" : "the asset cannot be read", ret_why);
    if (str_eq_text(extension, "css") && css_names_a_file(asset.bytes))
        return refuse(ERR_INVALID, "a style sheet cannot name another file (url(), @import)", ret_why);
    if (str_eq_text(extension, "css"))
        asset.bytes = style_sheet_squeeze(arena, asset.bytes);
    uint8_t digest[DIGEST_SHA256_LEN];
    char hex[HASH_HEX_LEN + 1];
    digest_sha256(asset.bytes, digest);
    encode_hex(digest, HASH_HEX_LEN / 2, hex);
    asset.name = arena_str(arena, name);
    asset.hash = arena_str(arena, str_from(hex));
    asset.path = arena_printf(arena, "/statique/%.*s.%s.%.*s", (int)dot - 1, name.ptr, hex, STR_ARG(extension));
    *ret = asset;
    return 0;
}
