/* fiber: what sim.c needs of fibers beyond sim.h. */
#ifndef DP_SIMULATOR_FIBER_H
#define DP_SIMULATOR_FIBER_H

struct process;

/* Forgets the fibers of a killed process; does not return when one of them is running. */
void fiber_drop(struct process *process);
void fiber_reset(void);

#endif
