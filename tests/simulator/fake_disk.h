/* fake_disk: the directory that the dp-servers of a host keep their journals in. What is written is synced, or it is
 * not there: a crash may leave a torn end. */
#ifndef DP_SIMULATOR_FAKE_DISK_H
#define DP_SIMULATOR_FAKE_DISK_H

#include <stdbool.h>

struct process;

void fake_disk_reset(void);
/* The locks of a process that is gone. */
void fake_disk_unlock(const struct process *process);
/* Journals of servers that are gone, which nobody has adopted yet. */
unsigned fake_disk_count_abandoned(void);
/* Set aside as damaged: must never happen here. */
unsigned fake_disk_count_corrupt(void);

#endif
