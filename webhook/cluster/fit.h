/* fit: answers how many Pods alike fit now, from the view and the copy as they are. */
#ifndef WEBHOOK_CLUSTER_FIT_H
#define WEBHOOK_CLUSTER_FIT_H

#include "webhook/ledger/store.h"

struct ledger_cluster;

/*
 * Tells other threads whether the view and the copy may be relied on, as decisions and final
 * denials do: the record is open and not outdated, and the view is verified and follows the
 * cluster. Runs on the loop's thread, at each step.
 */
void fit_publish(struct ledger_cluster *cluster);

/*
 * The `fit` of struct ledger_store; `cluster` is a struct ledger_cluster. Does not know unless the
 * last step has published that the state may be relied on, nor while the view is incomplete or
 * behind the copy. Another replica may have admitted Pods that are in neither yet. Thread-safe.
 */
bool fit_now(void *cluster, struct fit_request *request);

#endif
