/* host_file: files as the build-time programs read and write them: whole, once. */
#ifndef DP_TEMPLATES_HOST_FILE_H
#define DP_TEMPLATES_HOST_FILE_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/str.h"

enum { HOST_FILE_LEN_MAX = 4 << 20, HOST_OUTPUT_LEN_MAX = 64 << 20, HOST_ARENA_MAX = 256 << 20 };

/* The file's bytes, in `arena`. ERR_NOT_FOUND, ERR_TOO_LARGE or ERR_IO. */
int host_file_read(struct arena *arena, const char *path, struct str *ret);
/* Replaces the file. ERR_TOO_LARGE if the buffer overflowed, ERR_IO. */
int host_file_write(const char *path, const struct buf *content);
/* What follows the last '/'. */
const char *host_file_name(const char *path);

#endif
