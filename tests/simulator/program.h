/* program: the product's programs as simulated processes, from their entry points on. Each gets installation_config().
 */
#ifndef DP_SIMULATOR_PROGRAM_H
#define DP_SIMULATOR_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

/* As tasks of the process, which is their argument. */
void program_open_server(void *process);
void program_open_worker(void *process);
/* SIGTERM. */
void program_drain_worker(void *process);

struct process;
/* Records that a server's journal has not let go. */
uint64_t program_count_journal(const struct process *process);
/* Batches that a worker has split. */
int64_t program_count_splits(const struct process *process);
/* It knows its contracts. */
bool program_can_check_seals(const struct process *process);

#endif
