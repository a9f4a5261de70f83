#include "server/archive.h"

#include <zip.h>

#include "common/err.h"
#include "common/log.h"

/* Logged here, because nobody else learns the reason. */
static int report(zip_error_t *error)
{
    log_error("archive_failed", LOG_STR("reason", zip_error_strerror(error)));
    return ERR_INTERNAL;
}

/* An archive owns its sources from the moment they are added. */
static int add_file(zip_t *archive, const struct archive_file *file)
{
    zip_source_t *source = zip_source_buffer(archive, file->bytes.ptr, file->bytes.len, 0);

    if (source && zip_file_add(archive, file->name, source, ZIP_FL_ENC_UTF_8) >= 0)
        return 0;
    zip_source_free(source);
    return ERR_INTERNAL;
}

static int read_all(zip_source_t *source, struct buf *ret_zip)
{
    zip_stat_t about;
    int err = ERR_INTERNAL;

    if (zip_source_stat(source, &about) != 0 || !(about.valid & ZIP_STAT_SIZE) || zip_source_open(source) != 0)
        return report(zip_source_error(source));
    char *room = buf_reserve(ret_zip, about.size);
    if (!room) {
        err = ERR_TOO_LARGE;
    } else if (zip_source_read(source, room, about.size) == (zip_int64_t)about.size) {
        buf_commit(ret_zip, about.size);
        err = 0;
    }
    zip_source_close(source);
    return err;
}

/* Closing an archive compresses its files and drops its reference to `target`; the caller has one of its own. */
static int write_all(zip_source_t *target, const struct archive_file *files, unsigned n_files)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_t *archive = zip_open_from_source(target, ZIP_CREATE | ZIP_TRUNCATE, &error);
    int err = archive ? 0 : report(&error);

    zip_error_fini(&error);
    if (err)
        return err;
    zip_source_keep(target);
    for (unsigned i = 0; i < n_files && !err; i++)
        err = add_file(archive, &files[i]);
    if (!err && zip_close(archive) == 0)
        return 0;
    err = report(zip_get_error(archive));
    zip_discard(archive);
    return err;
}

int archive_pack(const struct archive_file *files, unsigned n_files, struct buf *ret_zip)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *target = zip_source_buffer_create(NULL, 0, 0, &error);
    int err = target ? 0 : report(&error);

    zip_error_fini(&error);
    if (err)
        return err;
    err = write_all(target, files, n_files);
    if (!err)
        err = read_all(target, ret_zip);
    zip_source_free(target);
    return err;
}
