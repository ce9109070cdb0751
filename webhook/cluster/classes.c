#include "webhook/cluster/classes.h"

#include <stdio.h>
#include <stdlib.h>

#include "webhook/cluster/state.h"
#include "webhook/object/device_class.h"
#include "webhook/object/meta.h"

#define PAUSE_MS 1000 /* Between two tables, each of which charges all Pods again. */
#define TOO_MANY "the cluster has more than 1024 DeviceClasses with an extendedResourceName"
#define UNREADABLE "a DeviceClass could not be read"
#define NO_MEMORY "there was no memory for a DeviceClass"
static const char unserved[] = "the API server does not serve deviceclasses, although it serves resource.k8s.io";
static const char forbidden[] = "gpugate needs the rights list and watch of deviceclasses (resource.k8s.io)";
_Static_assert(DEVICE_CLASSES_MAX == 1024, "a sentence names it");

/* --- The table --- */

static void set_gap(struct classes *classes, const char *gap)
{
	classes->changed |= classes->gap != gap;
	classes->gap = gap;
}

/* Something of the cluster is not in the table from now on, until it is listed again. */
static void miss(struct classes *classes, const char *gap)
{
	classes->missed = gap;
	/* Before the first list is complete, nothing is known anyway. */
	if (!classes->gap)
		set_gap(classes, gap);
}

static uint32_t find(const struct classes *classes, struct str name)
{
	uint32_t i = 0;
	while (i < classes->count && !str_eq(classes->items[i].name, name))
		i++;
	return i;
}

static void remove_at(struct classes *classes, uint32_t at)
{
	free((char *)(uintptr_t)classes->items[at].name.ptr);
	classes->count--;
	classes->items[at] = classes->items[classes->count];
	classes->unseen[at] = classes->unseen[classes->count];
	classes->changed = true;
}

/* Copies a class. Returns false without memory. */
static bool copy(const struct device_class *class, struct device_class *out)
{
	char *text = malloc(class->name.len + class->resource.len);
	if (!text)
		return false;
	memcpy(text, class->name.ptr, class->name.len);
	memcpy(text + class->name.len, class->resource.ptr, class->resource.len);
	*out = (struct device_class){.name = {text, class->name.len},
				     .resource = {text + class->name.len, class->resource.len},
				     .created_ms = class->created_ms};
	return true;
}

static void add(struct classes *classes, const struct device_class *class)
{
	if (classes->count == DEVICE_CLASSES_MAX) {
		miss(classes, TOO_MANY);
	} else if (copy(class, &classes->items[classes->count])) {
		classes->unseen[classes->count++] = false;
		classes->changed = true;
	} else {
		miss(classes, NO_MEMORY);
	}
}

/* Notes a class as it is now; without a resource name, it is none for the table. */
static void set(struct classes *classes, const struct device_class *class)
{
	uint32_t at = find(classes, class->name);
	bool known = at<classes->count, named = class->resource.len> 0;
	if (known && named && str_eq(classes->items[at].resource, class->resource) &&
	    classes->items[at].created_ms == class->created_ms) {
		classes->unseen[at] = false;
		return;
	}
	if (known)
		remove_at(classes, at);
	if (named)
		add(classes, class);
}

/* --- What follows from it --- */

static bool are_needed(const struct ledger_cluster *cluster)
{
	return policy_counts_claims(ledger_policy(cluster->ledger));
}

bool classes_are_awaited(const struct ledger_cluster *cluster)
{
	return atomic_load(&cluster->classes.awaited) && are_needed(cluster);
}

bool classes_are_incomplete(const struct ledger_cluster *cluster)
{
	return atomic_load(&cluster->classes.incomplete) && are_needed(cluster);
}

/* Logs what is known from now on. Nobody has to know of a list that has not ended. */
static void log_table(struct ledger_cluster *cluster)
{
	struct classes *classes = &cluster->classes;
	const char *gap = classes->gap;
	char text[600];
	if (!classes->settled)
		return;
	if (gap && gap != classes->logged) {
		snprintf(text, sizeof text,
			 "not all DeviceClasses of the cluster are known, since %s; onOutage decides about Pods that "
			 "request names that the policy does not write out",
			 gap);
		cluster_log(cluster, LOG_ERROR, "device_classes_unknown", text);
	} else if (!gap && (classes->count || classes->logged || atomic_load(&classes->known))) {
		snprintf(text, sizeof text, "%u DeviceClasses of the cluster give their devices a resource name",
			 classes->count);
		cluster_log(cluster, LOG_INFO, "device_classes", text);
	}
	classes->logged = gap;
}

/* Whether Pods may be charged again. What is waited for counts at once. */
static bool is_due(const struct classes *classes)
{
	bool wanted = classes->settled && atomic_load(&classes->awaited);
	return wanted || !classes->passed_ms || kube_now_ms() - classes->passed_ms >= PAUSE_MS;
}

/*
 * Passes the table on. If it is too early, there is no memory for that, or the policy is just being
 * loaded, the next tick tries again.
 */
static void pass_on(struct ledger_cluster *cluster)
{
	struct classes *classes = &cluster->classes;
	const struct device_classes table = {classes->items, classes->count, classes->gap};
	const struct ledger_cluster_options *options = &cluster->options;
	if (!classes->changed || !is_due(classes))
		return;
	if (options->classes && options->classes(options->classes_context, &table) < 0)
		return;
	classes->changed = false;
	classes->passed_ms = kube_now_ms();
	log_table(cluster);
	atomic_store(&classes->known, classes->count);
	atomic_store(&classes->incomplete, classes->gap != NULL);
	if (classes->settled)
		atomic_store(&classes->awaited, false);
}

