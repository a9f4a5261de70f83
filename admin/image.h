/* image: what a file is, by its bytes: a PNG or WebP picture that stands still, and its size. Nothing is decoded. */
#ifndef DP_ADMIN_IMAGE_H
#define DP_ADMIN_IMAGE_H

#include "common/str.h"

enum image_kind { IMAGE_PNG, IMAGE_WEBP };

struct image {
    enum image_kind kind;
    unsigned width, height; /* pixels; not zero */
};

/* Reads the frame of the file: PNG third edition §5 (signature, whole chunks from IHDR to IEND, nothing after it) or
 * RFC 9649 (RIFF of the file's own length, one key frame). ERR_INVALID for anything else, also for animations. */
int image_read(struct str bytes, struct image *ret_image);

#endif
