/* server/journal_segment.h on a disk in memory, and the listing of its directory (--wrap). */
#include "simulator/fake_disk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/heap.h"
#include "common/journal_record.h"
#include "server/journal_segment.h"
#include "simulator/nemesis.h"
#include "simulator/sim.h"

enum { DIRS_MAX = 64, FILES_MAX = 256, FILE_BYTES_MAX = 16 * 1024, ROOT_FD = 1000, FIRST_FD = 2000 };
enum { STEP_US_MAX = 2000, SLOW_US_MAX = 4000000 };

struct disk_dir {
    char uuid[JOURNAL_UUID_LEN + 1];
    const struct process *holder;
    bool exists;
};

struct disk_file {
    struct disk_dir *dir; /* NULL: removed */
    unsigned number;
    char *bytes; /* in the world's memory */
    uint64_t len;
};

static struct disk_dir dirs[DIRS_MAX];
static struct disk_file files[FILES_MAX];
static unsigned n_dirs, n_files, n_corrupt;

DIR *__real_fdopendir(int fd);
int __real_openat(int fd, const char *path, int flags, ...);
struct dirent *__real_readdir(DIR *dir);
int __real_closedir(DIR *dir);
int __real_close(int fd);
DIR *__wrap_fdopendir(int fd);
int __wrap_openat(int fd, const char *path, int flags, ...);
struct dirent *__wrap_readdir(DIR *dir);
int __wrap_closedir(DIR *dir);
int __wrap_close(int fd);

void fake_disk_reset(void)
{
    n_dirs = n_files = n_corrupt = 0;
}

void fake_disk_unlock(const struct process *process)
{
    for (unsigned i = 0; i < n_dirs; i++) {
        if (dirs[i].holder == process)
            dirs[i].holder = NULL;
    }
}

unsigned fake_disk_count_abandoned(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < n_files; i++)
        n += files[i].dir && !files[i].dir->holder;
    return n;
}

unsigned fake_disk_count_corrupt(void)
{
    return n_corrupt;
}

/* ---- the directory's listing: a DIR is a number to count with ---- */

int __wrap_openat(int fd, const char *path, int flags, ...)
{
    (void)path;
    (void)flags;
    return fd == ROOT_FD ? ROOT_FD : -1;
}

DIR *__wrap_fdopendir(int fd)
{
    (void)fd;
    return (DIR *)HEAP_NEW(unsigned);
}

struct dirent *__wrap_readdir(DIR *dir)
{
    static struct dirent entry;
    unsigned *at = (unsigned *)(void *)dir;
    if (*at >= n_dirs)
        return NULL;
    snprintf(entry.d_name, sizeof entry.d_name, "%s", dirs[*at].exists ? dirs[*at].uuid : "corrupt");
    (*at)++;
    return &entry;
}

int __wrap_closedir(DIR *dir)
{
    free(dir);
    return 0;
}

int __wrap_close(int fd)
{
    return fd >= ROOT_FD ? 0 : __real_close(fd);
}

/* ---- directories ---- */

int journal_root_open(const char *path, int *ret_fd)
{
    (void)path;
    *ret_fd = ROOT_FD;
    return 0;
}

static struct journal_dir *hold(struct disk_dir *on_disk)
{
    struct journal_dir *dir = HEAP_NEW(struct journal_dir);
    on_disk->holder = sim_self;
    dir->root_fd = ROOT_FD;
    dir->fd = (int)(on_disk - dirs);
    memcpy(dir->uuid, on_disk->uuid, sizeof dir->uuid);
    return dir;
}

int journal_dir_create(int root_fd, struct journal_dir **ret_dir)
{
    (void)root_fd;
    if (n_dirs == DIRS_MAX)
        sim_unable("more than %d journals", DIRS_MAX);
    struct disk_dir *on_disk = &dirs[n_dirs++];
    *on_disk = (struct disk_dir){.exists = true};
    snprintf(on_disk->uuid, sizeof on_disk->uuid, "00000000-0000-4000-8000-%012u", n_dirs);
    *ret_dir = hold(on_disk);
    return 0;
}

int journal_dir_adopt(int root_fd, const char *uuid, struct journal_dir **ret_dir)
{
    (void)root_fd;
    for (unsigned i = 0; i < n_dirs; i++) {
        if (!dirs[i].exists || strcmp(dirs[i].uuid, uuid) != 0)
            continue;
        if (dirs[i].holder)
            return ERR_BUSY;
        *ret_dir = hold(&dirs[i]);
        SIM_TRACE("%s adopts journal %u", sim_self->name, i + 1);
        return 0;
    }
    return ERR_NOT_FOUND;
}

int journal_dir_list(struct journal_dir *dir, unsigned **ret_numbers)
{
    unsigned *numbers = HEAP_ARRAY(FILES_MAX, unsigned);
    dir->n_segments = 0;
    for (unsigned i = 0; i < n_files; i++) {
        if (files[i].dir == &dirs[dir->fd])
            numbers[dir->n_segments++] = files[i].number;
    }
    *ret_numbers = numbers;
    return 0;
}

