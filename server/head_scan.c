#include "server/head_scan.h"

#include <stdbool.h>

static enum head_scan_result end_line(struct head_scan *scan)
{
    bool empty = scan->line_len == 1; /* only its CR */

    scan->line_len = 0;
    if (!empty) {
        scan->n_lines++;
        return scan->n_lines > 1 + REQUEST_HEADERS_MAX ? HEAD_SCAN_TOO_LARGE : HEAD_SCAN_MORE;
    }
    if (scan->n_lines > 0)
        return HEAD_SCAN_DONE;
    if (scan->skipped > 0)
        return HEAD_SCAN_INVALID;
    scan->skipped = scan->len;
    return HEAD_SCAN_MORE;
}

static enum head_scan_result take(struct head_scan *scan, char c)
{
    char last = scan->last;

    scan->last = c;
    if (++scan->len > HEAD_SCAN_BYTES_MAX)
        return HEAD_SCAN_TOO_LARGE;
    if (c == '\0' || (last == '\r') != (c == '\n'))
        return HEAD_SCAN_INVALID;
    if (c == '\n')
        return end_line(scan);
    if (scan->line_len == 0 && (c == ' ' || c == '\t' || c == ':'))
        return HEAD_SCAN_INVALID;
    if (++scan->line_len > HEAD_SCAN_REQUEST_LINE_MAX && scan->n_lines == 0)
        return HEAD_SCAN_LINE_TOO_LONG;
    return HEAD_SCAN_MORE;
}

/* Bytes of which the limits allow no more in this piece. */
static size_t room_left(const struct head_scan *scan)
{
    size_t room = HEAD_SCAN_BYTES_MAX - scan->len;
    size_t line_room = HEAD_SCAN_REQUEST_LINE_MAX - scan->line_len;

    return scan->n_lines == 0 && line_room < room ? line_room : room;
}

/* What stands inside a line needs no look at each byte: how many of `bytes` may be taken as they are. */
static size_t plain_run(const struct head_scan *scan, struct str bytes)
{
    static const char ends[] = {'\r', '\n', '\0'};

    if (scan->line_len == 0 || scan->last == '\r')
        return 0;
    if (bytes.len > room_left(scan))
        bytes.len = room_left(scan);
    for (size_t i = 0; i < sizeof ends; i++) {
        ptrdiff_t at = str_find(bytes, ends[i]);
        if (at >= 0)
            bytes.len = (size_t)at;
    }
    return bytes.len;
}

static void take_run(struct head_scan *scan, struct str run)
{
    if (run.len == 0)
        return;
    scan->len += run.len;
    scan->line_len += run.len;
    scan->last = run.ptr[run.len - 1];
}

size_t head_scan_feed(struct head_scan *scan, struct str bytes, enum head_scan_result *ret_result)
{
    enum head_scan_result result = HEAD_SCAN_MORE;
    size_t at = 0;

    while (at < bytes.len && result == HEAD_SCAN_MORE) {
        struct str left = str_slice(bytes.ptr + at, bytes.len - at);
        left.len = plain_run(scan, left);
        take_run(scan, left);
        at += left.len;
        if (at < bytes.len)
            result = take(scan, bytes.ptr[at++]);
    }
    *ret_result = result;
    return at;
}
