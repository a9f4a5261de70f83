/* grants: the database users of dp-server and dp-worker, and what schema/grants.sql lets them do. */
#ifndef DP_ADMIN_GRANTS_H
#define DP_ADMIN_GRANTS_H

#include "admin/db.h"

/* Creates the users, sets their passwords, and, when a user or grants.sql is new, takes all rights away and gives those
 * of the file. Faults are said on stderr. */
int grants_apply(struct db *db, const struct config *config, struct arena *arena);

#endif
