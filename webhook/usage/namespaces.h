/* namespaces: usage of each quota by namespace, for /metrics. */
#ifndef WEBHOOK_USAGE_NAMESPACES_H
#define WEBHOOK_USAGE_NAMESPACES_H

#include <pthread.h>

#include "gpugate/buf.h"
#include "webhook/ledger/ledger.h"
#include "webhook/metrics/metric.h"

/* Maximum rows of one quota; one more row has the sum of the rest. */
#define LEDGER_NAMESPACES_MAX 1000

extern const struct metric_set ledger_namespaces_metrics;

/*
 * Appends the family gpugate_namespace_held; without memory it has no rows. `mutex` is the ledger
 * store's; the caller must not hold it. It is held for one quota at a time, so that an admission
 * waits for one quota at most. Thread-safe.
 */
void ledger_namespaces_print(const struct ledger *ledger, pthread_mutex_t *mutex, struct buf *out);

#endif