/* What the cluster has is known, or nobody will tell. */
static void settle(struct ledger_cluster *cluster, const char *gap)
{
	set_gap(&cluster->classes, gap);
	cluster->classes.settled = true;
	pass_on(cluster);
}

static void start(struct ledger_cluster *cluster)
{
	struct classes *classes = &cluster->classes;
	pthread_mutex_lock(&cluster->mutex);
	bool needed = are_needed(cluster);
	pthread_mutex_unlock(&cluster->mutex);
	if (classes->started || !classes->path || !needed)
		return;
	classes->started = true;
	kube_watch_start(cluster->watches[WATCH_CLASSES]);
}

/* Nothing is known of them from now on, until they have been listed. */
static void await(struct ledger_cluster *cluster)
{
	set_gap(&cluster->classes, LEDGER_CLASSES_UNLISTED);
	cluster->classes.settled = false;
	atomic_store(&cluster->classes.awaited, true);
	pass_on(cluster);
}

/* They are served there: listed from there, whatever a watch of before has followed. */
static void serve_at(struct ledger_cluster *cluster, const char *path)
{
	struct classes *classes = &cluster->classes;
	struct kube_watch *watch = cluster->watches[WATCH_CLASSES];
	bool moved = classes->path != path, returned = !classes->path && classes->settled;
	classes->path = path;
	kube_watch_set_path(watch, path);
	if (moved && classes->started)
		kube_watch_relist(watch);
	if (returned)
		await(cluster);
	start(cluster);
}

void classes_serve(struct ledger_cluster *cluster, const char *path)
{
	struct classes *classes = &cluster->classes;
	if (path) {
		serve_at(cluster, path);
		return;
	}
	classes->path = NULL;
	while (classes->count)
		remove_at(classes, classes->count - 1);
	settle(cluster, NULL);
}

void classes_tick(struct ledger_cluster *cluster)
{
	start(cluster);
	pass_on(cluster);
}

void classes_open(struct ledger_cluster *cluster)
{
	cluster->classes.gap = LEDGER_CLASSES_UNLISTED;
	atomic_store(&cluster->classes.awaited, true);
	atomic_store(&cluster->classes.incomplete, true);
}

void classes_close(struct ledger_cluster *cluster)
{
	while (cluster->classes.count)
		remove_at(&cluster->classes, cluster->classes.count - 1);
}

/* --- The watch --- */

/* Returns false, and notes that an object of the cluster cannot be in the table. */
static bool note_unreadable(struct ledger_cluster *cluster, const struct error *err)
{
	view_note_unreadable(cluster, "a DeviceClass", err);
	miss(&cluster->classes, UNREADABLE);
	return false;
}

/* Reads an object. Returns false if that is not possible. */
static bool read_class(struct ledger_cluster *cluster, struct str json, struct device_class *class)
{
	struct error err = {0};
	arena_reset(&cluster->scratch);
	return device_class_read(json, &cluster->scratch, class, &err) == 0 || note_unreadable(cluster, &err);
}

/* Reads one that was deleted: only its name, so that it may be one that could not be read. */
static bool read_gone(struct ledger_cluster *cluster, struct str json, struct device_class *class)
{
	struct object_meta meta = {0};
	struct error err = {0};
	arena_reset(&cluster->scratch);
	if (object_meta_read(json, &cluster->scratch, &meta, &err) < 0)
		return note_unreadable(cluster, &err);
	*class = (struct device_class){.name = meta.name};
	return true;
}

static void on_begin(void *context)
{
	struct classes *classes = &((struct ledger_cluster *)context)->classes;
	memset(classes->unseen, true, sizeof classes->unseen);
	classes->missed = NULL;
	classes->listing = true;
}

static void on_listed(void *context, struct str json)
{
	struct ledger_cluster *cluster = context;
	struct device_class class;
	if (read_class(cluster, json, &class))
		set(&cluster->classes, &class);
}

static void on_synced(void *context, uint64_t version)
{
	struct ledger_cluster *cluster = context;
	struct classes *classes = &cluster->classes;
	(void)version;
	for (uint32_t i = classes->count; i > 0; i--)
		if (classes->unseen[i - 1])
			remove_at(classes, i - 1);
	classes->listing = false;
	settle(cluster, classes->missed);
	cluster->step(cluster);
}

/*
 * What could not be kept is listed again once it may be possible. If something is deleted, that may
 * be so even during a list.
 */
static void on_changed(void *context, bool gone, struct str json)
{
	struct ledger_cluster *cluster = context;
	struct classes *classes = &cluster->classes;
	struct device_class class;
	bool read = gone ? read_gone(cluster, json, &class) : read_class(cluster, json, &class);
	bool better = gone || (read && !classes->listing);
	if (read)
		set(classes, &class);
	if (classes->missed && better && classes->count < DEVICE_CLASSES_MAX)
		kube_watch_relist(cluster->watches[WATCH_CLASSES]);
	/* The first change counts at once. More of them wait for the tick, which takes all. */
	pass_on(cluster);
}

static void on_bookmark(void *context, uint64_t version)
{
	(void)context, (void)version;
}

/*
 * An older ClusterRole lacks the right, or the resource is turned off. That can last, and does not
 * stop what can be decided without the classes. Any other failure is waited for, as with the other
 * watches. The watch logs what the API server says, and tries again.
 */
static void on_list_failed(void *context, unsigned status, const char *problem)
{
	struct ledger_cluster *cluster = context;
	(void)problem;
	if (cluster->classes.path && status == 403)
		settle(cluster, forbidden);
	else if (cluster->classes.path && status == 404)
		settle(cluster, unserved);
}

const struct kube_watch_events classes_events = {.begin = on_begin,
						 .listed = on_listed,
						 .synced = on_synced,
						 .changed = on_changed,
						 .bookmark = on_bookmark,
						 .list_failed = on_list_failed};
