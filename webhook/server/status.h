/* status: what /status.json tells: tenants and their quotas, recent denials, how this replica is, and which others there are. */
#ifndef WEBHOOK_SERVER_STATUS_H
#define WEBHOOK_SERVER_STATUS_H

#include "webhook/cert_controller/controller.h"
#include "webhook/cluster/store.h"
#include "webhook/metrics/registry.h"
#include "webhook/registration/watch.h"
#include "webhook/server/recent_denials.h"

/* Where it is from. Borrowed; everything is thread-safe. */
struct status_sources {
	struct metrics *metrics;
	struct refusals *refusals;
	const struct registration_watch *registration; /* NULL: not known */
	struct ledger_cluster *cluster;                /* NULL: the embedded ledger */
	const char *replica;                           /* NULL: it has no name */
	const char *unready;                           /* a sentence; NULL: ready */
	const char *rejection;                         /* the first error of policy files that are rejected; "": none */
	const struct kube_certs *certs;                /* NULL: certificates are in files */
	time_t certificate_expiry;                     /* 0: not known */
	struct ledger_sums sums;                       /* of this moment */
	time_t now;
};

/* Appends one JSON object; docs/operations.md describes it. Without memory `out` has failed. */
void status_write(const struct status_sources *sources, struct buf *out);

#endif
