#include "admin/operator_log.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

struct str operator_name(void)
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *user = getpwuid(getuid());
    struct str who = str_from(sudo && *sudo ? sudo : user ? user->pw_name : "unknown");
    if (who.len > OPERATOR_NAME_MAX)
        who.len = OPERATOR_NAME_MAX;
    return who;
}

bool operator_reason_is_valid(const char *reason)
{
    struct str text = str_trim(str_from(reason));
    return text.len > 0 && str_is_utf8(text) && str_utf8_length(str_from(reason)) <= OPERATOR_REASON_MAX;
}

int operator_log_add(struct db *db, const char *action, struct str target, const char *reason)
{
    const struct db_param params[] = {DB_TEXT(operator_name()), DB_TEXT(str_from(action)), DB_TEXT(target),
                                      DB_TEXT(str_from(reason ? reason : ""))};
    return db_execute(db, STATEMENT_OPERATOR_LOG_ADD, params, NULL, NULL);
}
