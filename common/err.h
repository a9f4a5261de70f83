/* err: the one table of error codes that every function of the project returns.
 *
 * A function that can fail returns 0 or one of these negative numbers. The codes of a library
 * (errno, libuv, MariaDB, hiredis, libesmtp) are translated once, in the wrapper of that library.
 */
#ifndef DP_COMMON_ERR_H
#define DP_COMMON_ERR_H

enum err {
    ERR_OK = 0,
    ERR_INVALID = -1,     /* input that its grammar refuses (peer's fault: 4xx) */
    ERR_TOO_LARGE = -2,   /* a named limit of size or count was passed */
    ERR_NOT_FOUND = -3,   /* nothing there under that name, for that owner */
    ERR_CONFLICT = -4,    /* a unique key or an expected count of rows said no */
    ERR_FORBIDDEN = -5,   /* seal, signature, token or right missing or wrong */
    ERR_TIMEOUT = -6,     /* the operation's deadline passed; its outcome is unknown */
    ERR_BUSY = -7,        /* a queue or pool is full (503) */
    ERR_UNAVAILABLE = -8, /* a dependency cannot be reached or broke the connection */
    ERR_IO = -9,          /* the operating system failed (disk full, I/O error) */
    ERR_CORRUPT = -10,    /* stored bytes do not have their checksum or shape */
    ERR_CANCELLED = -11,  /* closed while under way */
    ERR_INTERNAL = -12,   /* a library said something that should not happen */
};

/* The code's name in lower case for logs ("timeout"); "unknown" for any other number. Static
 * memory. */
const char *err_name(int err);

#endif
