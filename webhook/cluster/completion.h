/*
 * completion: gives a request its result and returns it to its owner. Runs on the loop's thread,
 * without the mutex.
 */
#ifndef WEBHOOK_CLUSTER_COMPLETION_H
#define WEBHOOK_CLUSTER_COMPLETION_H

#include "webhook/ledger/store.h"

struct ledger_cluster;

/* Forgets the last verdict, and releases its policy. */
void request_release_verdict(struct reservation_request *request);

/* Completes a request with its last verdict. */
void request_complete(struct ledger_cluster *cluster, struct reservation_request *request);

/*
 * Completes a request that cannot be decided: as an outage, which `onOutage` in the policy governs,
 * or as busy.
 */
void request_complete_undecided(struct ledger_cluster *cluster, struct reservation_request *request, bool outage,
				const char *why);

/* Completes a request whose arena is exhausted. */
void request_complete_failed(struct reservation_request *request);

/*
 * Completes a request whose deadline has passed: as an outage if the ledger does not work or had
 * enough time, and otherwise as busy.
 */
void request_complete_late(struct ledger_cluster *cluster, struct reservation_request *request);

/*
 * Returns why nothing can be decided now, as text for users. The text is static or belongs to the
 * cluster.
 */
const char *request_undecided_reason(const struct ledger_cluster *cluster);

#endif
