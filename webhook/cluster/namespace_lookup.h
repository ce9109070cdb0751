/*
 * namespace_lookup: reads namespaces that the view does not know yet, because a watch is late or
 * the copy is ahead of it. For each namespace at most one read is in flight, for all requests that
 * wait for it. Reads use connections that writes of the record do not wait for.
 *
 * Everything runs on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_NAMESPACE_LOOKUP_H
#define WEBHOOK_CLUSTER_NAMESPACE_LOOKUP_H

#include <stdbool.h>

#include "gpugate/str.h"
#include "webhook/kube/client.h"

struct ledger_cluster;

/* A read of one namespace. */
struct lookup {
	struct ledger_cluster *cluster;
	struct lookup *next;
	struct kube_request *request;
	bool for_pods;   /* Decisions wait for it. */
	unsigned status; /* HTTP status of the answer; 0: there was none. */
	size_t len;
	char name[];
};

struct lookups {
	struct lookup *in_flight; /* Each of a different namespace. */
	/* Their answers are in the view, and the next step must act on them. */
	struct lookup *answered;
};

static inline struct str lookup_name(const struct lookup *lookup)
{
	return (struct str){lookup->name, lookup->len};
}

/*
 * Reads a namespace for a request that waits for its labels, unless that read is in flight. Returns
 * 0, or -1 without memory.
 */
int lookup_namespace(struct ledger_cluster *cluster, struct str name);

/*
 * Reads one unknown namespace whose Pods are charged, unless such a read is in flight. Nothing is
 * decided until all are known. A namespace that was read in vain is not read again before that read
 * is removed.
 */
void lookup_for_pods(struct ledger_cluster *cluster);

/* Whether such a read is in flight. */
bool lookup_holds_up(const struct ledger_cluster *cluster);

/* Removes the first read that was answered. */
void lookup_remove_answered(struct ledger_cluster *cluster);

/* Cancels all reads. */
void lookup_close(struct ledger_cluster *cluster);

#endif
