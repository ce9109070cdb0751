/* live_usage: reads what a cluster has into a simulation, once and without changing anything. */
#ifndef WEBHOOK_CMD_LIVE_USAGE_H
#define WEBHOOK_CMD_LIVE_USAGE_H

#include <jansson.h>

#include "gpugate/buf.h"
#include "webhook/kube/config.h"
#include "webhook/simulate/replaced.h"
#include "webhook/simulate/store.h"

/*
 * Lists Pods, and Namespaces and Nodes if the policy depends on their labels, and adds them to the
 * simulation, which must be by that policy and have no Pods. The sums are then those of the
 * cluster's ledger at the time of the list, except for what is pending there. Pods
 * are also noted in `replaced`. Blocks.
 *
 * Returns 0, or -1 with an error, which says for a missing right which one it is and what else the
 * user can do.
 */
int live_usage_read(struct kube_config *config, const struct policy *policy, struct simulation *simulation,
		    struct replaced *replaced, struct error *err);

/*
 * Compares what the simulation holds with the gpuquotas that the cluster publishes. Returns, new, a
 * list of the quotas that differ, or have something pending: {"tenant", "quota", "counted", "used",
 * "pending"}. Returns null if they cannot be read.
 */
json_t *live_usage_compare(struct kube_config *config, const struct policy *policy,
			   const struct simulation *simulation);

/* Appends that list as sentences for people; nothing if it is empty. */
void live_usage_print(const json_t *differences, struct buf *out);

#endif
