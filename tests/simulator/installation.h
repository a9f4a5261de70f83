/* installation: the dp-servers and dp-workers of the schedule, and the supervisor that starts them again. Each runs the
 * product's own code from its entry points: the callback, the journal's keeper, consumer, mailer, janitor. */
#ifndef DP_SIMULATOR_INSTALLATION_H
#define DP_SIMULATOR_INSTALLATION_H

#include <stdbool.h>

#include "common/config.h"

struct process;

enum { INSTALLATION_SERVERS_MAX = 3, INSTALLATION_WORKERS_MAX = 4 };

/* Draws numbers and settings, starts all. */
void installation_begin(void);
/* By chance; NULL: none is up. */
struct process *installation_pick_server(void);
struct process *installation_pick_any(void);
/* A worker ends by itself (SIGTERM), or one more is started. */
void installation_drain_worker(void);
void installation_add_worker(void);
/* At least one of each is up, and none stands still. */
void installation_heal(void);
const struct config *installation_config(void);
/* No journal holds a record, and no dead server's is left. */
bool installation_journals_are_empty(void);
/* One worker from the beginning to the end. */
bool installation_is_alone(void);
/* A batch failed and was run again entry by entry. */
bool installation_has_split(void);
bool installation_has_worker(struct str consumer_name);

#endif
