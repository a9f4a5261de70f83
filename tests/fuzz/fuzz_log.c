/* Log lines: whatever the values, one line, its fields as many as were given, nothing that a terminal obeys. A line of
 * the input is a value. */
#include "fuzz/fuzz.h"

static char logged[8192];
static size_t logged_len, n_writes;

static long take_write(int fd, const void *bytes, size_t len)
{
    (void)fd;
    FUZZ_CHECK(len <= sizeof logged);
    memcpy(logged, bytes, len);
    logged_len = len;
    n_writes++;
    return (long)len;
}

#include <unistd.h>
#define write(fd, bytes, len) take_write(fd, bytes, len)
#include "common/log.c"

/* The fields of a logfmt line: words, each "key=value" with a quoted or a plain value. */
static size_t count_fields(struct str line)
{
    size_t count = 0;

    for (size_t i = 0; i < line.len; count++) {
        size_t key = i;
        while (i < line.len && line.ptr[i] >= 'a' && line.ptr[i] <= 'z')
            i++;
        FUZZ_CHECK(i > key && i < line.len && line.ptr[i] == '=');
        bool quoted = false;
        for (i++; i < line.len && (quoted || line.ptr[i] != ' '); i++) {
            quoted ^= line.ptr[i] == '"';
            i += line.ptr[i] == '\\';
        }
        FUZZ_CHECK(!quoted);
        i++;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_str(data, size);
    struct str first = fuzz_line(&rest), mail = fuzz_line(&rest);
    struct log_field fields[] = {LOG_SLICE("first", first),
                                 LOG_MAIL("mail", mail),
                                 LOG_HEX("hex", mail.ptr, mail.len),
                                 LOG_SLICE("rest", rest),
                                 {.kind = LOG_KIND_NONE}};

    n_writes = 0;
    log_write(LOG_LEVEL_INFO, "event", fields);
    FUZZ_CHECK(n_writes == 1 && logged[logged_len - 1] == '\n');
    for (size_t i = 0; i + 1 < logged_len; i++)
        FUZZ_CHECK((unsigned char)logged[i] >= 0x20 && logged[i] != 0x7f);
    if (size < 600) /* else the line may have been cut */
        FUZZ_CHECK(count_fields(str_slice(logged, logged_len - 1)) == 8);
    return 0;
}