void journal_dir_close(struct journal_dir *dir)
{
    struct disk_dir *on_disk = &dirs[dir->fd];
    on_disk->holder = NULL;
    on_disk->exists = dir->n_segments > 0;
    free(dir);
}

bool journal_dir_is_name(const char *name)
{
    return strlen(name) == JOURNAL_UUID_LEN;
}

/* ---- segments ---- */

static struct disk_file *file_of(const struct journal_segment *segment)
{
    for (unsigned i = 0; i < n_files; i++) {
        if (files[i].dir == &dirs[segment->dir->fd] && files[i].number == segment->number)
            return &files[i];
    }
    sim_violation("I7", "the journal looks for a segment that is not there");
}

static int fail(int os_errno)
{
    SIM_TRACE("%s: journal: %s", sim_self->name, strerror(os_errno));
    errno = os_errno;
    return ERR_IO;
}

int journal_segment_create(const struct journal_segment *segment, int *ret_fd)
{
    if (n_files == FILES_MAX)
        sim_unable("more than %d segments", FILES_MAX);
    if (!nemesis_is_up(STORE_DISK))
        return fail(ENOSPC);
    *ret_fd = FIRST_FD + (int)n_files;
    files[n_files++] = (struct disk_file){&dirs[segment->dir->fd], segment->number, world_alloc(FILE_BYTES_MAX), 0};
    return 0;
}

static void write_bytes(struct disk_file *file, uint64_t at, struct str bytes)
{
    if (at + bytes.len > FILE_BYTES_MAX)
        sim_unable("a segment of more than %d bytes", FILE_BYTES_MAX);
    memcpy(file->bytes + at, bytes.ptr, bytes.len);
    file->len = at + bytes.len;
}

int journal_segment_append(int fd, uint64_t *end, struct str bytes)
{
    struct disk_file *file = &files[fd - FIRST_FD];
    struct str torn = {bytes.ptr, sim_below((unsigned)bytes.len)};
    fiber_sleep(sim_between(1, STEP_US_MAX));
    enum fate fate = nemesis_draw(STORE_DISK);
    if (fate == FATE_CRASH) {
        write_bytes(file, *end, torn);
        nemesis_crash();
    }
    if (fate == FATE_PAUSE)
        nemesis_pause();
    fiber_sleep(nemesis_disk_hangs_us() + (fate == FATE_SLOW ? sim_between(0, SLOW_US_MAX) : 0));
    if (fate == FATE_REFUSED || !nemesis_is_up(STORE_DISK))
        return fail(ENOSPC);
    if (fate == FATE_LOST || fate == FATE_UNKNOWN) { /* the sync failed: any part of it may be there */
        write_bytes(file, *end, fate == FATE_LOST ? torn : bytes);
        return fail(EIO);
    }
    write_bytes(file, *end, bytes);
    *end += bytes.len;
    SIM_TRACE("%s: journal synced", sim_self->name);
    if (fate == FATE_CRASH_AFTER)
        nemesis_crash();
    return 0;
}

int journal_segment_scan(const struct journal_segment *segment, struct journal_scan *ret_scan)
{
    const struct disk_file *file = file_of(segment);
    struct str bytes = str_slice(file->bytes, file->len);
    struct journal_record record;
    enum journal_record_status status;
    size_t at = 0;
    *ret_scan = (struct journal_scan){.bytes = file->len};
    ret_scan->records = HEAP_ARRAY(FILE_BYTES_MAX / JOURNAL_RECORD_OVERHEAD, struct journal_location);
    while ((status = journal_record_next(bytes, &at, &record)) != JOURNAL_RECORD_END) {
        ret_scan->torn += status == JOURNAL_RECORD_TORN;
        ret_scan->corrupt += status == JOURNAL_RECORD_CORRUPT;
        if (status != JOURNAL_RECORD_OK)
            continue;
        struct journal_location *location = &ret_scan->records[ret_scan->n_records++];
        memcpy(location->id, record.id, EVENT_ID_LEN);
        location->at_us = record.at_us;
        location->offset = (uint32_t)record.offset;
        location->length = (uint32_t)record.length;
    }
    return 0;
}

int journal_segment_read(const struct journal_segment *segment, const struct journal_location *location,
                         struct buf *out)
{
    const struct disk_file *file = file_of(segment);
    struct str bytes = str_slice(file->bytes + location->offset, location->length);
    struct journal_record record;
    size_t at = 0;
    fiber_sleep(sim_between(1, STEP_US_MAX));
    if (journal_record_next(bytes, &at, &record) != JOURNAL_RECORD_OK)
        return ERR_CORRUPT;
    buf_append(out, record.payload);
    return buf_ok(out) ? 0 : ERR_TOO_LARGE;
}

int journal_segment_remove(const struct journal_segment *segment, bool keep)
{
    fiber_sleep(sim_between(1, STEP_US_MAX));
    n_corrupt += keep;
    file_of(segment)->dir = NULL;
    return 0;
}
