#include "common/err.h"

#include <stddef.h>

static const char *const names[] = {
    [-ERR_OK] = "ok",
    [-ERR_INVALID] = "invalid",
    [-ERR_TOO_LARGE] = "too_large",
    [-ERR_NOT_FOUND] = "not_found",
    [-ERR_CONFLICT] = "conflict",
    [-ERR_FORBIDDEN] = "forbidden",
    [-ERR_TIMEOUT] = "timeout",
    [-ERR_BUSY] = "busy",
    [-ERR_UNAVAILABLE] = "unavailable",
    [-ERR_IO] = "io",
    [-ERR_CORRUPT] = "corrupt",
    [-ERR_CANCELLED] = "cancelled",
    [-ERR_INTERNAL] = "internal",
};

const char *err_name(int err)
{
    if (err > 0 || -err >= (int)(sizeof names / sizeof names[0]))
        return "unknown";
    return names[-err];
}
