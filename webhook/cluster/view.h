/*
 * view: what this replica knows about the Pods that exist, and about what their charges depend on.
 * The files that feed it (watches.c, namespace_lookup.c, comparison.c, maintenance.c) report here
 * the results of changes; the others ask whether they may rely on it. The view itself is in the
 * ledger.
 *
 * Everything runs on the loop's thread.
 */
#ifndef WEBHOOK_CLUSTER_VIEW_H
#define WEBHOOK_CLUSTER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "gpugate/pod.h"
#include "webhook/ledger/ledger.h"

struct ledger_cluster;

struct view {
	bool listing;            /* A list of Pods is in progress. */
	uint64_t version_before; /* Version of the view when the list of Pods began. */
	/* The last turn of the watch of Pods for which the view is known to match this cluster. */
	uint64_t verified_transitions;

	/* What the next step must act on. */
	bool turned;   /* The watch of Pods was opened, has ended, or has completed a list. */
	bool freed;    /* Capacity was freed: held denials must be decided again. */
	bool lost;     /* Data was lost for lack of memory: it must be listed again. */
	bool restored; /* The storage was restored: everything must be listed again. */
};

/*
 * Whether the view follows the cluster: the Pods were listed completely, and their watch is open.
 * Otherwise, Pods that have ended still count. That is safe, but denies more than necessary.
 */
bool view_follows(const struct ledger_cluster *cluster);

/* Returns the turn of the watch of Pods: how often it has been opened or has ended. */
uint64_t view_transitions(const struct ledger_cluster *cluster);

/*
 * Whether the view is known to belong to this cluster and not to a history that a restore has
 * undone.
 */
bool view_is_verified(const struct ledger_cluster *cluster);

/*
 * Whether decisions and writes may rely on the view: it is complete, has reached V, and is
 * verified. [wait]
 */
bool view_is_current(struct ledger_cluster *cluster);

/* How much of a Pod in a list or an event could be read. */
enum pod_reading {
	POD_READ,
	POD_UNREADABLE, /* Only uid, name, namespace and version. */
	POD_UNKNOWN,    /* Not even those. */
	POD_LOST,       /* Out of memory. */
};

/*
 * Reads a Pod into scratch memory, which borrows from `json`. Logs and counts a Pod that cannot be
 * read.
 */
enum pod_reading view_read_pod(struct ledger_cluster *cluster, struct str json, struct pod *pod, uint64_t *version);

/*
 * Applies the labels of an object, or its deletion. `list` is one before LEDGER_LABELLED. Returns
 * what view_note has noted.
 */
int view_set_labels(struct ledger_cluster *cluster, struct str json, bool gone, enum ledger_list list);

/*
 * Notes the result of applying a change to the ledger (bits of enum ledger_seen, or -1 for lost
 * data), and returns it. `name` is the Pod's, for logs. Must not be called under the mutex. The
 * caller calls cluster->step at the end of its event.
 */
int view_note(struct ledger_cluster *cluster, int seen, struct str name);

/* Records that the API server has confirmed, in this turn, that the view matches this cluster. */
void view_verify(struct ledger_cluster *cluster, uint64_t transitions);

/* Discards the view, because it belongs to a history that a restore has undone. Logs `why`. */
void view_discard(struct ledger_cluster *cluster, const char *why);

#endif
