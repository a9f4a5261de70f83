#include "server/done_queue.h"

#include "common/log.h"

static void on_closed(uv_handle_t *handle)
{
    struct done_queue *queue = handle->data;
    queue->closed(queue->data);
}

static void settle(struct done_queue *queue)
{
    if (queue->first || queue->draining)
        return;
    uv_idle_stop(&queue->idle);
    if (queue->closing)
        uv_close((uv_handle_t *)&queue->idle, on_closed);
}

static void on_idle(uv_idle_t *idle)
{
    struct done_queue *queue = idle->data;
    struct done_entry *entry = queue->first;

    queue->first = queue->last = NULL;
    queue->draining = true;
    while (entry) {
        struct done_entry *next = entry->next;
        entry->run(entry);
        entry = next;
    }
    queue->draining = false;
    settle(queue);
}

void done_queue_init(struct done_queue *queue, uv_loop_t *loop)
{
    *queue = (struct done_queue){.first = NULL};
    uv_idle_init(loop, &queue->idle);
    queue->idle.data = queue;
}

void done_queue_push(struct done_queue *queue, struct done_entry *entry)
{
    if (uv_is_closing((uv_handle_t *)&queue->idle))
        log_fatal("done_queue_closed");
    entry->next = NULL;
    if (queue->last)
        queue->last->next = entry;
    else
        queue->first = entry;
    queue->last = entry;
    uv_idle_start(&queue->idle, on_idle);
}

void done_queue_close(struct done_queue *queue, void (*closed)(void *data), void *data)
{
    queue->closing = true;
    queue->closed = closed;
    queue->data = data;
    settle(queue);
}
