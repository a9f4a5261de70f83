/* head_scan: finds the end of a request's head and refuses the bytes that parsers disagree about. Wire floor.
 *
 * llhttp 8.1 in strict mode still accepts folded header lines (also of Content-Length and Transfer-Encoding), so this
 * scan stands before it: NUL, CR without LF, LF without CR, and a line that begins with a space, a tab (a fold)
 * or a colon (a header without name, which llhttp passes over) end the connection (RFC 9112 §2.2, §5.2; RFC 9110 §5.1,
 * §5.5). It also holds the limits, because llhttp has none. One empty line
 * before the request line is skipped (RFC 9112 §2.2). */
#ifndef DP_SERVER_HEAD_SCAN_H
#define DP_SERVER_HEAD_SCAN_H

#include <stddef.h>

#include "common/str.h"
#include "server/request.h"

enum {
    HEAD_SCAN_BYTES_MAX = 16 * 1024,
    HEAD_SCAN_REQUEST_LINE_MAX = 4 * 1024,
};

enum head_scan_result {
    HEAD_SCAN_MORE,          /* all bytes taken, the head goes on */
    HEAD_SCAN_DONE,          /* the empty line was reached; what follows was not looked at */
    HEAD_SCAN_INVALID,       /* 400 */
    HEAD_SCAN_LINE_TOO_LONG, /* 414: the request line */
    HEAD_SCAN_TOO_LARGE,     /* 431: bytes, or more than REQUEST_HEADERS_MAX header lines */
};

/* Zero it before the first byte of a head. */
struct head_scan {
    unsigned len;      /* bytes taken */
    unsigned line_len; /* of the current line, CR included */
    unsigned n_lines;  /* complete lines: the request line and headers */
    unsigned skipped;  /* bytes of the empty line before the request line */
    char last;
};

/* Takes bytes up to the end of the head and returns how many. The result does not depend on how the bytes were cut into
 * pieces. After anything but MORE it must not be fed again. */
size_t head_scan_feed(struct head_scan *scan, struct str bytes, enum head_scan_result *ret_result);

#endif
