/* ledger_watch: what the watches of Pods, Namespaces and Nodes tell, put into the ledger's view. */
#include <stdio.h>

#include "webhook/ledger_cluster_state.h"
#include "webhook/ledger_document.h"
#include "webhook/review_read.h"

#define STRANGER_MS 4000 /* to read one namespace */

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
	snprintf(text, sizeof text, "%s of the API server cannot be read and is not counted: %s", what, err->text);
	cluster_log(cluster, LOG_ERROR, "object_unreadable", text);
}

void watches_seen(struct ledger_cluster *cluster, int seen, struct str name)
{
	if (seen < 0) {
		cluster_log(cluster, LOG_ERROR, "view_incomplete",
			    "there is no memory for the view; it is listed again");
		kube_watch_relist(cluster->watches[WATCH_PODS]);
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
		asks_again(cluster, false);
	else
		asks_pump(cluster);
}

/* --- Pods --- */

/* Returns whether the Pod could be read; its version with it. */
static bool read_pod(struct ledger_cluster *cluster, struct str json, struct pod *pod, uint64_t *version)
{
	struct error err = {0};
	arena_reset(&cluster->scratch);
	if (review_read_pod(json.ptr, json.len, &cluster->scratch, pod, &err) == 0 &&
	    kube_version(pod->resource_version, version) && pod->uid.len > 0)
		return true;
	error_set(&err, "it has no uid or resourceVersion");
	note_unreadable(cluster, "a Pod", &err);
	return false;
}

static void see_peer(struct ledger_cluster *cluster, const struct pod *pod, struct str json, bool gone)
{
	if (!peer_is_one(pod, cluster->options.namespace))
		return;
	bool ready = !gone && peer_is_ready(json);
	lock(cluster);
	peers_see(&cluster->peers, pod, ready, gone);
	unlock(cluster);
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
	struct pod pod;
	uint64_t version;
	if (!read_pod(cluster, json, &pod, &version))
		return;
	lock(cluster);
	int seen = ledger_see(cluster->ledger, &pod, version, false, kube_now_ms());
	unlock(cluster);
	see_peer(cluster, &pod, json, false);
	if (seen)
		watches_seen(cluster, seen, pod.name);
}

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
	if (restored) {
		cluster_log(cluster, LOG_WARN, "view_restored",
			    "the Pods are of an older version than they were: the cluster's storage was restored");
		object_distrust(cluster);
		watches_restart(cluster);
		return;
	}
	object_listed(cluster);
	upkeep_doubt(cluster);
	watches_seen(cluster, seen, STR(""));
}

/* [see] What changes while a list is still coming says nothing of what has not come yet: the view does not get on by it. */
static void pods_changed(void *context, bool gone, struct str json)
{
	struct ledger_cluster *cluster = context;
	struct pod pod;
	uint64_t version;
	if (!read_pod(cluster, json, &pod, &version))
		return;
	lock(cluster);
	int seen = ledger_see(cluster->ledger, &pod, version, gone, kube_now_ms());
	if (seen >= 0 && !cluster->listing)
		ledger_reach(cluster->ledger, version);
	unlock(cluster);
	see_peer(cluster, &pod, json, gone);
	watches_seen(cluster, seen, pod.name);
}

static void pods_bookmark(void *context, uint64_t version)
{
	struct ledger_cluster *cluster = context;
	lock(cluster);
	ledger_reach(cluster->ledger, version);
	unlock(cluster);
	asks_pump(cluster);
}

static void pods_turned(void *context)
{
	upkeep_doubt(context);
}

/* --- Namespaces and Nodes --- */

typedef int set_fn(struct ledger *ledger, struct str name, const struct pairs *labels);

static void set_labels(struct ledger_cluster *cluster, struct str json, bool gone, set_fn *set)
{
	struct object_meta meta;
	struct error err = {0};
	arena_reset(&cluster->scratch);
	if (object_meta_read(json, &cluster->scratch, &meta, &err) < 0) {
		note_unreadable(cluster, set == ledger_node ? "a Node" : "a Namespace", &err);
		return;
	}
	lock(cluster);
	int seen = set(cluster->ledger, meta.name, gone ? NULL : &meta.labels);
	unlock(cluster);
	if (seen)
		watches_seen(cluster, seen, meta.name);
}

void watches_namespace(struct ledger_cluster *cluster, struct str json)
{
	set_labels(cluster, json, false, ledger_namespace);
}

static void on_stranger(void *context, const struct kube_answer *got)
{
	struct ledger_cluster *cluster = context;
	struct str name = str_of(cluster->stranger);
	const struct pairs none = {.present = true};
	lock(cluster);
	bool known = ledger_namespace_labels(cluster->ledger, name);
	if (!known && got->status == 404)
		ledger_namespace(cluster->ledger, name, &none);
	unlock(cluster);
	if (!known && got->status == 200)
		watches_namespace(cluster, got->body);
	asks_pump(cluster); /* begins no other read: one that failed is tried again with the next tick */
	struct str next;
	lock(cluster);
	bool more = ledger_stranger(cluster->ledger, &next) && !str_eq(next, name);
	unlock(cluster);
	cluster->stranger[0] = '\0';
	if (more)
		watches_read_stranger(cluster);
}

void watches_read_stranger(struct ledger_cluster *cluster)
{
	struct str name;
	struct buf path;
	if (cluster->stranger[0])
		return;
	buf_init(&path, 4096);
	lock(cluster);
	if (ledger_stranger(cluster->ledger, &name) && name.len < sizeof cluster->stranger) {
		snprintf(cluster->stranger, sizeof cluster->stranger, "%.*s", STR_ARG(name));
		buf_text(&path, "/api/v1/namespaces/");
		kube_escape(&path, name);
		buf_char(&path, '\0');
	}
	unlock(cluster);
	if (cluster->stranger[0] && !path.failed)
		kube_call(cluster->options.client, &(struct kube_call){.method = "GET",
								       .path = path.ptr,
								       .accept = KUBE_METADATA,
								       .timeout_ms = STRANGER_MS,
								       .retry = true,
								       .done = on_stranger,
								       .context = cluster});
	else
		cluster->stranger[0] = '\0';
	buf_release(&path);
}

static void labels_begin_list(struct ledger_cluster *cluster, enum ledger_list list)
{
	lock(cluster);
	ledger_labels_begin(cluster->ledger, list);
	unlock(cluster);
}

/* Pods are listed when it is known where they belong: then each of them is charged once. */
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
	    [WATCH_OBJECT] = {.name = "gpuledgers", .path = LEDGER_OBJECTS_PATH, .events = object_events},
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
