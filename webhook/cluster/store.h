/*
 * ledger_cluster: the ledger of a cluster with several replicas. Its state is in two places: the Pods that exist, of which
 * every replica keeps a view by list and watch, and one small object, gpuledgers.gpugate.io/cluster, in which every replica
 * writes, by compare-and-swap, what it has admitted. See ledger.h for the rules, docs/ledger.md for why they are enough.
 *
 * Everything happens on the thread of the loop: watches (ledger_watch.c), questions (ledger_asks.c), the shared object
 * (ledger_object.c), what time brings (ledger_upkeep.c). Other threads only put questions, rebase and look at numbers.
 */
#ifndef WEBHOOK_CLUSTER_STORE_H
#define WEBHOOK_CLUSTER_STORE_H

#include "webhook/base/log.h"
#include "webhook/cluster/peers.h"
#include "webhook/kube/client.h"
#include "webhook/ledger/store.h"
#include "webhook/usage/sums.h"

#define LEDGER_HOLD_MS 250 /* how long a refusal waits for something to become free */

struct ledger_cluster_options {
	struct kube_loop *loop;         /* not started yet */
	struct kube_client *client;     /* on that loop */
	struct kube_client *background; /* ... of connections that the ledger's writes do not wait for */
	const struct policy *policy;
	const char *replica;   /* a name for logs; that of its Pod, by which comparisons take turns */
	const char *namespace; /* of gpugate's own Pods */
	int64_t ttl_ms;        /* of a pending entry: longer than any API server takes to store a Pod (34 s) */
	int64_t settle_ms;     /* of a ledger that was created anew: the same */
	int64_t fold_ms;  /* an entry is kept after its Pod was seen: about as late as any replica's watch usually is */
	int64_t check_ms; /* how often the view is compared with a list of all Pods; 0: never */
	struct log *log;
	/* Something that people should hear of, for Events: an outage and its end. May be NULL. Loop thread. */
	void (*tell)(void *context, bool warning, const char *reason, const char *message);
	void *tell_context;
};

struct ledger_cluster;

/* Returns new; borrows everything but the options themselves. Begins when the loop starts. */
struct ledger_cluster *ledger_cluster_create(const struct ledger_cluster_options *options, struct error *err);

/* Answers everything that waits, and from now on everything at once, as an outage. The loop must be running. Blocks until
 * that is done. */
void ledger_cluster_stop(struct ledger_cluster *cluster);
void ledger_cluster_destroy(struct ledger_cluster *cluster); /* after the loop has stopped; takes NULL */

/* Charges by this policy from now on. Returns -1 without memory: then the old one stays in force for quotas. Thread-safe. */
int ledger_cluster_rebase(struct ledger_cluster *cluster, const struct policy *policy);

/* What admission asks. Borrows the ledger. */
struct ledger_store ledger_cluster_store(struct ledger_cluster *cluster);

/* Why admission should not be sent here, as a sentence that lives on; NULL: it may. Thread-safe. */
const char *ledger_cluster_unready(struct ledger_cluster *cluster);

/* The sums of this moment, to be released. Thread-safe. */
void ledger_cluster_sums(struct ledger_cluster *cluster, struct ledger_sums *sums);

/* How the shared object and the view are. Thread-safe. */
struct ledger_health {
	const char *state;      /* "open", "settling", "newer", "missing" or "unknown" */
	int64_t pods_silent_ms; /* since the API server was heard of on the watch of Pods; -1: it never was */
	int64_t behind_ms;      /* how long the view has been behind what other replicas have written; 0: it is not */
	uint64_t written, conflicts, undecided;
};
void ledger_cluster_health(struct ledger_cluster *cluster, struct ledger_health *health);

/* gpugate's own Pods; none are known before the first list is complete. Thread-safe. */
void ledger_cluster_peers(struct ledger_cluster *cluster, struct peers *peers);

/* The families of quotas, of the view and of the shared object in /metrics; `cluster` is the struct ledger_cluster. */
void ledger_cluster_metrics(void *cluster, struct buf *out);

#endif
