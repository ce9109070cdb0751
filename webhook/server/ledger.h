/* serve_ledger: the ledger that `gpugate serve` was told to use. */
#ifndef WEBHOOK_SERVER_LEDGER_H
#define WEBHOOK_SERVER_LEDGER_H

#include "webhook/cluster/store.h"
#include "webhook/metrics/registry.h"
#include "webhook/server/embedded_store.h"
#include "webhook/server/kube.h"
#include "webhook/server/options.h"

struct serve_ledger {
	struct ledger_embedded *embedded; /* one of these two */
	struct ledger_cluster *cluster;
};

/* Opens the ledger; the cluster's begins when serve_kube_start is called. `ledger` is zeroed before. */
int serve_ledger_open(struct serve_ledger *ledger, struct serve_kube *kube, const struct serve_options *options,
		      const struct policy *policy, struct log *log, struct metrics *metrics, struct error *err);

struct ledger_store serve_ledger_store(const struct serve_ledger *ledger);
int serve_ledger_rebase(const struct serve_ledger *ledger, const struct policy *policy);

/* The sums of this moment, to be released. Thread-safe. */
void serve_ledger_sums(const struct serve_ledger *ledger, struct ledger_sums *sums);

/* Why admission should not be sent here; NULL: it may. Thread-safe. */
const char *serve_ledger_unready(const struct serve_ledger *ledger);

/* Answers what waits for it; the server that asked can be destroyed then. */
void serve_ledger_stop(struct serve_ledger *ledger, const struct serve_kube *kube);

/* After serve_kube_stop; takes a zeroed one, too. */
void serve_ledger_close(struct serve_ledger *ledger);

#endif
