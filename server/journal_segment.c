#include "server/journal_segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crash_point.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/journal_record.h"
#include "common/log.h"
#include "common/rand.h"

#define CORRUPT_DIRECTORY "corrupt"

/* Of a file that is read: how much at once. Any value gives the same result. */
#ifndef SCAN_WINDOW
#define SCAN_WINDOW ((size_t)256 << 10)
#endif

enum { SEGMENT_NAME_SIZE = sizeof "00000001.log", DIRECTORY_MODE = 0700, FILE_MODE = 0600, CREATE_ATTEMPTS_MAX = 8 };

/* Closes without losing the errno that is to be reported. */
static void close_quietly(int fd)
{
    int saved = errno;

    close(fd);
    errno = saved;
}

static void name_segment(unsigned number, char out[SEGMENT_NAME_SIZE])
{
    snprintf(out, SEGMENT_NAME_SIZE, "%08u", number % (JOURNAL_SEGMENT_NUMBER_MAX + 1));
    memcpy(out + 8, ".log", 5);
}

static int open_directory(int at_fd, const char *path, int *ret_fd)
{
    int fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    *ret_fd = fd;
    return 0;
}

/* A new file or directory is only there for good once the directory that names it is synced. */
static int sync_parent(int fd)
{
    int parent_fd;
    int err;

    if (open_directory(fd, "..", &parent_fd) != 0)
        return ERR_IO;
    err = fsync(parent_fd) == 0 ? 0 : ERR_IO;
    close_quietly(parent_fd);
    return err;
}

int journal_root_open(const char *path, int *ret_fd)
{
    bool made = mkdir(path, DIRECTORY_MODE) == 0;
    int fd;

    if (!made && errno != EEXIST)
        return ERR_IO;
    /* The operator may have put a symbolic link here, so it is followed. */
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    if (made && sync_parent(fd) != 0) {
        close_quietly(fd);
        return ERR_IO;
    }
    *ret_fd = fd;
    return 0;
}

