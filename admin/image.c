#include "admin/image.h"

#include "common/err.h"

enum {
    PNG_SIGNATURE_LEN = 8,
    PNG_CHUNK_OVERHEAD = 12, /* length, type, check sum */
    PNG_IHDR_LEN = 13,
    RIFF_HEAD_LEN = 12,
    WEBP_CHUNK_HEAD_LEN = 8,
    WEBP_FRAME_LEN = 10, /* of each kind of first chunk, as far as its size stands there */
    WEBP_ANIMATION_FLAG = 0x02,
};

static unsigned byte_at(struct str bytes, size_t i)
{
    return (unsigned char)bytes.ptr[i];
}

static uint32_t big_32(struct str bytes, size_t i)
{
    return (uint32_t)byte_at(bytes, i) << 24 | byte_at(bytes, i + 1) << 16 | byte_at(bytes, i + 2) << 8 |
           byte_at(bytes, i + 3);
}

static uint32_t little_24(struct str bytes, size_t i)
{
    return byte_at(bytes, i) | byte_at(bytes, i + 1) << 8 | byte_at(bytes, i + 2) << 16;
}

static uint32_t little_32(struct str bytes, size_t i)
{
    return little_24(bytes, i) | (uint32_t)byte_at(bytes, i + 3) << 24;
}

/* --- PNG --- */

static int read_ihdr(struct str data, struct image *ret_image)
{
    if (data.len != PNG_IHDR_LEN)
        return ERR_INVALID;
    *ret_image = (struct image){IMAGE_PNG, big_32(data, 0), big_32(data, 4)};
    return 0;
}

static int read_png(struct str bytes, struct image *ret_image)
{
    size_t at = PNG_SIGNATURE_LEN;
    bool has_data = false;

    while (bytes.len - at >= PNG_CHUNK_OVERHEAD) {
        size_t len = big_32(bytes, at);
        struct str type = str_slice(bytes.ptr + at + 4, 4);
        if (len > bytes.len - at - PNG_CHUNK_OVERHEAD)
            return ERR_INVALID;
        bool is_first = at == PNG_SIGNATURE_LEN;
        if (is_first != str_eq_text(type, "IHDR") || str_eq_text(type, "acTL"))
            return ERR_INVALID;
        if (is_first && read_ihdr(str_slice(bytes.ptr + at + 8, len), ret_image))
            return ERR_INVALID;
        has_data |= str_eq_text(type, "IDAT");
        at += len + PNG_CHUNK_OVERHEAD;
        if (str_eq_text(type, "IEND"))
            return has_data && at == bytes.len ? 0 : ERR_INVALID;
    }
    return ERR_INVALID;
}

/* --- WebP --- */

static int read_webp_size(struct str type, struct str data, struct image *ret_image)
{
    struct image image = {.kind = IMAGE_WEBP};
    if (str_eq_text(type, "VP8 ")) {
        if (little_24(data, 3) != 0x2a019d)
            return ERR_INVALID;
        image.width = little_24(data, 6) & 0x3fff;
        image.height = (byte_at(data, 8) | byte_at(data, 9) << 8) & 0x3fff;
    } else if (str_eq_text(type, "VP8L")) {
        if (byte_at(data, 0) != 0x2f)
            return ERR_INVALID;
        uint32_t sizes = little_32(data, 1);
        image.width = (sizes & 0x3fff) + 1;
        image.height = (sizes >> 14 & 0x3fff) + 1;
    } else if (str_eq_text(type, "VP8X")) {
        if (byte_at(data, 0) & WEBP_ANIMATION_FLAG)
            return ERR_INVALID;
        image.width = little_24(data, 4) + 1;
        image.height = little_24(data, 7) + 1;
    } else {
        return ERR_INVALID;
    }
    *ret_image = image;
    return 0;
}

static int read_webp(struct str bytes, struct image *ret_image)
{
    size_t rest = bytes.len - RIFF_HEAD_LEN;
    if (little_32(bytes, 4) != bytes.len - 8 || rest < WEBP_CHUNK_HEAD_LEN + WEBP_FRAME_LEN)
        return ERR_INVALID;
    struct str type = str_slice(bytes.ptr + RIFF_HEAD_LEN, 4);
    size_t len = little_32(bytes, RIFF_HEAD_LEN + 4);
    if (len < WEBP_FRAME_LEN || len > rest - WEBP_CHUNK_HEAD_LEN)
        return ERR_INVALID;
    return read_webp_size(type, str_slice(bytes.ptr + RIFF_HEAD_LEN + WEBP_CHUNK_HEAD_LEN, len), ret_image);
}

int image_read(struct str bytes, struct image *ret_image)
{
    struct image image = {.width = 0};
    int err = ERR_INVALID;

    if (str_starts_with(bytes, STR("\x89PNG\r\n\x1a\n")))
        err = read_png(bytes, &image);
    else if (bytes.len >= RIFF_HEAD_LEN && str_starts_with(bytes, STR("RIFF")) &&
             str_eq_text(str_slice(bytes.ptr + 8, 4), "WEBP"))
        err = read_webp(bytes, &image);
    if (!err && (image.width == 0 || image.height == 0))
        err = ERR_INVALID;
    if (!err)
        *ret_image = image;
    return err;
}
