/* fit: answers how many Pods alike fit now, from the view and the copy as they are. */
#ifndef WEBHOOK_CLUSTER_FIT_H
#define WEBHOOK_CLUSTER_FIT_H

#include "webhook/ledger/store.h"

/*
 * The `fit` of struct ledger_store; `cluster` is a struct ledger_cluster. Does not know while the
 * view is incomplete or behind the copy, or while the record is not open. Another replica may have
 * admitted Pods that are in neither yet. Thread-safe.
 */
bool fit_now(void *cluster, struct fit_request *request);

#endif
