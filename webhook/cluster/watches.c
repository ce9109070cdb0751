#include "webhook/cluster/watches.h"

#include <stdio.h>

#include "webhook/cluster/document.h"
#include "webhook/cluster/state.h"

#define NAME(index, group, resource, ...) [index] = (resource),
const char *const watches_names[WATCHES + 1] = {WATCHED_RESOURCES(NAME)};
#undef NAME

static void lock(struct ledger_cluster *cluster)
{
	pthread_mutex_lock(&cluster->mutex);
}

static void unlock(struct ledger_cluster *cluster)
{
	pthread_mutex_unlock(&cluster->mutex);
}

void watches_relist_lost(struct ledger_cluster *cluster)
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

/* --- Pods --- */

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
 * only an older form may be about to start, so the next step rewrites the record if it must.
 * Returns whether the form has changed.
 */
static bool choose_form(struct ledger_cluster *cluster)
{
	char text[200];
	lock(cluster);
	unsigned before = ledger_form(cluster->ledger), form = peers_form(&cluster->peers);
	ledger_set_form(cluster->ledger, form);
	unlock(cluster);
	if (form == before)
		return false;
	snprintf(text, sizeof text, "the ledger is written in form %u from now on: %s", form,
		 form < before ? "a Pod of gpugate reads no newer one" : "all Pods of gpugate read it");
	cluster_log(cluster, LOG_INFO, "ledger_form", text);
	return true;
}

/*
 * Notes a Pod if it is one of gpugate's own. Called without the mutex. Returns whether that changes
 * the form of the ledger's text.
 */
static bool see_peer(struct ledger_cluster *cluster, const struct pod *pod, struct str json, bool gone)
{
	if (!peer_is_one(pod, cluster->options.namespace))
		return false;
	bool ready = !gone && peer_is_ready(json);
	lock(cluster);
	peers_see(&cluster->peers, pod, ready, gone);
	unlock(cluster);
	return choose_form(cluster);
}

static void pods_begin(void *context)
{
	struct ledger_cluster *cluster = context;
	lock(cluster);
	cluster->view.listing = true;
	cluster->view.version_before = ledger_view_version(cluster->ledger);
	ledger_list_begin(cluster->ledger);
	peers_list_begin(&cluster->peers);
	unlock(cluster);
}

static void pods_listed(void *context, struct str json)
{
	struct ledger_cluster *cluster = context;
	struct pod pod = {.present = true};
	uint64_t version = 0;
	enum pod_reading reading = view_read_pod(cluster, json, &pod, &version);
	lock(cluster);
	int seen = see_pod(cluster, reading, &pod, version, false);
	unlock(cluster);
	bool reformed = reading == POD_READ && see_peer(cluster, &pod, json, false);
	if (view_note(cluster, seen, pod.name) || reformed)
		cluster->step(cluster);
}

/* A list of Pods that is older than the view shows that the storage was restored. */
static void pods_synced(void *context, uint64_t version)
{
	struct ledger_cluster *cluster = context;
	bool restored = version < cluster->view.version_before;
	int seen = 0;
	lock(cluster);
	cluster->view.listing = false;
	peers_list_end(&cluster->peers);
	if (!restored)
		seen = ledger_list_end(cluster->ledger, version, kube_now_ms());
	cluster->synced[WATCH_PODS] = !restored;
	unlock(cluster);
	choose_form(cluster);
	if (restored)
		view_discard(cluster, "the Pods are of an older version than they were: the cluster's storage was "
				      "restored");
	else
		cluster->view.turned = true;
	view_note(cluster, seen, STR(""));
	cluster->step(cluster);
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
	enum pod_reading reading = view_read_pod(cluster, json, &pod, &version);
	lock(cluster);
	int seen = see_pod(cluster, reading, &pod, version, gone);
	if (seen >= 0 && !cluster->view.listing)
		ledger_reach(cluster->ledger, version);
	unlock(cluster);
	if (reading == POD_READ)
		see_peer(cluster, &pod, json, gone);
	view_note(cluster, seen, pod.name);
	cluster->step(cluster);
}

static void pods_bookmark(void *context, uint64_t version)
{
	struct ledger_cluster *cluster = context;
	lock(cluster);
	ledger_reach(cluster->ledger, version);
	unlock(cluster);
	cluster->step(cluster);
}

static void pods_turned(void *context)
{
	struct ledger_cluster *cluster = context;
	cluster->view.turned = true;
	cluster->step(cluster);
}

/* --- Namespaces and Nodes --- */

static void set_labels(struct ledger_cluster *cluster, struct str json, bool gone, enum ledger_list list)
{
	if (view_set_labels(cluster, json, gone, list))
		cluster->step(cluster);
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
	if (first && all)
		kube_watch_start(cluster->watches[WATCH_PODS]);
	if (view_note(cluster, seen, STR("")))
		cluster->step(cluster);
}

static void namespaces_begin(void *context)
{
	labels_begin_list(context, LEDGER_NAMESPACES);
}

static void namespaces_listed(void *context, struct str json)
{
	set_labels(context, json, false, LEDGER_NAMESPACES);
}

static void namespaces_synced(void *context, uint64_t version)
{
	(void)version;
	labels_end_list(context, LEDGER_NAMESPACES, WATCH_NAMESPACES);
}

static void namespaces_changed(void *context, bool gone, struct str json)
{
	set_labels(context, json, gone, LEDGER_NAMESPACES);
}

static void nodes_begin(void *context)
{
	labels_begin_list(context, LEDGER_NODES);
}

static void nodes_listed(void *context, struct str json)
{
	set_labels(context, json, false, LEDGER_NODES);
}

static void nodes_synced(void *context, uint64_t version)
{
	(void)version;
	labels_end_list(context, LEDGER_NODES, WATCH_NODES);
}

static void nodes_changed(void *context, bool gone, struct str json)
{
	set_labels(context, json, gone, LEDGER_NODES);
}

static void no_bookmark(void *context, uint64_t version)
{
	(void)context, (void)version;
}

/* --- All of them --- */

int watches_open(struct ledger_cluster *cluster, struct error *err)
{
	const struct kube_watch_options rows[WATCHES] = {
	    [WATCH_NAMESPACES] = {.path = "/api/v1/namespaces",
				  .metadata = true,
				  .events = {namespaces_begin, namespaces_listed, namespaces_synced, namespaces_changed,
					     no_bookmark, NULL}},
	    [WATCH_NODES] = {.path = "/api/v1/nodes",
			     .metadata = true,
			     .events = {nodes_begin, nodes_listed, nodes_synced, nodes_changed, no_bookmark, NULL}},
	    [WATCH_PODS] = {.path = "/api/v1/pods",
			    .events = {pods_begin, pods_listed, pods_synced, pods_changed, pods_bookmark, NULL,
				       pods_turned}},
	    [WATCH_RECORD] = {.path = LEDGER_OBJECTS_PATH, .events = record_events},
	};
	for (int i = 0; i < WATCHES; i++) {
		struct kube_watch_options options = rows[i];
		options.name = watches_names[i];
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

void watches_restart(struct ledger_cluster *cluster)
{
	for (int i = 0; i < WATCHES; i++)
		kube_watch_relist(cluster->watches[i]);
}

void watches_close(struct ledger_cluster *cluster)
{
	for (int i = 0; i < WATCHES; i++)
		kube_watch_destroy(cluster->watches[i]);
}
