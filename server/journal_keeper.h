/* journal_keeper: lets journal records go once their event stands in the inbox, and sends the others to the stream
 * again. By this a Redis that comes back empty, a lost failover or a destroyed group lose nothing (design, "The life of
 * a payment", step 7). Once a minute it writes down in the database what the journal still holds: a worker mails the
 * operator when that is late. */
#ifndef DP_SERVER_JOURNAL_KEEPER_H
#define DP_SERVER_JOURNAL_KEEPER_H

#include <stdint.h>

struct app;
struct journal_keeper;

/* Works at once, then every few seconds. `app` is borrowed. */
struct journal_keeper *journal_keeper_new(struct app *app);
/* Events sent again since the start. */
uint64_t journal_keeper_resent(const struct journal_keeper *keeper);
/* Before the stores are closed. */
void journal_keeper_close(struct journal_keeper *keeper, void (*closed)(void *data), void *data);

#endif
