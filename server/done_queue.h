/* done_queue: callbacks that are due on the next turn of the loop, in the order they were pushed.
 *
 * It is what keeps two promises of every asynchronous function of the stores: the callback never runs before the start
 * function has returned, and never inside the machinery that finished the operation. */
#ifndef DP_SERVER_DONE_QUEUE_H
#define DP_SERVER_DONE_QUEUE_H

#include <stdbool.h>
#include <uv.h>

/* Embedded in the operation; `run` may free the memory that holds the entry. */
struct done_entry {
    struct done_entry *next;
    void (*run)(struct done_entry *entry);
};

struct done_queue {
    uv_idle_t idle; /* runs only while something is due, so the loop does not spin */
    struct done_entry *first, *last;
    bool draining, closing;
    void (*closed)(void *data);
    void *data;
};

void done_queue_init(struct done_queue *queue, uv_loop_t *loop);
/* An entry is pushed once until it has run. What is pushed while entries run waits for the turn after. */
void done_queue_push(struct done_queue *queue, struct done_entry *entry);
/* Runs what is still due first, then closes; `closed` may free the queue. Pushing after that aborts. */
void done_queue_close(struct done_queue *queue, void (*closed)(void *data), void *data);

#endif
