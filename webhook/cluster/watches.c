/* watches: feeds the watches of Pods, Namespaces and Nodes into the ledger's view. */
#include <stdio.h>

#include "webhook/cluster/document.h"
#include "webhook/cluster/state.h"
#include "webhook/object/review.h"

static void lock(struct ledger_cluster *cluster)
{
	pthread_mutex_lock(&cluster->mutex);
}

static void unlock(struct ledger_cluster *cluster)
{
	pthread_mutex_unlock(&cluster->mutex);
}

static void note_unreadable(struct ledger_cluster *cluster, const char *what, const struct error *err)
{
	char text[1200];
	cluster_count(cluster, COUNT_UNREADABLE);
	snprintf(text, sizeof text, "%s of the API server cannot be read: %s", what, err->text);
	cluster_log(cluster, LOG_ERROR, "object_unreadable", text);
}

/* Relists what was lost for lack of memory. The ledger decides nothing until then. */
static void relist_lost(struct ledger_cluster *cluster)
{
	static const int watches[] = {
	    [LEDGER_NAMESPACES] = WATCH_NAMESPACES, [LEDGER_NODES] = WATCH_NODES, [LEDGER_PODS] = WATCH_PODS};
	cluster_log(cluster, LOG_ERROR, "view_incomplete",
		    "there is no memory for the view; nothing is decided until it has been listed again");
	for (enum ledger_list list = LEDGER_NAMESPACES; list <= LEDGER_PODS; list++) {
		lock(cluster);
		bool lost = ledger_lost(cluster->ledger, list);
		unlock(cluster);
		if (lost)
			kube_watch_relist(cluster->watches[watches[list]]);
	}
}

void watches_seen(struct ledger_cluster *cluster, int seen, struct str name)
{
	if (seen < 0) {
		relist_lost(cluster);
		return;
	}
	if (seen & LEDGER_LATE) {
		char text[600];
		cluster_count(cluster, COUNT_LATE);
		snprintf(
		    text, sizeof text,
		    "Pod %.*s was stored after its admission had expired; it counts from now on, and a quota may be "
		    "exceeded by it",
		    STR_ARG(name));
		cluster_log(cluster, LOG_ERROR, "pod_late", text);
	}
	if (seen & LEDGER_FREED)
		queue_retry(cluster, false);
	else
		queue_pump(cluster);
}

/* --- Pods --- */

/*
 * A Pod without a uid or a resourceVersion counts as unreadable. If memory was short, nothing is
 * known of the Pod, as if the event had been lost.
 */
enum pod_reading watches_read_pod(struct ledger_cluster *cluster, struct str json, struct pod *pod, uint64_t *version)
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

/*
 * Applies a Pod to the view; the caller holds the mutex. Deleting a Pod needs its uid only, so an
 * unreadable one is deleted, too.
 */
static int see_pod(struct ledger_cluster *cluster, enum pod_reading reading, const struct pod *pod, uint64_t version,
		   bool gone)
{
	switch (reading) {
	case POD_READ:
		return ledger_see(cluster->ledger, pod, version, gone, kube_now_ms());
	case POD_UNREADABLE:
		return gone ? ledger_see(cluster->ledger, pod, version, true, kube_now_ms())
			    : ledger_see_unreadable(cluster->ledger, pod, version);
	case POD_LOST:
		return ledger_lose(cluster->ledger, LEDGER_PODS);
	case POD_UNKNOWN:
		break;
	}
	return 0;
}

/*
 * Selects the form of the ledger's text after a change of gpugate's own Pods. A replica that reads
 * only an older form may be about to start, so the record is rewritten at once.
 */
static void choose_form(struct ledger_cluster *cluster)
{
	char text[200];
	lock(cluster);
	unsigned before = ledger_form(cluster->ledger), form = peers_form(&cluster->peers);
	ledger_set_form(cluster->ledger, form);
	unlock(cluster);
	if (form == before)
		return;
	snprintf(text, sizeof text, "the ledger is written in form %u from now on: %s", form,
		 form < before ? "a Pod of gpugate reads no newer one" : "all Pods of gpugate read it");
	cluster_log(cluster, LOG_INFO, "ledger_form", text);
	record_lower_form(cluster);
}

