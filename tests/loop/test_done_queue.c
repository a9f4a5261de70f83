/* done_queue: order, the next turn, and the end. */
#include "loop/loop_help.h"

#include "server/done_queue.h"

struct item {
    struct done_entry entry;
    int number;
};

static struct done_queue queue;
static int order[8];
static unsigned n_order, n_closed;
static struct item again = {.number = 9};

static void note(struct done_entry *entry)
{
    order[n_order++] = ((struct item *)entry)->number;
}

static void note_and_push(struct done_entry *entry)
{
    note(entry);
    again.entry.run = note;
    done_queue_push(&queue, &again.entry);
}

static void on_closed(void *data)
{
    (void)data;
    n_closed++;
}

static void note_and_close(struct done_entry *entry)
{
    note_and_push(entry);
    done_queue_close(&queue, on_closed, NULL);
}

static void entries_run_later_and_in_order(void **state)
{
    struct item first = {{.run = note_and_push}, 1}, second = {{.run = note}, 2};
    uv_loop_t loop;
    (void)state;

    n_order = n_closed = 0;
    uv_loop_init(&loop);
    done_queue_init(&queue, &loop);
    done_queue_push(&queue, &first.entry);
    done_queue_push(&queue, &second.entry);
    assert_int_equal(n_order, 0);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(n_order, 2); /* what was pushed meanwhile waits for its turn */
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(n_order, 3);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 2);
    assert_int_equal(order[2], 9);
    assert_false(uv_loop_alive(&loop)); /* an empty queue does not keep the loop awake */
    done_queue_close(&queue, on_closed, NULL);
    assert_int_equal(n_closed, 0);
    loop_finish(&loop);
    assert_int_equal(n_closed, 1);
}

static void closing_runs_what_is_due(void **state)
{
    struct item first = {{.run = note_and_close}, 1}, second = {{.run = note}, 2};
    uv_loop_t loop;
    (void)state;

    n_order = n_closed = 0;
    uv_loop_init(&loop);
    done_queue_init(&queue, &loop);
    done_queue_push(&queue, &first.entry);
    done_queue_push(&queue, &second.entry);
    loop_finish(&loop);
    assert_int_equal(n_order, 3);
    assert_int_equal(n_closed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_run_later_and_in_order),
        cmocka_unit_test(closing_runs_what_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
