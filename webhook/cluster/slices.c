#include "webhook/cluster/slices.h"

#include <stdio.h>
#include <stdlib.h>

#include "webhook/cluster/state.h"
#include "webhook/object/meta.h"

#define PAUSE_MS 1000   /* Between two changes, each of which passes over all Pods. */
#define AGAIN_MS 300000 /* Until those that could not be kept are listed again. */
static const char too_many[] = "the cluster has more than 65536 of them, or there is no memory";
static const char unreadable[] = "one could not be read";
static const char unserved[] = "the API server does not serve resourceslices, although it serves resource.k8s.io";
static const char forbidden[] = "gpugate needs the rights list and watch of resourceslices (resource.k8s.io)";
_Static_assert(RESOURCE_SLICES_MAX == 65536, "a sentence names it");

/* --- What follows from them --- */

/* Logs it once if not all are known. Once they are, what they say is logged again. */
static void note_gap(struct ledger_cluster *cluster, const char *gap)
{
	struct slices *slices = &cluster->slices;
	char text[600];
	if (gap && gap != slices->logged) {
		snprintf(text, sizeof text,
			 "not all ResourceSlices of the cluster are known, since %s; Pods stay charged as before they "
			 "were bound, if their nodes have no label of the product and no known ResourceSlice",
			 gap);
		cluster_log(cluster, LOG_WARN, "resource_slices_unknown", text);
	}
	slices->announced &= !gap;
	slices->logged = gap;
}

static void log_nodes(struct ledger_cluster *cluster, uint32_t nodes)
{
	char text[200];
	snprintf(text, sizeof text, "ResourceSlices of the cluster name the products of %u nodes", nodes);
	cluster_log(cluster, LOG_INFO, "resource_slices", text);
}

/*
 * Tells the ledger. If it is too early, or there is no memory for that, the next tick tries again.
 * Returns whether some Pods are charged otherwise.
 */
static bool pass_on(struct ledger_cluster *cluster)
{
	struct slices *slices = &cluster->slices;
	struct named_pairs *nodes = NULL;
	uint32_t count = 0;
	int seen;
	if (!slices->changed || !slices->listed ||
	    (slices->passed_ms && kube_now_ms() - slices->passed_ms < PAUSE_MS) ||
	    slice_table_nodes(&slices->table, &nodes, &count) < 0)
		return false;
	if (!slices->announced && !slices->logged) {
		log_nodes(cluster, count);
		slices->announced = true;
	}
	pthread_mutex_lock(&cluster->mutex);
	slices->changed = ledger_set_devices(cluster->ledger, nodes, count, &seen) < 0;
	pthread_mutex_unlock(&cluster->mutex);
	free(nodes);
	slices->passed_ms = kube_now_ms();
	/* What has become free wakes those who wait, even if the rest has to be tried again. */
	return seen && view_note(cluster, seen, STR(""));
}

static void start(struct ledger_cluster *cluster)
{
	struct slices *slices = &cluster->slices;
	if (slices->started || !slices->path)
		return;
	pthread_mutex_lock(&cluster->mutex);
	slices->started = policy_reads_nodes(ledger_policy(cluster->ledger));
	pthread_mutex_unlock(&cluster->mutex);
	if (slices->started)
		kube_watch_start(cluster->watches[WATCH_SLICES]);
}

void slices_serve(struct ledger_cluster *cluster, const char *path)
{
	struct slices *slices = &cluster->slices;
	bool moved = slices->path != path;
	slices->path = path;
	if (path) {
		kube_watch_set_path(cluster->watches[WATCH_SLICES], path);
		if (moved && slices->started)
			kube_watch_relist(cluster->watches[WATCH_SLICES]);
		start(cluster);
		return;
	}
	slice_table_list_begin(&slices->table);
	slices->changed |= slice_table_list_end(&slices->table);
	note_gap(cluster, NULL);
	pass_on(cluster);
}

