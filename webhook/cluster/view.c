#include "webhook/cluster/view.h"

#include <stdio.h>

#include "webhook/cluster/document.h"
#include "webhook/cluster/state.h"
#include "webhook/object/review.h"

const int consumer_watches[CONSUMER_KINDS] = {[CONSUMER_POD] = WATCH_PODS, [CONSUMER_CLAIM] = WATCH_CLAIMS};

/* --- Whether it can be relied on --- */

bool view_has(const struct ledger_cluster *cluster, enum consumer_kind kind)
{
	return kind != CONSUMER_CLAIM || cluster->claims_api.state != CLAIMS_API_ABSENT;
}

bool view_all(const struct ledger_cluster *cluster, view_question *question)
{
	bool all = true;
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		all = all && (!view_has(cluster, kind) || question(cluster, kind));
	return all;
}

const char *view_list_path(const struct ledger_cluster *cluster, enum consumer_kind kind)
{
	return kind == CONSUMER_POD ? "/api/v1/pods" : cluster->claims_api.path;
}

bool view_is_listed(const struct ledger_cluster *cluster, enum consumer_kind kind)
{
	return cluster->synced[consumer_watches[kind]];
}

static bool is_live(const struct ledger_cluster *cluster, enum consumer_kind kind)
{
	return kube_watch_live(cluster->watches[consumer_watches[kind]]);
}

bool view_follows(const struct ledger_cluster *cluster)
{
	return view_all(cluster, is_live);
}

uint64_t view_transitions(const struct ledger_cluster *cluster, enum consumer_kind kind)
{
	struct kube_watch_counts counts;
	kube_watch_counts(cluster->watches[consumer_watches[kind]], &counts);
	return counts.transitions;
}

bool view_is_verified(const struct ledger_cluster *cluster, enum consumer_kind kind)
{
	return cluster->view.parts[kind].verified_transitions == view_transitions(cluster, kind);
}

bool view_is_current(struct ledger_cluster *cluster)
{
	pthread_mutex_lock(&cluster->mutex);
	bool current = view_all(cluster, view_is_listed) && !ledger_behind(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	return current && view_all(cluster, view_is_verified);
}

/* --- Reading objects --- */

void view_note_unreadable(struct ledger_cluster *cluster, const char *what, const struct error *err)
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
enum pod_reading view_read(struct ledger_cluster *cluster, enum consumer_kind kind, struct str json, struct pod *pod,
			   uint64_t *version)
{
	static const struct {
		const char *what;
		int (*read)(const char *bytes, size_t len, struct arena *arena, struct pod *pod, struct error *err);
	} kinds[CONSUMER_KINDS] = {
	    [CONSUMER_POD] = {"a Pod", review_read_pod},
	    [CONSUMER_CLAIM] = {"a ResourceClaim", review_read_claim_as_pod},
	};
	static const struct claim unknown_claim = {.present = true};
	struct error err = {0}, ignored = {0};
	arena_reset(&cluster->scratch);
	if (kinds[kind].read(json.ptr, json.len, &cluster->scratch, pod, &err) == 0 &&
	    kube_version(pod->resource_version, version) && pod->uid.len > 0)
		return POD_READ;
	if (cluster->scratch.starved)
		return POD_LOST;
	error_set(&err, "it has no uid or resourceVersion");
	view_note_unreadable(cluster, kinds[kind].what, &err);
	arena_reset(&cluster->scratch);
	bool identified = object_identity_read(json, &cluster->scratch, pod, &ignored) == 0 &&
			  kube_version(pod->resource_version, version) && pod->uid.len > 0;
	pod->as_claim = kind == CONSUMER_CLAIM ? &unknown_claim : NULL;
	if (identified)
		return POD_UNREADABLE;
	return cluster->scratch.starved ? POD_LOST : POD_UNKNOWN;
}

int view_see(struct ledger_cluster *cluster, enum consumer_kind kind, enum pod_reading reading, const struct pod *pod,
	     uint64_t version, bool gone)
{
	switch (reading) {
	case POD_READ:
		return ledger_see(cluster->ledger, pod, version, gone, kube_now_ms());
	case POD_UNREADABLE:
		return gone ? ledger_see(cluster->ledger, pod, version, true, kube_now_ms())
			    : ledger_see_unreadable(cluster->ledger, pod, version);
	case POD_LOST:
		return ledger_lose(cluster->ledger, LEDGER_CONSUMERS + kind);
	case POD_UNKNOWN:
		break;
	}
	return 0;
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
		view_note_unreadable(cluster, labelled[list].what, &err);
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
		snprintf(text, sizeof text,
			 "%.*s was stored after its admission had expired; it counts from now on, and a quota may be "
			 "exceeded by it",
			 STR_ARG(name));
		cluster_log(cluster, LOG_ERROR, "pod_stored_late", text);
	}
	cluster->view.freed |= (seen & LEDGER_FREED) != 0;
	return seen;
}

void view_verify(struct ledger_cluster *cluster, enum consumer_kind kind, uint64_t transitions)
{
	cluster->view.parts[kind].verified_transitions = transitions;
}

void view_discard(struct ledger_cluster *cluster, const char *why)
{
	cluster_log(cluster, LOG_WARN, "view_restored", why);
	pthread_mutex_lock(&cluster->mutex);
	ledger_forget(cluster->ledger);
	/* This prevents queries for the version until the lists are complete. */
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		cluster->synced[consumer_watches[kind]] = false;
	pthread_mutex_unlock(&cluster->mutex);
	cluster->view.restored = true;
}
