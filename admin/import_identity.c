#include "admin/import_identity.h"

#include <fcntl.h>
#include <unistd.h>

#include "admin/image.h"
#include "common/digest.h"
#include "common/encode.h"

enum { HASH_BYTES = DIGEST_SHA256_LEN / 2 };

static struct str content_hash(struct str bytes, struct arena *arena)
{
    uint8_t digest[DIGEST_SHA256_LEN];
    char text[2 * HASH_BYTES + 1];
    digest_sha256(bytes, digest);
    encode_hex(digest, HASH_BYTES, text);
    return arena_str(arena, str_from(text));
}

struct import_file import_sheet(struct colour colour, struct arena *arena)
{
    char light[COLOUR_TEXT_SIZE], dark[COLOUR_TEXT_SIZE];
    colour_text(colour_on_light(colour), light);
    colour_text(colour_on_dark(colour), dark);
    /* Paper stays black and white. */
    struct str text = arena_printf(arena,
                                   "@media screen{:root{--accent:%s;--accent-ink:%s}}"
                                   "@media screen and (prefers-color-scheme:dark){:root{--accent:%s;--accent-ink:%s}}",
                                   light, COLOUR_LIGHT_INK, dark, COLOUR_DARK_INK);
    return (struct import_file){.hash = content_hash(text, arena), .kind = "CSS", .bytes = text};
}

/* Up to one byte more than a logo may have; STR_NULL when the file cannot be read. */
static struct str read_bytes(const char *path, struct arena *arena)
{
    char *bytes = arena_alloc(arena, LOGO_BYTES_MAX + 1);
    size_t len = 0;
    ssize_t got = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    while (fd >= 0 && len <= LOGO_BYTES_MAX && (got = read(fd, bytes + len, LOGO_BYTES_MAX + 1 - len)) > 0)
        len += (size_t)got;
    if (fd >= 0)
        close(fd);
    return got < 0 ? STR_NULL : str_slice(bytes, len);
}

const char *import_logo(const char *path, struct arena *arena, struct import_file *ret_logo)
{
    struct str bytes = read_bytes(path, arena);
    struct image image;

    if (!bytes.ptr)
        return "a file that can be read";
    if (bytes.len > LOGO_BYTES_MAX)
        return "a file of at most 4 kB";
    if (image_read(bytes, &image))
        return "a PNG or WebP image, not animated";
    if (image.width < LOGO_SIDE_MIN || image.height < LOGO_SIDE_MIN || image.width > LOGO_SIDE_MAX ||
        image.height > LOGO_SIDE_MAX)
        return "an image of 32 to 1024 pixels each way";
    if (image.width > LOGO_WIDTH_RATIO_MAX * image.height || image.height > image.width * 2)
        return "an image at most four times as wide as high, or twice as high as wide";
    *ret_logo = (struct import_file){.hash = content_hash(bytes, arena),
                                     .kind = image.kind == IMAGE_PNG ? "PNG" : "WEBP",
                                     .bytes = bytes,
                                     .width = image.width,
                                     .height = image.height};
    return NULL;
}
