/*
 * store: the ledger of a cluster with several replicas, an implementation of struct ledger_store.
 *
 * Its state is in two places. Every replica keeps a view of the Pods that exist, by list and watch.
 * The Pods that were admitted and may not exist yet are in one small object, the record
 * (gpuledgers.gpugate.io/cluster), which every replica writes by compare-and-swap.
 * webhook/ledger/ledger.h states the rules, and docs/ledger.md explains why they suffice.
 *
 * All work is done on the loop's thread. Each part of it (the view, the queue of requests, the
 * record, ...) changes its own state, and step.c decides what follows. Other threads only submit
 * requests, switch the policy and read numbers.
 */
#ifndef WEBHOOK_CLUSTER_STORE_H
#define WEBHOOK_CLUSTER_STORE_H

#include "gpugate/device_classes.h"
#include "webhook/base/log.h"
#include "webhook/cluster/peers.h"
#include "webhook/kube/client.h"
#include "webhook/ledger/store.h"
#include "webhook/metrics/metric.h"
#include "webhook/usage/sums.h"

/* Why DeviceClasses may be missing before the first of them are known (struct device_classes). */
#define LEDGER_CLASSES_UNLISTED "the DeviceClasses of the cluster have not been listed yet"

/* How long a denial may wait for capacity that is about to be freed. */
#define LEDGER_HOLD_MS 250

struct ledger_cluster_options {
	struct kube_loop *loop;     /* Must not run yet. */
	struct kube_client *client; /* Runs on that loop. */
	/* Runs on that loop, over connections that writes of the record never wait for. */
	struct kube_client *background;
	const struct policy *policy;
	/*
	 * Name of this replica's Pod, for logs; it determines when this replica compares its view.
	 */
	const char *replica;
	const char *namespace; /* Namespace of gpugate's own Pods. */
	/*
	 * Time to live of a pending entry; longer than any API server needs to store a Pod (34 s).
	 */
	int64_t ttl_ms;
	int64_t settle_ms; /* How long a new or reset record settles; the same bound applies. */
	/*
	 * How long an entry is kept after its Pod was seen: the usual maximum delay of any
	 * replica's watch.
	 */
	int64_t fold_ms;
	int64_t check_ms; /* How often the view is compared with a list of all Pods; 0: never. */
	struct log *log;
	/*
	 * Reports an outage and its end, to be published as an Event. May be NULL. Called on the
	 * loop's thread.
	 */
	void (*tell)(void *context, bool warning, const char *reason, const char *message);
	void *notify_context;
	/*
	 * Receives the DeviceClasses of the cluster, borrowed during the call, whenever they have
	 * changed: the policy is to be renewed with them, and the ledger rebased
	 * (ledger_cluster_rebase). Until the first call, none are known
	 * (LEDGER_CLASSES_UNLISTED). May be NULL. Called on the loop's thread, without a lock.
	 * Returns 0, or -1 if that has to be tried again.
	 */
	int (*classes)(void *context, const struct device_classes *classes);
	void *classes_context;
};

struct ledger_cluster;

/*
 * Returns new; borrows what the options point to. It starts working when the loop runs. Returns
 * NULL with an error on failure.
 */
struct ledger_cluster *ledger_cluster_create(const struct ledger_cluster_options *options, struct error *err);

/*
 * Completes all waiting requests as undecided, and from then on new ones at once. The loop must be
 * running. Blocks until that is done.
 */
void ledger_cluster_stop(struct ledger_cluster *cluster);

/* Called after the loop has stopped. Takes NULL. */
void ledger_cluster_destroy(struct ledger_cluster *cluster);

/*
 * Charges by this policy from now on. Returns 0, or -1 without memory: then quotas are still
 * charged by the old policy. Thread-safe.
 */
int ledger_cluster_rebase(struct ledger_cluster *cluster, const struct policy *policy);

/* Returns the interface for admission; it borrows the ledger. */
struct ledger_store ledger_cluster_store(struct ledger_cluster *cluster);

/*
 * Returns why admission requests should not be sent to this replica, as a sentence in static
 * storage; NULL if they may. Thread-safe.
 */
const char *ledger_cluster_unready(struct ledger_cluster *cluster);

/* Takes the current sums. The caller releases them with ledger_sums_release. Thread-safe. */
void ledger_cluster_sums(struct ledger_cluster *cluster, struct ledger_sums *sums);

/* Condition of the record and the view. */
struct ledger_health {
	/* "open", "settling", "newer", "missing" or "unknown"; in static storage. */
	const char *state;
	/* Time since the API server was last heard on the watch of Pods; -1: never. */
	int64_t pods_silent_ms;
	/*
	 * How long the view has been behind what other replicas have written; 0: it is not behind.
	 */
	int64_t behind_ms;
	/*
	 * Totals since the start: writes of the record, conflicts among them, requests that could
	 * not be decided.
	 */
	uint64_t written, conflicts, undecided;
};

/* Thread-safe. */
void ledger_cluster_health(struct ledger_cluster *cluster, struct ledger_health *health);

/*
 * Copies what is known of gpugate's own Pods: nothing before the first list begins to arrive.
 * Thread-safe.
 */
void ledger_cluster_peers(struct ledger_cluster *cluster, struct peers *peers);

extern const struct metric_set ledger_cluster_metrics;

/*
 * Append the families of ledger_sums_metrics, of ledger_namespaces_metrics, and of
 * ledger_cluster_metrics: those of the view and the record. `cluster` is the struct ledger_cluster.
 * Thread-safe.
 */
void ledger_cluster_render_sums(void *cluster, struct buf *out);
void ledger_cluster_render_namespaces(void *cluster, struct buf *out);
void ledger_cluster_render_state(void *cluster, struct buf *out);

#endif
