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

size_t head_scan_feed(struct head_scan *scan, struct str bytes, enum head_scan_result *ret_result)
{
    enum head_scan_result result = HEAD_SCAN_MORE;
    size_t at = 0;

    while (at < bytes.len && result == HEAD_SCAN_MORE)
        result = take(scan, bytes.ptr[at++]);
    *ret_result = result;
    return at;
}
