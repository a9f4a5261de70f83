#include "server/journal_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/crash_point.h"
#include "common/err.h"
#include "common/heap.h"
#include "common/log.h"

/* One write and one sync carry at most so much: what waits longer than that is the disk's fault, not the batch's. */
enum { BATCH_BYTES_MAX = 1 << 20 };

struct journal_writer {
    uv_thread_t thread;
    uv_async_t *wake; /* borrowed; NULL while there is no thread */
    uv_mutex_t lock;
    uv_cond_t pushed;
    /* Under the lock. */
    struct journal_jobs appends, others, done;
    uint64_t syncs;
    /* The thread's own. */
    int root_fd;              /* owned */
    struct journal_dirs dirs; /* owned; the first one made is `own` */
    struct journal_dir *own;
    struct journal_segment *segment; /* the one in use, or NULL */
    int fd;                          /* of it */
    uint64_t end;                    /* of what is synced in it */
    uint64_t segment_bytes;          /* a segment is closed when it would pass this */
    unsigned last_number;
    struct buf batch;
};

void journal_writer_push_all(struct journal_writer *writer, struct journal_jobs *jobs)
{
    struct journal_job *job;

    uv_mutex_lock(&writer->lock);
    while ((job = TAILQ_FIRST(jobs)) != NULL) {
        TAILQ_REMOVE(jobs, job, link);
        TAILQ_INSERT_TAIL(job->kind == JOURNAL_APPEND ? &writer->appends : &writer->others, job, link);
    }
    uv_mutex_unlock(&writer->lock);
    uv_cond_signal(&writer->pushed);
}

void journal_writer_push(struct journal_writer *writer, struct journal_job *job)
{
    struct journal_jobs jobs = TAILQ_HEAD_INITIALIZER(jobs);

    TAILQ_INSERT_TAIL(&jobs, job, link);
    journal_writer_push_all(writer, &jobs);
}

static void complete_all(struct journal_writer *writer, struct journal_jobs *jobs)
{
    uv_mutex_lock(&writer->lock);
    TAILQ_CONCAT(&writer->done, jobs, link);
    uv_mutex_unlock(&writer->lock);
    if (writer->wake)
        uv_async_send(writer->wake);
}

void journal_writer_complete(struct journal_writer *writer, struct journal_job *job)
{
    struct journal_jobs jobs = TAILQ_HEAD_INITIALIZER(jobs);

    TAILQ_INSERT_TAIL(&jobs, job, link);
    complete_all(writer, &jobs);
}

uint64_t journal_writer_take(struct journal_writer *writer, struct journal_jobs *jobs)
{
    uint64_t syncs;

    uv_mutex_lock(&writer->lock);
    TAILQ_CONCAT(jobs, &writer->done, link);
    syncs = writer->syncs;
    uv_mutex_unlock(&writer->lock);
    return syncs;
}

static struct journal_file_job *new_file_job(enum journal_job_kind kind, struct journal_segment *segment)
{
    struct journal_file_job *file_job = HEAP_NEW(struct journal_file_job);

    file_job->job.kind = kind;
    file_job->segment = segment;
    return file_job;
}

/* --- appending --- */

static void seal_segment(struct journal_writer *writer)
{
    struct journal_file_job *notice;

    if (!writer->segment)
        return;
    close(writer->fd);
    CRASH_POINT("server/segment_sealed");
    notice = new_file_job(JOURNAL_SEALED, writer->segment);
    notice->bytes = writer->end;
    writer->segment = NULL;
    journal_writer_complete(writer, &notice->job);
}

static int begin_segment(struct journal_writer *writer)
{
    struct journal_segment *segment;
    int err;

    if (writer->last_number == JOURNAL_SEGMENT_NUMBER_MAX) {
        errno = EOVERFLOW;
        return ERR_IO;
    }
    segment = HEAP_NEW(struct journal_segment);
    segment->dir = writer->own;
    segment->number = ++writer->last_number;
    err = journal_segment_create(segment, &writer->fd);
    if (err != 0) {
        free(segment);
        return err;
    }
    writer->own->n_segments++;
    writer->segment = segment;
    writer->end = 0;
    return 0;
}

/* Makes the segment in use one that has room for `len` more bytes. */
static int make_room(struct journal_writer *writer, size_t len)
{
    if (writer->segment && writer->end > 0 && writer->end + len > writer->segment_bytes)
        seal_segment(writer);
    return writer->segment ? 0 : begin_segment(writer);
}

static struct journal_append *append_of(struct journal_job *job)
{
    return (struct journal_append *)job;
}

static void fail_appends(struct journal_writer *writer, struct journal_jobs *jobs, int os_errno)
{
    struct journal_job *job;

    TAILQ_FOREACH(job, jobs, link)
    {
        append_of(job)->segment = NULL;
        job->err = ERR_IO;
        job->os_errno = os_errno;
    }
    complete_all(writer, jobs);
}

