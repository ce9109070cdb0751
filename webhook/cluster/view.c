#include "webhook/cluster/view.h"

#include <stdio.h>

#include "webhook/cluster/document.h"
#include "webhook/cluster/state.h"
#include "webhook/object/review.h"

/* --- Whether it can be relied on --- */

bool view_follows(const struct ledger_cluster *cluster)
{
	return kube_watch_live(cluster->watches[WATCH_PODS]);
}

uint64_t view_transitions(const struct ledger_cluster *cluster)
{
	struct kube_watch_counts counts;
	kube_watch_counts(cluster->watches[WATCH_PODS], &counts);
	return counts.transitions;
}

bool view_is_verified(const struct ledger_cluster *cluster)
{
	return cluster->view.verified_transitions == view_transitions(cluster);
}

bool view_is_current(struct ledger_cluster *cluster)
{
	pthread_mutex_lock(&cluster->mutex);
	bool current = cluster->synced[WATCH_PODS] && !ledger_behind(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	return current && view_is_verified(cluster);
}

/* --- Reading objects --- */

static void note_unreadable(struct ledger_cluster *cluster, const char *what, const struct error *err)
{
	char text[1200];
	cluster_count(cluster, COUNT_UNREADABLE);
	snprintf(text, sizeof text, "%s of the API server cannot be read: %s", what, err->text);
	cluster_log(cluster, LOG_ERROR, "object_unreadable", text);
}

/*
 * A Pod without a uid or a resourceVersion counts as unreadable. If memory is exhausted, nothing is
 * known about the Pod, as if the event had been lost.
 */
enum pod_reading view_read_pod(struct ledger_cluster *cluster, struct str json, struct pod *pod, uint64_t *version)
{
	struct error err = {0}, ignored = {0};
	arena_reset(&cluster->scratch);
	if (review_read_pod(json.ptr, json.len, &cluster->scratch, pod, &err) == 0 &&
	    kube_version(pod->resource_version, version) && pod->uid.len > 0)
		return POD_READ;
	if (cluster->scratch.starved)
		return POD_LOST;
	error_set(&err, "it has no uid or resourceVersion");
	note_unreadable(cluster, "a Pod", &err);
	arena_reset(&cluster->scratch);
	if (object_identity_read(json, &cluster->scratch, pod, &ignored) == 0 &&
	    kube_version(pod->resource_version, version) && pod->uid.len > 0)
		return POD_UNREADABLE;
	return cluster->scratch.starved ? POD_LOST : POD_UNKNOWN;
}

static const struct {
	const char *what;
	int (*set)(struct ledger *ledger, struct str name, const struct pairs *labels);
} labelled[LEDGER_LABELLED] = {
    [LEDGER_NAMESPACES] = {"a Namespace", ledger_namespace},
    [LEDGER_NODES] = {"a Node", ledger_node},
};

int view_set_labels(struct ledger_cluster *cluster, struct str json, bool gone, enum ledger_list list)
{
	struct object_meta meta = {0};
	struct error err = {0};
	arena_reset(&cluster->scratch);
	int read = object_meta_read(json, &cluster->scratch, &meta, &err), seen;
	if (read < 0 && !cluster->scratch.starved) {
		note_unreadable(cluster, labelled[list].what, &err);
		return 0;
	}
	const struct pairs *labels = gone ? NULL : &meta.labels;
	pthread_mutex_lock(&cluster->mutex);
	seen = read < 0 ? ledger_lose(cluster->ledger, list) : labelled[list].set(cluster->ledger, meta.name, labels);
	pthread_mutex_unlock(&cluster->mutex);
	return view_note(cluster, seen, meta.name);
}

/* --- Changes --- */

int view_note(struct ledger_cluster *cluster, int seen, struct str name)
{
	if (seen < 0) {
		cluster->view.lost = true;
		return seen;
	}
	if (seen & LEDGER_LATE) {
		char text[600];
		cluster_count(cluster, COUNT_LATE);
		snprintf(
		    text, sizeof text,
		    "Pod %.*s was stored after its admission had expired; it counts from now on, and a quota may be "
		    "exceeded by it",
		    STR_ARG(name));
		cluster_log(cluster, LOG_ERROR, "pod_stored_late", text);
	}
	cluster->view.freed |= (seen & LEDGER_FREED) != 0;
	return seen;
}

void view_verify(struct ledger_cluster *cluster, uint64_t transitions)
{
	cluster->view.verified_transitions = transitions;
}

void view_discard(struct ledger_cluster *cluster, const char *why)
{
	cluster_log(cluster, LOG_WARN, "view_restored", why);
	pthread_mutex_lock(&cluster->mutex);
	ledger_forget(cluster->ledger);
	/* This prevents queries for the version until the list is complete. */
	cluster->synced[WATCH_PODS] = false;
	pthread_mutex_unlock(&cluster->mutex);
	cluster->view.restored = true;
}
