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
	    [LEDGER_NAMESPACES] = WATCH_NAMESPACES,
	    [LEDGER_NODES] = WATCH_NODES,
	    [LEDGER_PODS] = WATCH_PODS,
	    [LEDGER_CLAIMS] = WATCH_CLAIMS,
	};
	cluster_log(cluster, LOG_ERROR, "view_incomplete",
		    "there is no memory for the view; nothing is decided until it has been listed again");
	for (enum ledger_list list = 0; list < LEDGER_LISTS; list++) {
		lock(cluster);
		bool lost = ledger_lost(cluster->ledger, list);
		unlock(cluster);
		if (lost)
			kube_watch_relist(cluster->watches[watches[list]]);
	}
}

/* --- Pods and claims --- */

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

static void consumers_begin(void *context)
{
	struct view_part *part = context;
	struct ledger_cluster *cluster = part->cluster;
	lock(cluster);
	part->listing = true;
	part->version_before = ledger_view_version(cluster->ledger, part->kind);
	ledger_list_begin(cluster->ledger, part->kind);
	if (part->kind == CONSUMER_POD)
		peers_list_begin(&cluster->peers);
	unlock(cluster);
}

static void consumers_listed(void *context, struct str json)
{
	struct view_part *part = context;
	struct ledger_cluster *cluster = part->cluster;
	struct pod pod = {.present = true};
	uint64_t version = 0;
	enum pod_reading reading = view_read(cluster, part->kind, json, &pod, &version);
	lock(cluster);
	int seen = view_see(cluster, part->kind, reading, &pod, version, false);
	unlock(cluster);
	bool reformed = reading == POD_READ && see_peer(cluster, &pod, json, false);
	if (view_note(cluster, seen, pod.name) || reformed)
		cluster->step(cluster);
}

/* A list that is older than the view shows that the storage was restored. */
static void consumers_synced(void *context, uint64_t version)
{
	struct view_part *part = context;
	struct ledger_cluster *cluster = part->cluster;
	bool restored = version < part->version_before;
	int seen = 0;
	lock(cluster);
	part->listing = false;
	if (part->kind == CONSUMER_POD)
		peers_list_end(&cluster->peers);
	if (!restored)
		seen = ledger_list_end(cluster->ledger, part->kind, version, kube_now_ms());
	cluster->synced[consumer_watches[part->kind]] = !restored;
	unlock(cluster);
	choose_form(cluster);
	if (restored)
		view_discard(cluster, part->kind == CONSUMER_POD
					  ? "the Pods are of an older version than they were: the cluster's storage "
					    "was restored"
					  : "the ResourceClaims are of an older version than they were: the cluster's "
					    "storage was restored");
	else
		cluster->view.turned = true;
	view_note(cluster, seen, STR(""));
	cluster->step(cluster);
}

/*
 * [see] A change during a list does not advance the view, because it proves nothing about the
 * objects that are not listed yet.
 */
static void consumers_changed(void *context, bool gone, struct str json)
{
	struct view_part *part = context;
	struct ledger_cluster *cluster = part->cluster;
	struct pod pod = {.present = true};
	uint64_t version = 0;
	enum pod_reading reading = view_read(cluster, part->kind, json, &pod, &version);
	lock(cluster);
	int seen = view_see(cluster, part->kind, reading, &pod, version, gone);
	if (seen >= 0 && !part->listing)
		ledger_reach(cluster->ledger, part->kind, version);
	unlock(cluster);
	if (reading == POD_READ)
		see_peer(cluster, &pod, json, gone);
	view_note(cluster, seen, pod.name);
	cluster->step(cluster);
}

static void consumers_bookmark(void *context, uint64_t version)
{
	struct view_part *part = context;
	struct ledger_cluster *cluster = part->cluster;
	lock(cluster);
	ledger_reach(cluster->ledger, part->kind, version);
	unlock(cluster);
	cluster->step(cluster);
}

static void consumers_turned(void *context)
{
	struct view_part *part = context;
	part->cluster->view.turned = true;
	part->cluster->step(part->cluster);
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
 * The watches of Pods and claims start once both namespaces and nodes are listed. Then every Pod is
 * charged once, and correctly.
 */
static void labels_end_list(struct ledger_cluster *cluster, enum ledger_list list, int watch)
{
	lock(cluster);
	int seen = ledger_labels_end(cluster->ledger, list);
	bool first = !cluster->synced[watch];
	cluster->synced[watch] = true;
	bool all = cluster->synced[WATCH_NAMESPACES] && cluster->synced[WATCH_NODES];
	unlock(cluster);
	if (first && all) {
		kube_watch_start(cluster->watches[WATCH_PODS]);
		claims_api_ask(cluster);
	}
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

static const struct kube_watch_events consumer_events = {.begin = consumers_begin,
							 .listed = consumers_listed,
							 .synced = consumers_synced,
							 .changed = consumers_changed,
							 .bookmark = consumers_bookmark,
							 .turned = consumers_turned};

/* Sets the contexts of the callbacks: for a kind of consumer its part of the view. */
static void *context_of(struct ledger_cluster *cluster, int watch)
{
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		if (watch == consumer_watches[kind]) {
			struct view_part *part = &cluster->view.parts[kind];
			part->cluster = cluster;
			part->kind = kind;
			return part;
		}
	return cluster;
}

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
	    [WATCH_PODS] = {.path = "/api/v1/pods", .events = consumer_events},
	    [WATCH_CLAIMS] = {.events = consumer_events}, /* Its path is set by claims_api.c. */
	    [WATCH_CLASSES] = {.events = classes_events}, /* And this one by classes.c. */
	    [WATCH_SLICES] = {.events = slices_events},
	    [WATCH_RECORD] = {.path = LEDGER_OBJECTS_PATH, .events = record_events},
	};
	const bool later[WATCHES] = {
	    [WATCH_PODS] = true, [WATCH_CLAIMS] = true, [WATCH_CLASSES] = true, [WATCH_SLICES] = true};
	for (int i = 0; i < WATCHES; i++) {
		struct kube_watch_options options = rows[i];
		options.name = watches_names[i];
		options.events.context = context_of(cluster, i);
		options.log = cluster->options.log;
		cluster->watches[i] = kube_watch_create(cluster->options.loop, cluster->options.client, &options, err);
		if (!cluster->watches[i])
			return -1;
		if (!later[i])
			kube_watch_start(cluster->watches[i]);
	}
	return 0;
}

void watches_restart(struct ledger_cluster *cluster)
{
	const bool stopped[WATCHES] = {[WATCH_CLAIMS] = cluster->claims_api.state != CLAIMS_API_SERVED,
				       [WATCH_CLASSES] = !cluster->classes.path || !cluster->classes.started,
				       [WATCH_SLICES] = !cluster->slices.path || !cluster->slices.started};
	for (int i = 0; i < WATCHES; i++)
		if (!stopped[i])
			kube_watch_relist(cluster->watches[i]);
}

void watches_close(struct ledger_cluster *cluster)
{
	for (int i = 0; i < WATCHES; i++)
		kube_watch_destroy(cluster->watches[i]);
}