/* Moves the appends that go into one write to `written`; at least the first. */
static void fill_batch(struct journal_writer *writer, struct journal_jobs *waiting, struct journal_jobs *written)
{
    struct journal_job *job;

    buf_clear(&writer->batch);
    while ((job = TAILQ_FIRST(waiting)) != NULL) {
        struct journal_append *append = append_of(job);
        uint64_t offset = writer->end + writer->batch.len;
        if (writer->batch.len > 0 && (offset + append->bytes.len > writer->segment_bytes ||
                                      writer->batch.len + append->bytes.len > BATCH_BYTES_MAX))
            return;
        TAILQ_REMOVE(waiting, job, link);
        TAILQ_INSERT_TAIL(written, job, link);
        append->segment = writer->segment;
        append->location.offset = (uint32_t)offset;
        buf_append(&writer->batch, buf_str(&append->bytes));
    }
}

/* One write, one sync, for all appends that fit. */
static int commit_batch(struct journal_writer *writer, struct journal_jobs *written)
{
    int err = journal_segment_append(writer->fd, &writer->end, buf_str(&writer->batch));

    if (err != 0)
        return err;
    uv_mutex_lock(&writer->lock);
    writer->syncs++;
    uv_mutex_unlock(&writer->lock);
    complete_all(writer, written);
    return 0;
}

static void do_appends(struct journal_writer *writer, struct journal_jobs *waiting)
{
    while (!TAILQ_EMPTY(waiting)) {
        struct journal_jobs written = TAILQ_HEAD_INITIALIZER(written);
        int err = make_room(writer, append_of(TAILQ_FIRST(waiting))->bytes.len);
        if (err == 0) {
            fill_batch(writer, waiting, &written);
            err = commit_batch(writer, &written);
        }
        if (err != 0) {
            /* Whoever waited is told at once; the next append tries a fresh segment. */
            int os_errno = errno;
            seal_segment(writer);
            fail_appends(writer, &written, os_errno);
            fail_appends(writer, waiting, os_errno);
        }
    }
}

/* --- adopting --- */

static void queue_load(struct journal_writer *writer, struct journal_dir *dir, unsigned number)
{
    struct journal_segment *segment = HEAP_NEW(struct journal_segment);

    segment->dir = dir;
    segment->number = number;
    segment->sealed = true;
    journal_writer_push(writer, &new_file_job(JOURNAL_LOAD, segment)->job);
}

static void adopt_directory(struct journal_writer *writer, const char *name)
{
    struct journal_dir *dir;
    unsigned *numbers = NULL;
    int err = journal_dir_adopt(writer->root_fd, name, &dir);

    if (err == ERR_BUSY || err == ERR_NOT_FOUND)
        return;
    if (err == 0) {
        LIST_INSERT_HEAD(&writer->dirs, dir, link);
        err = journal_dir_list(dir, &numbers);
    }
    if (err != 0) {
        log_error("journal_directory_not_adopted", LOG_STR("directory", name), LOG_STR("error", strerror(errno)));
        return;
    }
    CRASH_POINT("server/directory_adopted");
    log_info("journal_directory_adopted", LOG_STR("directory", name), LOG_INT("segments", dir->n_segments));
    if (dir->n_segments == 0) {
        LIST_REMOVE(dir, link);
        journal_dir_close(dir);
        return;
    }
    for (unsigned i = 0, n = dir->n_segments; i < n; i++)
        queue_load(writer, dir, numbers[i]);
    free(numbers);
}

/* Locks what nobody holds; the files are read one a job, so that appends can pass between. */
static void adopt_directories(struct journal_writer *writer)
{
    int fd = openat(writer->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);

    if (!listing) {
        log_error("journal_directory_unreadable", LOG_STR("error", strerror(errno)));
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        if (journal_dir_is_name(entry->d_name))
            adopt_directory(writer, entry->d_name);
    }
    closedir(listing);
}

static void load_segment(struct journal_file_job *file_job)
{
    const struct journal_segment *segment = file_job->segment;

    file_job->job.err = journal_segment_scan(segment, &file_job->scan);
    CRASH_POINT("server/segment_loaded");
    if (file_job->job.err != 0)
        log_error("journal_segment_unreadable", LOG_STR("directory", segment->dir->uuid),
                  LOG_INT("segment", segment->number), LOG_ERR(file_job->job.err));
    else if (file_job->scan.corrupt > 0)
        log_error("journal_segment_corrupt", LOG_STR("directory", segment->dir->uuid),
                  LOG_INT("segment", segment->number), LOG_INT("damaged", file_job->scan.corrupt),
                  LOG_INT("sound", (int64_t)file_job->scan.n_records));
}

/* --- reading back and removing --- */

static void read_records(struct journal_read *read)
{
    for (unsigned i = 0; i < read->n_items; i++) {
        struct journal_read_item *item = &read->items[i];
        item->payload_at = read->payloads.len;
        item->err = journal_segment_read(item->segment, &item->location, &read->payloads);
        item->payload_len = read->payloads.len - item->payload_at;
    }
    /* Only now: the buffer may have moved while it grew. */
    for (unsigned i = 0; i < read->n_items; i++) {
        struct journal_read_item *item = &read->items[i];
        struct str payload = {read->payloads.ptr + item->payload_at, item->payload_len};
        if (item->err == 0)
            item->err = event_decode(payload, &read->events[read->n_events]);
        if (item->err == 0)
            read->n_events++;
    }
}

