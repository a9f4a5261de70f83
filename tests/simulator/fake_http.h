/* fake_http: hands a bank's call to a dp-server and its answer back to the bank. */
#ifndef DP_SIMULATOR_FAKE_HTTP_H
#define DP_SIMULATOR_FAKE_HTTP_H

#include "simulator/sim.h"

/* status 0: the connection ended without an answer. At most once; a server that dies says nothing. */
typedef void (*http_answer_fn)(void *data, unsigned status, struct str body, int64_t took_us);

/* As a task of the server. `answered` runs as the world's. */
void http_call(struct process *server, struct str raw, http_answer_fn answered, void *data);

#endif
