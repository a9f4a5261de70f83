/* reaper: takes over what other consumers, dead or stuck, have left unacknowledged. Part of the consumer's turn. */
#ifndef DP_WORKER_REAPER_H
#define DP_WORKER_REAPER_H

#include "common/config.h"
#include "worker/drain.h"
#include "worker/metrics.h"
#include "worker/stream.h"

enum { REAPER_INTERVAL_MS = 5000, REAPER_ROUNDS_MAX = 64 };

/* Runs and acknowledges entries; ERR_… of the consumer. */
typedef int (*reaper_process_cb)(void *context, const struct stream_entries *entries);

/* Claims every entry idle for [worker] claim_idle_ms, in portions, and hands each portion to `process`. Its own failed
 * entries come back this way too. Stops early when the drain begins. */
int reaper_turn(struct stream *stream, const struct config *config, struct drain *drain, struct metrics *metrics,
                reaper_process_cb process, void *context);

#endif
