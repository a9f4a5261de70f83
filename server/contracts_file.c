#include "server/contracts_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/crash_point.h"
#include "common/encode.h"
#include "common/err.h"
#include "server/contracts.h"

enum { FILE_MAX = 1 << 20, PATH_SIZE = 512, TEXTS = 7 };
#define FIRST_LINE "demi-pension contracts 1"

static const char *file_path(const struct config *config, const char *suffix, char out[PATH_SIZE])
{
    snprintf(out, PATH_SIZE, "%s/contracts%s", config->journal.directory, suffix);
    return out;
}

/* The texts in the order of the file. */
static void list_texts(const struct contract_record *record, const struct str *out[TEXTS])
{
    out[0] = &record->gateway;
    out[1] = &record->merchant_id;
    out[2] = &record->payment_url;
    out[3] = &record->sealed_key;
    out[4] = &record->currency;
    out[5] = &record->callback_extra;
    out[6] = &record->means;
}

/* One line a contract: numbers, then each text in hex after a space: no separator can stand in one. */
static void put_record(struct buf *out, const struct contract_record *record)
{
    const struct str *texts[TEXTS];

    list_texts(record, texts);
    buf_printf(out, "%lld %lld", (long long)record->id, (long long)record->bank_ref_len);
    for (unsigned i = 0; i < TEXTS; i++) {
        buf_append_char(out, ' ');
        for (size_t at = 0; at < texts[i]->len; at++)
            buf_printf(out, "%02x", (unsigned char)texts[i]->ptr[at]);
    }
    buf_append_char(out, '\n');
}

static int write_synced(const char *path, struct str bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0;
    size_t done = 0;

    while (ok && done < bytes.len) {
        ssize_t n = write(fd, bytes.ptr + done, bytes.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        ok = n > 0;
        done += ok ? (size_t)n : 0;
    }
    CRASH_POINT("server/contracts_written");
    ok = ok && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    return ok ? 0 : ERR_IO;
}

int contracts_file_write(const struct config *config, const struct contract_record *records, unsigned n_records)
{
    char path[PATH_SIZE];
    char temporary[PATH_SIZE];
    char suffix[32];
    struct buf bytes;
    int err;

    buf_init(&bytes, FILE_MAX);
    buf_append_text(&bytes, FIRST_LINE "\n");
    for (unsigned i = 0; i < n_records; i++)
        put_record(&bytes, &records[i]);
    /* Several dp-servers share the directory: each writes a file of its own, the last rename wins. */
    snprintf(suffix, sizeof suffix, ".%ld", (long)getpid());
    file_path(config, suffix, temporary);
    err = buf_ok(&bytes) ? write_synced(temporary, buf_str(&bytes)) : ERR_TOO_LARGE;
    CRASH_POINT("server/contracts_synced");
    if (err == 0 && rename(temporary, file_path(config, "", path)) != 0)
        err = ERR_IO;
    CRASH_POINT("server/contracts_renamed");
    if (err)
        unlink(temporary);
    buf_done(&bytes);
    return err;
}

static int read_text(struct arena *arena, struct str hex, struct str *ret)
{
    char *bytes = arena_alloc(arena, hex.len / 2 + 1);
    if (hex.len % 2 != 0 || (hex.len > 0 && decode_hex(hex, bytes, hex.len / 2) != 0))
        return ERR_CORRUPT;
    *ret = str_slice(bytes, hex.len / 2);
    return 0;
}

static int read_record(struct arena *arena, struct str line, struct contract_record *ret)
{
    const struct str *texts[TEXTS];

    if (str_to_u63(str_cut(line, ' ', &line), &ret->id) != 0 ||
        str_to_u63(str_cut(line, ' ', &line), &ret->bank_ref_len) != 0)
        return ERR_CORRUPT;
    list_texts(ret, texts);
    for (unsigned i = 0; i < TEXTS; i++) {
        if (read_text(arena, str_cut(line, ' ', &line), (struct str *)texts[i]) != 0)
            return ERR_CORRUPT;
    }
    return 0;
}

static int read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "re");
    char part[4096];
    size_t len;

    if (!file)
        return ERR_NOT_FOUND;
    while ((len = fread(part, 1, sizeof part, file)) > 0)
        buf_append(out, str_slice(part, len));
    bool whole = !ferror(file) && buf_ok(out); /* half a list must not pass for the list */
    fclose(file);
    return whole ? 0 : ERR_CORRUPT;
}

int contracts_file_read(const struct config *config, struct arena *arena, struct contract_record **ret_records,
                        unsigned *ret_n_records)
{
    struct contract_record *records = ARENA_ARRAY(arena, CONTRACTS_MAX, struct contract_record);
    char path[PATH_SIZE];
    unsigned n = 0;
    struct buf bytes;
    struct str rest;
    int err;

    buf_init(&bytes, FILE_MAX);
    err = read_file(file_path(config, "", path), &bytes);
    rest = buf_str(&bytes);
    if (err == 0 && !str_eq(str_cut(rest, '\n', &rest), STR(FIRST_LINE)))
        err = ERR_CORRUPT;
    while (err == 0 && rest.len > 0 && n < CONTRACTS_MAX)
        err = read_record(arena, str_cut(rest, '\n', &rest), &records[n++]);
    buf_done(&bytes);
    if (err)
        return err;
    *ret_records = records;
    *ret_n_records = n;
    return 0;
}
