#include "templates/host_file.h"

#include <errno.h>
#include <stdio.h>

#include "common/err.h"

static int read_stream(struct arena *arena, FILE *file, struct str *ret)
{
    struct buf content;
    buf_init(&content, HOST_FILE_LEN_MAX);
    char part[8192];
    size_t len;
    while ((len = fread(part, 1, sizeof part, file)) > 0)
        buf_append(&content, str_slice(part, len));
    int err = ferror(file) ? ERR_IO : buf_ok(&content) ? 0 : ERR_TOO_LARGE;
    if (!err)
        *ret = arena_str(arena, buf_str(&content));
    buf_done(&content);
    return err;
}

int host_file_read(struct arena *arena, const char *path, struct str *ret)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    int err = read_stream(arena, file, ret);
    fclose(file);
    return err;
}

int host_file_write(const char *path, const struct buf *content)
{
    if (!buf_ok(content))
        return ERR_TOO_LARGE;
    FILE *file = fopen(path, "wb");
    if (!file)
        return ERR_IO;
    size_t written = content->len ? fwrite(content->ptr, 1, content->len, file) : 0;
    int failed = fclose(file);
    return failed || written != content->len ? ERR_IO : 0;
}

const char *host_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