static void remove_segment(struct journal_writer *writer, struct journal_file_job *file_job)
{
    struct journal_dir *dir = file_job->segment->dir;

    file_job->job.err = journal_segment_remove(file_job->segment, file_job->keep);
    CRASH_POINT("server/segment_removed");
    if (file_job->job.err != 0) {
        /* It stays, and so does its directory: whoever adopts that next tries again. */
        log_error("journal_segment_not_removed", LOG_STR("directory", dir->uuid),
                  LOG_INT("segment", file_job->segment->number), LOG_STR("error", strerror(errno)));
        return;
    }
    dir->n_segments--;
    if (dir->n_segments == 0 && dir != writer->own) {
        LIST_REMOVE(dir, link);
        journal_dir_close(dir);
    }
}

static void close_directories(struct journal_writer *writer)
{
    while (!LIST_EMPTY(&writer->dirs)) {
        struct journal_dir *dir = LIST_FIRST(&writer->dirs);
        LIST_REMOVE(dir, link);
        journal_dir_close(dir);
    }
    writer->own = NULL;
}

/* --- the thread --- */

static void do_job(struct journal_writer *writer, struct journal_job *job)
{
    switch (job->kind) {
    case JOURNAL_READ:
        read_records((struct journal_read *)job);
        break;
    case JOURNAL_REMOVE:
        remove_segment(writer, (struct journal_file_job *)job);
        break;
    case JOURNAL_LOAD:
        load_segment((struct journal_file_job *)job);
        break;
    case JOURNAL_ADOPT:
        adopt_directories(writer);
        break;
    case JOURNAL_QUIESCE:
        seal_segment(writer);
        break;
    case JOURNAL_STOP:
        close_directories(writer);
        break;
    case JOURNAL_APPEND:
    case JOURNAL_SEALED:
        log_fatal("journal_job_unexpected", LOG_INT("kind", job->kind));
    }
    journal_writer_complete(writer, job);
}

static struct journal_job *take_other(struct journal_writer *writer)
{
    struct journal_job *job = TAILQ_FIRST(&writer->others);

    if (job)
        TAILQ_REMOVE(&writer->others, job, link);
    return job;
}

static void run_thread(void *arg)
{
    struct journal_writer *writer = arg;
    bool stopping = false;

    while (!stopping) {
        struct journal_jobs appends = TAILQ_HEAD_INITIALIZER(appends);
        struct journal_job *job;

        uv_mutex_lock(&writer->lock);
        while (TAILQ_EMPTY(&writer->appends) && TAILQ_EMPTY(&writer->others))
            uv_cond_wait(&writer->pushed, &writer->lock);
        TAILQ_CONCAT(&appends, &writer->appends, link);
        job = take_other(writer);
        uv_mutex_unlock(&writer->lock);
        do_appends(writer, &appends);
        if (job) {
            /* Once it is given back, the job is the loop's. */
            stopping = job->kind == JOURNAL_STOP;
            do_job(writer, job);
        }
    }
}

int journal_writer_new(int root_fd, uint64_t segment_bytes, struct journal_writer **ret_writer)
{
    struct journal_writer *writer = HEAP_NEW(struct journal_writer);
    struct journal_job *job;
    int err;

    writer->root_fd = root_fd;
    writer->segment_bytes = segment_bytes;
    if (uv_mutex_init(&writer->lock) != 0 || uv_cond_init(&writer->pushed) != 0)
        log_fatal("out_of_memory");
    TAILQ_INIT(&writer->appends);
    TAILQ_INIT(&writer->others);
    TAILQ_INIT(&writer->done);
    LIST_INIT(&writer->dirs);
    buf_init(&writer->batch, BATCH_BYTES_MAX);
    err = journal_dir_create(root_fd, &writer->own);
    if (err != 0) {
        journal_writer_free(writer);
        return err;
    }
    LIST_INSERT_HEAD(&writer->dirs, writer->own, link);
    adopt_directories(writer);
    while ((job = take_other(writer)) != NULL)
        do_job(writer, job);
    *ret_writer = writer;
    return 0;
}

void journal_writer_start(struct journal_writer *writer, uv_async_t *wake)
{
    writer->wake = wake;
    if (uv_thread_create(&writer->thread, run_thread, writer) != 0)
        log_fatal("journal_thread_not_started");
}

void journal_writer_join(struct journal_writer *writer)
{
    uv_thread_join(&writer->thread);
    writer->wake = NULL;
}

void journal_writer_free(struct journal_writer *writer)
{
    int saved = errno;

    if (!writer)
        return;
    close_directories(writer);
    close(writer->root_fd);
    buf_done(&writer->batch);
    uv_cond_destroy(&writer->pushed);
    uv_mutex_destroy(&writer->lock);
    free(writer);
    errno = saved;
}
