/* memory: the processes' memory (their malloc() is wrapped) and the world's. */
#ifndef DP_SIMULATOR_MEMORY_H
#define DP_SIMULATOR_MEMORY_H

struct process;

/* Everything the process has allocated and not freed. */
void memory_free_all(struct process *process);
void world_reset(void);

#endif
