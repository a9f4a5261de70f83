/* admin_pages: what operators and their monitors ask on the administration port. */
#ifndef DP_SERVER_ADMIN_PAGES_H
#define DP_SERVER_ADMIN_PAGES_H

#include "server/router.h"

/* /healthz (the process answers), /readyz (its dependencies, JSON; 503 while one is missing), /metrics (Prometheus
 * text). */
extern const struct route admin_routes[];
void admin_draw_error(struct request *request, unsigned status, const char *allow);

#endif
