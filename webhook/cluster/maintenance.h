/*
 * maintenance: periodic work on the ledger: folding, expiring, and what must not be overlooked.
 * step.c calls these functions once per tick, on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_MAINTENANCE_H
#define WEBHOOK_CLUSTER_MAINTENANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/consumer.h"

struct ledger_cluster;

struct maintenance {
	/* When to fold by a write of its own; 0: there is nothing to fold. */
	int64_t fold_ms;
	/*
	 * For each kind of consumer, when to relist it if its view still is at `version`; 0:
	 * nothing waits for the view.
	 */
	struct quiet {
		int64_t at_ms;
		uint64_t version;
	} quiet[CONSUMER_KINDS];
	/* Whether the log names a Pod on a node of no model, or of several. */
	bool unfit_reported;
};

/*
 * Lets time pass: terminating Pods stop counting, and entries whose Pods never come are dropped.
 * [sweep]
 */
void maintenance_expire(struct ledger_cluster *cluster, int64_t now_ms);

/*
 * Whether to write the record only to fold, because no admission has caused a write for a while.
 * Returns true once, while the view is current. [fold]
 */
bool maintenance_wants_fold(struct ledger_cluster *cluster, int64_t now_ms);

/* Relists the Pods, or the claims, if something waits for their view and no event arrives. */
void maintenance_relist_if_quiet(struct ledger_cluster *cluster, int64_t now_ms);

/*
 * Logs one example of Pods on nodes that match no model, or several. It does so again only after
 * there was none for a while; a metric has the number of such Pods.
 */
void maintenance_report_unfit(struct ledger_cluster *cluster);

#endif
