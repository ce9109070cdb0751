/*
 * peers: gpugate's own Pods, as the watch of Pods shows them. The status page lists the other
 * replicas, and the ledger is written in a form that all of them read. Not thread-safe.
 *
 * A replica is ready if its kubelet found it ready at the last probe of /readyz. The Service
 * selects replicas by the same condition.
 *
 * A Pod's annotation, which the Deployment's template contains, says which form of the ledger's
 * text the replica reads. So it is known as soon as the Pod exists, long before its container
 * starts. Version 0.1.0 has no annotation.
 */
#ifndef WEBHOOK_CLUSTER_PEERS_H
#define WEBHOOK_CLUSTER_PEERS_H

#include "gpugate/pod.h"

#define PEERS_MAX 32 /* Further Pods are left out. */
#define PEER_NAME_MAX 253
#define PEER_FORM_ANNOTATION "gpugate.io/ledger-form"

struct peer {
	char name[PEER_NAME_MAX + 1];
	bool ready;
	bool stopping; /* It is being deleted. */
	bool listed;   /* The current list contained it. */
	unsigned form; /* Newest form of the ledger's text that it reads; at most LEDGER_FORM. */
};

/* Sorted by name. Zeroed at first. */
struct peers {
	struct peer items[PEERS_MAX];
	unsigned count;
	/* Whether a Pod was left out since the last list began, and before it. */
	bool left_out, left_out_before;
};

/* Whether the Pod is a gpugate in this namespace, by the label that all manifests set. */
bool peer_is_one(const struct pod *pod, const char *namespace);

/* Whether the Pod's JSON has a condition Ready that is True. */
bool peer_is_ready(struct str json);

/*
 * Notes a Pod that peer_is_one accepts. `gone`: it was deleted. A Pod that has finished is removed,
 * too.
 */
void peers_see(struct peers *peers, const struct pod *pod, bool ready, bool gone);

/*
 * Called when a list of Pods begins and when it is complete. Pods that the list did not contain are
 * removed.
 */
void peers_list_begin(struct peers *peers);
void peers_list_end(struct peers *peers);

/*
 * Returns the newest form of the ledger's text that all of them read; LEDGER_FORM if none is known.
 */
unsigned peers_form(const struct peers *peers);

#endif
