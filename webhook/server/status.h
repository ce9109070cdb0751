/*
 * status: the content of /status.json: tenants and their quotas, recent denials, and the state of
 * this replica and of the others.
 */
#ifndef WEBHOOK_SERVER_STATUS_H
#define WEBHOOK_SERVER_STATUS_H

#include "webhook/cert_controller/controller.h"
#include "webhook/cluster/store.h"
#include "webhook/registration/watch.h"
#include "webhook/server/policy_store.h"
#include "webhook/server/recent_denials.h"

/* The sources of the status. All are borrowed and can be used while other threads change them. */
struct status_sources {
	struct policy_store *policies;
	struct recent_denials *denials;
	const struct registration_watch *registration; /* NULL if unknown. */
	struct ledger_cluster *cluster;                /* NULL with the embedded ledger. */
	const char *replica;                           /* NULL if it has no name. */
	const char *unready;                           /* A sentence; NULL if ready. */
	const struct kube_certs *certs;                /* NULL if certificates are in files. */
	time_t certificate_expiry;                     /* 0 if unknown. */
	struct ledger_sums sums;                       /* The current sums. */
	time_t now;
};

/* Appends one JSON object, as described in docs/operate.md. Without memory, sets out->failed. */
void status_write(const struct status_sources *sources, struct buf *out);

#endif