/* Notes a Pod if it is one of gpugate's own. Called without the mutex. */
static void see_peer(struct ledger_cluster *cluster, const struct pod *pod, struct str json, bool gone)
{
	if (!peer_is_one(pod, cluster->options.namespace))
		return;
	bool ready = !gone && peer_is_ready(json);
	lock(cluster);
	peers_see(&cluster->peers, pod, ready, gone);
	unlock(cluster);
	choose_form(cluster);
}

static void pods_begin(void *context)
{
	struct ledger_cluster *cluster = context;
	lock(cluster);
	cluster->listing = true;
	cluster->view_before = ledger_view_version(cluster->ledger);
	ledger_list_begin(cluster->ledger);
	peers_list_begin(&cluster->peers);
	unlock(cluster);
}

static void pods_listed(void *context, struct str json)
{
	struct ledger_cluster *cluster = context;
	struct pod pod = {.present = true};
	uint64_t version = 0;
	enum pod_reading reading = watches_read_pod(cluster, json, &pod, &version);
	lock(cluster);
	int seen = see_pod(cluster, reading, &pod, version, false);
	unlock(cluster);
	if (reading == POD_READ)
		see_peer(cluster, &pod, json, false);
	if (seen)
		watches_seen(cluster, seen, pod.name);
}

/* A list of Pods that is older than the view shows that the storage was restored. */
static void pods_synced(void *context, uint64_t version)
{
	struct ledger_cluster *cluster = context;
	bool restored = version < cluster->view_before;
	int seen = 0;
	lock(cluster);
	cluster->listing = false;
	peers_list_end(&cluster->peers);
	if (restored)
		ledger_forget(cluster->ledger);
	else
		seen = ledger_list_end(cluster->ledger, version, kube_now_ms());
	cluster->synced[WATCH_PODS] = !restored;
	unlock(cluster);
	choose_form(cluster);
	if (restored) {
		cluster_log(cluster, LOG_WARN, "view_restored",
			    "the Pods are of an older version than they were: the cluster's storage was restored");
		record_invalidate(cluster);
		watches_restart(cluster);
		return;
	}
	maintenance_ask_version(cluster);
	watches_seen(cluster, seen, STR(""));
}

/*
 * [see] A change during a list does not advance the view, because it proves nothing about the Pods
 * that are not listed yet.
 */
static void pods_changed(void *context, bool gone, struct str json)
{
	struct ledger_cluster *cluster = context;
	struct pod pod = {.present = true};
	uint64_t version = 0;
	enum pod_reading reading = watches_read_pod(cluster, json, &pod, &version);
	lock(cluster);
	int seen = see_pod(cluster, reading, &pod, version, gone);
	if (seen >= 0 && !cluster->listing)
		ledger_reach(cluster->ledger, version);
	unlock(cluster);
	if (reading == POD_READ)
		see_peer(cluster, &pod, json, gone);
	watches_seen(cluster, seen, pod.name);
}

static void pods_bookmark(void *context, uint64_t version)
{
	struct ledger_cluster *cluster = context;
	lock(cluster);
	ledger_reach(cluster->ledger, version);
	unlock(cluster);
	queue_pump(cluster);
}

static void pods_turned(void *context)
{
	maintenance_ask_version(context);
}

/* --- Namespaces and Nodes --- */

typedef int set_fn(struct ledger *ledger, struct str name, const struct pairs *labels);

/* Applies the labels of a Namespace or a Node, as `set` says, or its deletion. */
static void set_labels(struct ledger_cluster *cluster, struct str json, bool gone, set_fn *set)
{
	struct object_meta meta = {0};
	struct error err = {0};
	arena_reset(&cluster->scratch);
	int read = object_meta_read(json, &cluster->scratch, &meta, &err);
	if (read < 0 && !cluster->scratch.starved) {
		note_unreadable(cluster, set == ledger_node ? "a Node" : "a Namespace", &err);
		return;
	}
	lock(cluster);
	int seen = read < 0 ? ledger_lose(cluster->ledger, set == ledger_node ? LEDGER_NODES : LEDGER_NAMESPACES)
			    : set(cluster->ledger, meta.name, gone ? NULL : &meta.labels);
	unlock(cluster);
	if (seen)
		watches_seen(cluster, seen, meta.name);
}

