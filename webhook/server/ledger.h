/* ledger: the ledger that `gpugate serve` uses, embedded or cluster. */
#ifndef WEBHOOK_SERVER_LEDGER_H
#define WEBHOOK_SERVER_LEDGER_H

#include "webhook/cluster/store.h"
#include "webhook/metrics/registry.h"
#include "webhook/server/embedded_store.h"
#include "webhook/server/kube.h"
#include "webhook/server/options.h"
#include "webhook/server/policy_store.h"

struct serve_ledger {
	struct ledger_embedded *embedded; /* Exactly one of these is set. */
	struct ledger_cluster *cluster;
};

/*
 * Creates the ledger. The cluster ledger begins to work with serve_kube_start. From then on it
 * renews the policy with the DeviceClasses of the cluster. `ledger` must be zeroed. Borrows
 * `policies` until serve_ledger_close. Returns 0, or -1 with an error; call serve_ledger_close in
 * either case.
 */
int serve_ledger_open(struct serve_ledger *ledger, struct serve_kube *kube, const struct serve_options *options,
		      struct policy_store *policies, struct log *log, struct metrics *metrics, struct error *err);

/* Returns the interface that admission uses. It borrows the ledger. */
struct ledger_store serve_ledger_store(const struct serve_ledger *ledger);

/*
 * Charges by this policy from now on. Returns -1 without memory; then quotas are still charged by
 * the old policy. Thread-safe.
 */
int serve_ledger_rebase(const struct serve_ledger *ledger, const struct policy *policy);

/* Copies the current sums. Release them with ledger_sums_release. Thread-safe. */
void serve_ledger_sums(const struct serve_ledger *ledger, struct ledger_sums *sums);

/* Returns why this replica is not ready, as a static sentence, or NULL if it is. Thread-safe. */
const char *serve_ledger_unready(const struct serve_ledger *ledger);

/*
 * Answers all waiting requests, also those that wait for an object of the API server. The HTTP
 * server can be destroyed afterwards.
 */
void serve_ledger_stop(struct serve_ledger *ledger, const struct serve_kube *kube);

/* Frees the ledger; accepts a zeroed struct. Call it after serve_kube_stop. */
void serve_ledger_close(struct serve_ledger *ledger);

#endif
