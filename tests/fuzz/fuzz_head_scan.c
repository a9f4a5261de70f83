/* The end of a head: found exactly where a simple search over all the bytes finds it, and only if every rule of
 * head_scan.h holds; however the bytes are cut. */
#include "fuzz/fuzz.h"
#include "server/head_scan.h"

/* Every rule but the limits, each by a search of its own. */
static bool is_sound(struct str head)
{
    if (str_find(head, '\0') >= 0)
        return false;
    for (size_t i = 0; i < head.len; i++) {
        bool after_cr = i > 0 && head.ptr[i - 1] == '\r';
        if ((head.ptr[i] == '\n') != after_cr)
            return false;
        if ((i == 0 || head.ptr[i - 1] == '\n') && memchr(" \t:", head.ptr[i], 3))
            return false;
    }
    return true;
}

static bool is_within_limits(struct str head, size_t skipped)
{
    unsigned n_lines = 0;
    ptrdiff_t request_line = str_find(head, '\n');

    for (size_t i = 0; i < head.len; i++)
        n_lines += head.ptr[i] == '\n';
    return n_lines - 1 <= 1 + REQUEST_HEADERS_MAX && head.len + skipped <= HEAD_SCAN_BYTES_MAX &&
           request_line <= HEAD_SCAN_REQUEST_LINE_MAX;
}

/* The length of the head with the empty line before it, or 0. */
static size_t find_end(struct str bytes)
{
    size_t skipped = str_starts_with(bytes, STR("\r\n")) ? 2 : 0;
    struct str rest = str_slice(bytes.ptr + skipped, bytes.len - skipped);
    const char *end = memmem(rest.ptr, rest.len, "\r\n\r\n", 4);

    if (!end || end == rest.ptr || str_starts_with(rest, STR("\r\n")))
        return 0;
    struct str head = str_slice(rest.ptr, (size_t)(end - rest.ptr) + 4);
    return is_sound(head) && is_within_limits(head, skipped) ? skipped + head.len : 0;
}

static enum head_scan_result scan_in_two(struct str bytes, size_t cut, size_t *ret_taken)
{
    struct head_scan scan = {.len = 0};
    enum head_scan_result result;
    size_t taken = head_scan_feed(&scan, str_slice(bytes.ptr, cut), &result);

    if (result == HEAD_SCAN_MORE)
        taken += head_scan_feed(&scan, str_slice(bytes.ptr + cut, bytes.len - cut), &result);
    *ret_taken = taken;
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = fuzz_str(data, size);
    size_t taken, taken_in_two, end = find_end(bytes);
    enum head_scan_result result = scan_in_two(bytes, size, &taken);

    FUZZ_CHECK((result == HEAD_SCAN_DONE) == (end > 0));
    FUZZ_CHECK(result != HEAD_SCAN_DONE || taken == end);
    FUZZ_CHECK(result != HEAD_SCAN_MORE || taken == size);
    if (size > 0) {
        FUZZ_CHECK(scan_in_two(bytes, fuzz_hash(bytes) % size, &taken_in_two) == result);
        FUZZ_CHECK(taken_in_two == taken);
    }
    /* What is refused is refused at its first bad byte. */
    if (taken > 0 && result != HEAD_SCAN_MORE)
        FUZZ_CHECK(scan_in_two(str_slice(bytes.ptr, taken - 1), 0, &taken_in_two) == HEAD_SCAN_MORE);
    return 0;
}
