/*
 * peers: gpugate's own Pods, as the watch of all Pods tells: what the status page says of the other replicas, and what the ledger has to
 * be written for. Whether one is ready is what its kubelet found when it last asked /readyz, which is what the API server goes by when it
 * picks a replica.
 *
 * Which form of the ledger's text a replica reads, its Pod says from the moment it exists, long before its container starts: by an
 * annotation of the Deployment's template. 0.1.0 has none.
 */
#ifndef WEBHOOK_CLUSTER_PEERS_H
#define WEBHOOK_CLUSTER_PEERS_H

#include "gpugate/facts.h"

#define PEERS_MAX 32 /* those beyond it are left out */
#define PEER_NAME_MAX 253
#define PEER_FORM_ANNOTATION "gpugate.io/ledger-form"

struct peer {
	char name[PEER_NAME_MAX + 1];
	bool ready;
	bool stopping; /* it is being deleted */
	bool listed;   /* by the list under way */
	unsigned form; /* the newest of the ledger's text that it reads, as far as this version knows them */
};

/* In the order of their names. Zeroed at first. */
struct peers {
	struct peer items[PEERS_MAX];
	unsigned count;
	bool left_out, left_out_before; /* since the last list began; before it */
};

/* Whether that Pod is a gpugate of this namespace, by the labels that all manifests give it. */
bool peer_is_one(const struct pod *pod, const char *namespace);

/* Whether the Pod's JSON says that it is ready. */
bool peer_is_ready(struct str json);

/* Takes what was seen of such a Pod. One that has ended is as good as gone. */
void peers_see(struct peers *peers, const struct pod *pod, bool ready, bool gone);

/* A list begins, and has ended: those that it did not have are gone. */
void peers_list_begin(struct peers *peers);
void peers_list_end(struct peers *peers);

/* The newest form of the ledger's text that all of them read. Where no Pod is known, none is asked. */
unsigned peers_form(const struct peers *peers);

#endif