static void make_uuid(char out[JOURNAL_UUID_LEN + 1])
{
    uint8_t b[16];

    rand_bytes(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* RFC 4122 §4.4: version 4 */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(out, JOURNAL_UUID_LEN + 1, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

bool journal_dir_is_name(const char *name)
{
    if (strlen(name) != JOURNAL_UUID_LEN)
        return false;
    for (int i = 0; i < JOURNAL_UUID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? name[i] != '-' : !strchr("0123456789abcdef", name[i]))
            return false;
    }
    return true;
}

/* True while the name still leads to the directory that was locked: between open and flock its last owner may have
 * removed it, and a lock on a removed directory protects nothing. */
static bool is_still_named(int root_fd, const char *uuid, int fd)
{
    struct stat by_name;
    struct stat by_fd;

    return fstatat(root_fd, uuid, &by_name, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &by_fd) == 0 &&
           by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev;
}

int journal_dir_adopt(int root_fd, const char *uuid, struct journal_dir **ret_dir)
{
    struct journal_dir *dir;
    int fd;
    int err = open_directory(root_fd, uuid, &fd);

    if (err != 0)
        return err;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        err = errno == EWOULDBLOCK ? ERR_BUSY : ERR_IO;
    else if (!is_still_named(root_fd, uuid, fd))
        err = ERR_NOT_FOUND;
    if (err != 0) {
        close_quietly(fd);
        return err;
    }
    dir = HEAP_NEW(struct journal_dir);
    dir->root_fd = root_fd;
    dir->fd = fd;
    memcpy(dir->uuid, uuid, JOURNAL_UUID_LEN);
    *ret_dir = dir;
    return 0;
}

int journal_dir_create(int root_fd, struct journal_dir **ret_dir)
{
    struct journal_dir *dir = NULL;

    /* Another server may adopt the new directory before we lock it; it finds it empty and removes it: take another. */
    for (int attempt = 0; attempt < CREATE_ATTEMPTS_MAX; attempt++) {
        char uuid[JOURNAL_UUID_LEN + 1];
        int err;

        make_uuid(uuid);
        if (mkdirat(root_fd, uuid, DIRECTORY_MODE) != 0)
            return ERR_IO;
        CRASH_POINT("server/directory_made");
        err = journal_dir_adopt(root_fd, uuid, &dir);
        if (err == ERR_IO)
            return ERR_IO;
        if (err == 0)
            break;
    }
    if (!dir) {
        errno = EAGAIN;
        return ERR_IO;
    }
    if (fsync(root_fd) != 0) {
        journal_dir_close(dir);
        return ERR_IO;
    }
    CRASH_POINT("server/directory_owned");
    *ret_dir = dir;
    return 0;
}

/* The number of "NNNNNNNN.log", or 0 for another name. */
static unsigned parse_segment_name(const char *name)
{
    struct str text = str_from(name);
    int64_t number;

    if (text.len != SEGMENT_NAME_SIZE - 1 || !str_ends_with(text, STR(".log")) ||
        str_to_u63(str_slice(name, 8), &number) != 0)
        return 0;
    return (unsigned)number;
}

static int compare_numbers(const void *a, const void *b)
{
    unsigned left = *(const unsigned *)a;
    unsigned right = *(const unsigned *)b;

    return (left > right) - (left < right);
}

static DIR *open_listing(int dir_fd)
{
    int fd;
    DIR *listing;

    if (open_directory(dir_fd, ".", &fd) != 0)
        return NULL;
    listing = fdopendir(fd);
    if (!listing)
        close_quietly(fd);
    return listing;
}

int journal_dir_list(struct journal_dir *dir, unsigned **ret_numbers)
{
    DIR *listing = open_listing(dir->fd);
    unsigned *numbers = NULL;
    unsigned count = 0;

    if (!listing)
        return ERR_IO;
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        unsigned number = parse_segment_name(entry->d_name);
        if (number == 0)
            continue;
        numbers = reallocarray(numbers, count + 1, sizeof *numbers);
        if (!numbers)
            log_fatal("out_of_memory");
        numbers[count++] = number;
    }
    closedir(listing);
    if (count > 0)
        qsort(numbers, count, sizeof *numbers, compare_numbers);
    dir->n_segments = count;
    *ret_numbers = numbers;
    return 0;
}

void journal_dir_close(struct journal_dir *dir)
{
    /* What is not ours to delete (ENOTEMPTY) stays, and is nobody's loss. */
    CRASH_POINT("server/directory_before_close");
    if (dir->n_segments == 0 && unlinkat(dir->root_fd, dir->uuid, AT_REMOVEDIR) != 0)
        log_warn("journal_directory_not_removed", LOG_STR("directory", dir->uuid), LOG_STR("error", strerror(errno)));
    close(dir->fd);
    free(dir);
}

int journal_segment_create(const struct journal_segment *segment, int *ret_fd)
{
    char name[SEGMENT_NAME_SIZE];
    int fd;

    name_segment(segment->number, name);
    fd = openat(segment->dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return ERR_IO;
    CRASH_POINT("server/segment_created");
    if (fsync(segment->dir->fd) != 0) {
        int saved = errno;
        close(fd);
        unlinkat(segment->dir->fd, name, 0);
        errno = saved;
        return ERR_IO;
    }
    CRASH_POINT("server/segment_synced");
    *ret_fd = fd;
    return 0;
}

static int write_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        CRASH_POINT("server/journal_written");
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_IO;
        bytes = str_slice(bytes.ptr + n, bytes.len - (size_t)n);
    }
    return 0;
}

int journal_segment_append(int fd, uint64_t *end, struct str bytes)
{
    int saved;

    CRASH_POINT("server/journal_before_write");
    if (write_all(fd, bytes) == 0 && fdatasync(fd) == 0) {
        CRASH_POINT("server/journal_synced");
        *end += bytes.len;
        return 0;
    }
    saved = errno;
    /* Half a record is harmless to the next reader, but its space is wanted back. */
    if (ftruncate(fd, (off_t)*end) != 0)
        log_warn("journal_segment_not_cut", LOG_STR("error", strerror(errno)));
    errno = saved;
    return ERR_IO;
}