void watches_namespace(struct ledger_cluster *cluster, struct str json)
{
	set_labels(cluster, json, false, ledger_namespace);
}

static void labels_begin_list(struct ledger_cluster *cluster, enum ledger_list list)
{
	lock(cluster);
	ledger_labels_begin(cluster->ledger, list);
	unlock(cluster);
}

/*
 * The watch of Pods starts once both namespaces and nodes are listed. Then every Pod is charged
 * once, and correctly.
 */
static void labels_end_list(struct ledger_cluster *cluster, enum ledger_list list, int watch)
{
	lock(cluster);
	int seen = ledger_labels_end(cluster->ledger, list);
	bool first = !cluster->synced[watch];
	cluster->synced[watch] = true;
	bool all = cluster->synced[WATCH_NAMESPACES] && cluster->synced[WATCH_NODES];
	unlock(cluster);
	if (seen)
		watches_seen(cluster, seen, STR(""));
	if (first && all)
		kube_watch_start(cluster->watches[WATCH_PODS]);
}

static void namespaces_begin(void *context)
{
	labels_begin_list(context, LEDGER_NAMESPACES);
}

static void namespaces_listed(void *context, struct str json)
{
	set_labels(context, json, false, ledger_namespace);
}

static void namespaces_synced(void *context, uint64_t version)
{
	(void)version;
	labels_end_list(context, LEDGER_NAMESPACES, WATCH_NAMESPACES);
}

static void namespaces_changed(void *context, bool gone, struct str json)
{
	set_labels(context, json, gone, ledger_namespace);
}

static void nodes_begin(void *context)
{
	labels_begin_list(context, LEDGER_NODES);
}

static void nodes_listed(void *context, struct str json)
{
	set_labels(context, json, false, ledger_node);
}

static void nodes_synced(void *context, uint64_t version)
{
	(void)version;
	labels_end_list(context, LEDGER_NODES, WATCH_NODES);
}

static void nodes_changed(void *context, bool gone, struct str json)
{
	set_labels(context, json, gone, ledger_node);
}

static void no_bookmark(void *context, uint64_t version)
{
	(void)context, (void)version;
}

/* --- All of them --- */

int watches_open(struct ledger_cluster *cluster, struct error *err)
{
	const struct kube_watch_options rows[WATCHES] = {
	    [WATCH_NAMESPACES] = {.name = "namespaces",
				  .path = "/api/v1/namespaces",
				  .metadata = true,
				  .events = {namespaces_begin, namespaces_listed, namespaces_synced, namespaces_changed,
					     no_bookmark, NULL}},
	    [WATCH_NODES] = {.name = "nodes",
			     .path = "/api/v1/nodes",
			     .metadata = true,
			     .events = {nodes_begin, nodes_listed, nodes_synced, nodes_changed, no_bookmark, NULL}},
	    [WATCH_PODS] = {.name = "pods",
			    .path = "/api/v1/pods",
			    .events = {pods_begin, pods_listed, pods_synced, pods_changed, pods_bookmark, NULL,
				       pods_turned}},
	    [WATCH_RECORD] = {.name = "gpuledgers", .path = LEDGER_OBJECTS_PATH, .events = record_events},
	};
	for (int i = 0; i < WATCHES; i++) {
		struct kube_watch_options options = rows[i];
		options.events.context = cluster;
		options.log = cluster->options.log;
		cluster->watches[i] = kube_watch_create(cluster->options.loop, cluster->options.client, &options, err);
		if (!cluster->watches[i])
			return -1;
		if (i != WATCH_PODS)
			kube_watch_start(cluster->watches[i]);
	}
	return 0;
}

bool watches_follow(const struct ledger_cluster *cluster)
{
	return kube_watch_live(cluster->watches[WATCH_PODS]);
}

void watches_restart(struct ledger_cluster *cluster)
{
	for (int i = 0; i < WATCHES; i++)
		kube_watch_relist(cluster->watches[i]);
	publish_restart(cluster);
}

void watches_close(struct ledger_cluster *cluster)
{
	for (int i = 0; i < WATCHES; i++)
		kube_watch_destroy(cluster->watches[i]);
}