/* What was not kept is listed again from time to time. */
static void list_again(struct ledger_cluster *cluster)
{
	struct slices *slices = &cluster->slices;
	int64_t now_ms = kube_now_ms();
	if (!slices->listed || !slices->missed) {
		slices->again_ms = now_ms + AGAIN_MS;
	} else if (now_ms >= slices->again_ms) {
		slices->again_ms = now_ms + AGAIN_MS;
		kube_watch_relist(cluster->watches[WATCH_SLICES]);
	}
}

void slices_tick(struct ledger_cluster *cluster)
{
	start(cluster);
	list_again(cluster);
	pass_on(cluster);
}

void slices_close(struct ledger_cluster *cluster)
{
	slice_table_release(&cluster->slices.table);
}

/* --- The watch --- */

/* Forgets what the slice said before, if its name can be read. */
static void set_unreadable(struct ledger_cluster *cluster, struct str json, const struct error *err)
{
	struct slices *slices = &cluster->slices;
	struct object_meta meta = {0};
	struct error ignored = {0};
	view_note_unreadable(cluster, "a ResourceSlice", err);
	slices->missed = unreadable;
	arena_reset(&cluster->scratch);
	if (object_meta_read(json, &cluster->scratch, &meta, &ignored) == 0)
		slices->changed |= slice_table_remove(&slices->table, meta.name);
}

static void set(struct ledger_cluster *cluster, struct str json)
{
	struct slices *slices = &cluster->slices;
	struct resource_slice slice;
	struct error err = {0};
	arena_reset(&cluster->scratch);
	if (resource_slice_read(json, &cluster->scratch, &slice, &err) < 0) {
		set_unreadable(cluster, json, &err);
		return;
	}
	int changed = slice_table_set(&slices->table, &slice);
	if (changed < 0) { /* What it said before may be wrong by now. */
		slices->missed = too_many;
		changed = slice_table_remove(&slices->table, slice.name);
	}
	slices->changed |= changed > 0;
}

static void forget(struct ledger_cluster *cluster, struct str json)
{
	struct slices *slices = &cluster->slices;
	struct object_meta meta = {0};
	struct error err = {0};
	arena_reset(&cluster->scratch);
	if (object_meta_read(json, &cluster->scratch, &meta, &err) < 0)
		view_note_unreadable(cluster, "a ResourceSlice", &err);
	else
		slices->changed |= slice_table_remove(&slices->table, meta.name);
}

static void on_begin(void *context)
{
	struct slices *slices = &((struct ledger_cluster *)context)->slices;
	slice_table_list_begin(&slices->table);
	slices->missed = NULL;
}

static void on_listed(void *context, struct str json)
{
	set(context, json);
}

static void on_synced(void *context, uint64_t version)
{
	struct ledger_cluster *cluster = context;
	struct slices *slices = &cluster->slices;
	(void)version;
	slices->changed |= slice_table_list_end(&slices->table) || !slices->announced;
	slices->listed = true;
	note_gap(cluster, slices->missed);
	if (pass_on(cluster))
		cluster->step(cluster);
}

static void on_changed(void *context, bool gone, struct str json)
{
	struct ledger_cluster *cluster = context;
	if (gone)
		forget(cluster, json);
	else
		set(cluster, json);
	if (cluster->slices.listed)
		note_gap(cluster, cluster->slices.missed);
	/* The first change counts at once. More of them wait for the tick, which takes all. */
	if (pass_on(cluster))
		cluster->step(cluster);
}

static void on_bookmark(void *context, uint64_t version)
{
	(void)context, (void)version;
}

/*
 * An older ClusterRole lacks the right, or the resource is turned off. The watch tries again, and
 * what was known before stays.
 */
static void on_list_failed(void *context, unsigned status, const char *problem)
{
	struct ledger_cluster *cluster = context;
	(void)problem;
	if (cluster->slices.path && (status == 403 || status == 404))
		note_gap(cluster, status == 403 ? forbidden : unserved);
}

const struct kube_watch_events slices_events = {.begin = on_begin,
						.listed = on_listed,
						.synced = on_synced,
						.changed = on_changed,
						.bookmark = on_bookmark,
						.list_failed = on_list_failed};