static int open_segment(const struct journal_segment *segment, int *ret_fd)
{
    char name[SEGMENT_NAME_SIZE];
    int fd;

    name_segment(segment->number, name);
    fd = openat(segment->dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return ERR_IO;
    *ret_fd = fd;
    return 0;
}

/* Reads until `len` bytes or the end of the file. */
static int read_at(int fd, char *out, size_t len, uint64_t offset, size_t *ret_len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = pread(fd, out + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *ret_len = got;
    return 0;
}

static void add_record(struct journal_scan *scan, size_t *capacity, const struct journal_record *record)
{
    struct journal_location *location;

    if (scan->n_records == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 64;
        scan->records = reallocarray(scan->records, *capacity, sizeof *scan->records);
        if (!scan->records)
            log_fatal("out_of_memory");
    }
    location = &scan->records[scan->n_records++];
    memcpy(location->id, record->id, EVENT_ID_LEN);
    location->at_us = record->at_us;
    location->offset = (uint32_t)record->offset;
    location->length = (uint32_t)record->length;
}

/* Takes records from bytes that stand at `base` in the file; returns how many bytes are done with. What is no sound
 * record is judged by all that follows it, so only when that `is_rest` of the file. */
static size_t scan_bytes(struct str bytes, uint64_t base, bool is_rest, struct journal_scan *scan, size_t *capacity)
{
    struct journal_record record;
    size_t offset = 0;

    for (;;) {
        size_t start = offset;
        enum journal_record_status status = journal_record_next(bytes, &offset, &record);
        if (status == JOURNAL_RECORD_END)
            return offset;
        if (status == JOURNAL_RECORD_OK) {
            record.offset += base;
            add_record(scan, capacity, &record);
            continue;
        }
        if (!is_rest)
            return start;
        scan->torn += status == JOURNAL_RECORD_TORN;
        scan->corrupt += status == JOURNAL_RECORD_CORRUPT;
    }
}

/* Piece by piece, each from the first byte that is not done with; from a place where nothing sound begins, all the rest
 * at once. */
static int scan_file(int fd, size_t size, struct journal_scan *scan)
{
    size_t window = size < SCAN_WINDOW ? size : SCAN_WINDOW, capacity = 0, len, done;
    char *bytes = heap_array(1, window + 1);
    int err = 0;

    for (size_t at = 0; err == 0 && at < size; at += done) {
        size_t wanted = size - at < window ? size - at : window;
        done = 0;
        err = read_at(fd, bytes, wanted, at, &len);
        if (err != 0 || len == 0)
            break;
        bool is_rest = at + len == size || len < wanted;
        done = scan_bytes(str_slice(bytes, len), at, is_rest, scan, &capacity);
        if (done == 0) {
            window = size - at;
            free(bytes);
            bytes = heap_array(1, window + 1);
        }
    }
    free(bytes);
    return err;
}

int journal_segment_scan(const struct journal_segment *segment, struct journal_scan *ret_scan)
{
    struct journal_scan scan = {0};
    struct stat stat;
    int fd;
    int err = open_segment(segment, &fd);

    if (err != 0)
        return err;
    if (fstat(fd, &stat) != 0)
        err = ERR_IO;
    else if (!S_ISREG(stat.st_mode) || stat.st_size > (off_t)JOURNAL_SEGMENT_BYTES_MAX)
        err = ERR_TOO_LARGE;
    else
        err = scan_file(fd, (size_t)stat.st_size, &scan);
    close_quietly(fd);
    if (err != 0) {
        free(scan.records);
        return err;
    }
    scan.bytes = (uint64_t)stat.st_size;
    *ret_scan = scan;
    return 0;
}

int journal_segment_read(const struct journal_segment *segment, const struct journal_location *location,
                         struct buf *out)
{
    struct journal_record record;
    char bytes[JOURNAL_RECORD_MAX];
    size_t offset = 0;
    size_t len;
    int fd;
    int err;

    if (location->length > sizeof bytes)
        return ERR_CORRUPT;
    err = open_segment(segment, &fd);
    if (err != 0)
        return err;
    err = read_at(fd, bytes, location->length, location->offset, &len);
    close_quietly(fd);
    if (err != 0)
        return err;
    if (journal_record_next(str_slice(bytes, len), &offset, &record) != JOURNAL_RECORD_OK ||
        memcmp(record.id, location->id, EVENT_ID_LEN) != 0)
        return ERR_CORRUPT;
    buf_append(out, record.payload);
    return buf_ok(out) ? 0 : ERR_TOO_LARGE;
}

static int keep_segment(const struct journal_segment *segment, const char *name)
{
    char kept[sizeof CORRUPT_DIRECTORY + 1 + JOURNAL_UUID_LEN + 1 + SEGMENT_NAME_SIZE];

    if (mkdirat(segment->dir->root_fd, CORRUPT_DIRECTORY, DIRECTORY_MODE) != 0 && errno != EEXIST)
        return ERR_IO;
    snprintf(kept, sizeof kept, "%s/%s-%s", CORRUPT_DIRECTORY, segment->dir->uuid, name);
    if (renameat(segment->dir->fd, name, segment->dir->root_fd, kept) != 0)
        return ERR_IO;
    log_error("journal_segment_kept", LOG_STR("file", kept),
              LOG_STR("why", "damaged records: compare with the bank's list of payments"));
    return 0;
}

int journal_segment_remove(const struct journal_segment *segment, bool keep)
{
    char name[SEGMENT_NAME_SIZE];

    name_segment(segment->number, name);
    CRASH_POINT("server/segment_before_remove");
    if (keep)
        return keep_segment(segment, name);
    return unlinkat(segment->dir->fd, name, 0) == 0 ? 0 : ERR_IO;
}
