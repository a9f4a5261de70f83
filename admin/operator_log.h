/* operator_log: who did what with dp-admin, when and why. */
#ifndef DP_ADMIN_OPERATOR_LOG_H
#define DP_ADMIN_OPERATOR_LOG_H

#include <stdbool.h>

#include "admin/db.h"

enum { OPERATOR_REASON_MAX = 500, OPERATOR_NAME_MAX = 64 };

/* The person behind sudo, else the user. At most OPERATOR_NAME_MAX bytes; static memory. */
struct str operator_name(void);
/* UTF-8 of 1 to OPERATOR_REASON_MAX characters that are not all white space. */
bool operator_reason_is_valid(const char *reason);
/* A row in the caller's transaction. `reason` may be NULL. Errors of db.h. */
int operator_log_add(struct db *db, const char *action, struct str target, const char *reason);

#endif
