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

/* The view of one kind of consumer. */
struct view_part {
	/* For the callbacks of its watch, of which this is the context. */
	struct ledger_cluster *cluster;
	enum consumer_kind kind;
	bool listing;            /* A list is in progress. */
	uint64_t version_before; /* Version of the view when the list began. */
	/* The last turn of the watch for which the view is known to match this cluster. */
	uint64_t verified_transitions;
};

struct view {
	struct view_part parts[CONSUMER_KINDS];

	/* What the next step must act on. */
	bool turned;   /* A watch of consumers was opened, has ended, or has completed a list. */
	bool freed;    /* Capacity was freed: held denials must be decided again. */
	bool lost;     /* Data was lost for lack of memory: it must be listed again. */
	bool restored; /* The storage was restored: everything must be listed again. */
};

/* The watch of each kind of consumer. */
extern const int consumer_watches[CONSUMER_KINDS];

/*
 * Called for each kind of consumer that the cluster has: claims only if the API server serves them.
 */
typedef bool view_question(const struct ledger_cluster *cluster, enum consumer_kind kind);
bool view_all(const struct ledger_cluster *cluster, view_question *question);

/* Whether the cluster has this kind of consumer, as far as is known. */
bool view_has(const struct ledger_cluster *cluster, enum consumer_kind kind);

/* Returns the path of the list of all consumers of a kind that the cluster has. */
const char *view_list_path(const struct ledger_cluster *cluster, enum consumer_kind kind);

/* Whether a list of this kind is complete. For other threads, under the mutex. */
bool view_is_listed(const struct ledger_cluster *cluster, enum consumer_kind kind);

/*
 * Whether the view follows the cluster: all consumers were listed completely, and their watches are
 * open. Otherwise, Pods that have ended still count. That is safe, but denies more than necessary.
 */
bool view_follows(const struct ledger_cluster *cluster);

/* Returns the turn of the watch of this kind: how often it has been opened or has ended. */
uint64_t view_transitions(const struct ledger_cluster *cluster, enum consumer_kind kind);

/*
 * Whether the view of this kind is known to belong to this cluster and not to a history that a
 * restore has undone.
 */
bool view_is_verified(const struct ledger_cluster *cluster, enum consumer_kind kind);

/*
 * Whether decisions and writes may rely on the view: it is complete, has reached V, and is
 * verified. [wait]
 */
bool view_is_current(struct ledger_cluster *cluster);

/* Logs and counts an object of the API server, such as "a Node", that cannot be read. */
void view_note_unreadable(struct ledger_cluster *cluster, const char *what, const struct error *err);

/* How much of a Pod or claim in a list or an event could be read. */
enum pod_reading {
	POD_READ,
	POD_UNREADABLE, /* Only uid, name, namespace and version. */
	POD_UNKNOWN,    /* Not even those. */
	POD_LOST,       /* Out of memory. */
};

/*
 * Reads a Pod, or a claim as one, into scratch memory, which borrows from `json`. Logs and counts
 * one that cannot be read.
 */
enum pod_reading view_read(struct ledger_cluster *cluster, enum consumer_kind kind, struct str json, struct pod *pod,
			   uint64_t *version);

/*
 * Applies a consumer that was read to the view; the caller holds the mutex. Deleting one needs its
 * uid only, so an unreadable one is deleted, too. Returns what the ledger has seen.
 */
int view_see(struct ledger_cluster *cluster, enum consumer_kind kind, enum pod_reading reading, const struct pod *pod,
	     uint64_t version, bool gone);

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
void view_verify(struct ledger_cluster *cluster, enum consumer_kind kind, uint64_t transitions);

/* Discards the view, because it belongs to a history that a restore has undone. Logs `why`. */
void view_discard(struct ledger_cluster *cluster, const char *why);

#endif
