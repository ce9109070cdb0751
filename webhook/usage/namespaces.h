/* ledger_namespaces: what the Pods of each namespace hold of each quota, for /metrics. */
#ifndef WEBHOOK_USAGE_NAMESPACES_H
#define WEBHOOK_USAGE_NAMESPACES_H

#include <pthread.h>

#include "gpugate/buf.h"
#include "webhook/ledger/ledger.h"

#define LEDGER_NAMESPACES_MAX 1000 /* rows of one quota; the smaller ones are added up in one more */

/*
 * Appends the family gpugate_namespace_held. `mutex` is that of the ledger's store, not held by the caller: it is taken for one quota
 * after the other, so that no admission waits for more than one. Nothing is appended without memory. Thread-safe.
 */
void ledger_namespaces_print(const struct ledger *ledger, pthread_mutex_t *mutex, struct buf *out);

#endif
