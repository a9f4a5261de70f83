/* admin_port: the worker's own small HTTP port, for supervisors: GET /healthz, /readyz (JSON), /metrics (Prometheus).
 * One connection at a time, HTTP/1.0, every step with a deadline; loopback by default. */
#ifndef DP_WORKER_ADMIN_PORT_H
#define DP_WORKER_ADMIN_PORT_H

#include "worker/drain.h"
#include "worker/metrics.h"

enum { ADMIN_PORT_REQUEST_MAX = 4096, ADMIN_PORT_RESPONSE_MAX = 65536, ADMIN_PORT_TIMEOUT_MS = 2000 };

/* Opens the listening socket. `address` is an IPv4 or IPv6 literal. ERR_INVALID for another, ERR_IO when it cannot be
 * bound (errno says why). */
int admin_port_listen(const char *address, unsigned port, int *ret_fd);
/* Serves until the drain begins, then closes `fd`. */
void admin_port_serve(int fd, const struct metrics *metrics, struct drain *drain);

#endif
