/* ledger_upkeep: what time brings to the cluster's ledger: folding, sweeping, opening, and doubts. */
#include <stdio.h>

#include "webhook/kube_stream.h"
#include "webhook/ledger_cluster_state.h"
#include "webhook/ledger_document.h"
#include "webhook/ledger_entry.h"

#define TICK_MS 1000
#define FOLD_MS 2000                    /* after which a write folds, if no admission has done so */
#define DOUBT_MS 5000                   /* the view is behind for so long: is there such a version at all? */
#define RELIST_MS 15000                 /* ... for so long although there is: the watch does not work */
#define SEARCH_MS 10000                 /* of a search for one Pod */
#define QUESTION_MS 4000                /* of a doubt: admissions wait for it */
#define ANSWER_MAX KUBE_STREAM_ITEM_MAX /* bytes: its owner chooses how long a Pod's metadata are, to some extent */

/* One Pod of the cluster, of which the list's version is what is wanted, and that as little as possible. */
#define ONE_POD "/api/v1/pods?limit=1"

/* --- [sweep] --- */

/* Whether the list that was asked for could be read and does not have the Pod. */
static bool is_absent(struct ledger_cluster *cluster, const struct kube_answer *answer, struct str uid,
		      uint64_t *version)
{
	struct object_list list;
	struct error err = {0};
	arena_reset(&cluster->scratch);
	if (answer->status != 200 || object_list_read(answer->body, &cluster->scratch, &list, &err) < 0 ||
	    !kube_version(list.meta.resource_version, version))
		return false;
	for (uint32_t i = 0; i < list.count; i++)
		if (str_eq(list.items[i].uid, uid))
			return false;
	return true;
}

static void on_searched(void *context, const struct kube_answer *answer)
{
	struct upkeep_search *search = context;
	struct ledger_cluster *cluster = search->cluster;
	uint64_t version;
	cluster->upkeep.sweeping--;
	if (!is_absent(cluster, answer, str_of(search->uid), &version))
		return;
	cluster_count(cluster, COUNT_SWEPT);
	pthread_mutex_lock(&cluster->mutex);
	ledger_sweep(cluster->ledger, str_of(search->uid), version, kube_now_ms());
	pthread_mutex_unlock(&cluster->mutex);
}

struct overdue {
	struct buf paths[UPKEEP_SEARCHES];
	struct upkeep_search *searches; /* of the cluster */
	unsigned count;
};

/* Under the lock: notes what to look for. */
static void note_overdue(void *context, const struct holding *holding)
{
	struct overdue *overdue = context;
	struct buf *path = &overdue->paths[overdue->count];
	struct upkeep_search *search = &overdue->searches[overdue->count];
	if (holding->uid.len >= sizeof search->uid)
		return;
	snprintf(search->uid, sizeof search->uid, "%.*s", STR_ARG(holding->uid));
	buf_init(path, 4096);
	buf_text(path, "/api/v1/namespaces/");
	kube_escape(path, holding->namespace);
	buf_text(path, "/pods?fieldSelector=metadata.name%3D");
	kube_escape(path, holding->name);
	buf_char(path, '\0');
	overdue->count++;
}

static void look_for(struct ledger_cluster *cluster, const char *path, struct upkeep_search *search)
{
	search->cluster = cluster;
	cluster->upkeep.sweeping++;
	kube_call(cluster->options.client, &(struct kube_call){.method = "GET",
							       .path = path,
							       .accept = KUBE_METADATA_LIST,
							       .timeout_ms = SEARCH_MS,
							       .body_max = ANSWER_MAX,
							       .retry = true,
							       .done = on_searched,
							       .context = search});
}

static void sweep(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct overdue overdue = {.searches = cluster->upkeep.searches};
	if (cluster->upkeep.sweeping || cluster->object.state != OBJECT_OPEN)
		return;
	pthread_mutex_lock(&cluster->mutex);
	ledger_overdue(cluster->ledger, now_ms, UPKEEP_SEARCHES, note_overdue, &overdue);
	pthread_mutex_unlock(&cluster->mutex);
	for (unsigned i = 0; i < overdue.count; i++) {
		if (!overdue.paths[i].failed)
			look_for(cluster, overdue.paths[i].ptr, &overdue.searches[i]);
		buf_release(&overdue.paths[i]);
	}
}

/* --- [fold] --- */

static void fold(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct upkeep *upkeep = &cluster->upkeep;
	pthread_mutex_lock(&cluster->mutex);
	bool foldable = ledger_foldable(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	if (!foldable)
		upkeep->fold_ms = 0;
	else if (!upkeep->fold_ms)
		upkeep->fold_ms = now_ms + FOLD_MS + kube_random(cluster->options.loop, 0, FOLD_MS);
	if (!upkeep->fold_ms || now_ms < upkeep->fold_ms || !upkeep_current(cluster))
		return;
	if (object_writable(cluster))
		object_write(cluster);
	upkeep->fold_ms = 0;
}

/* --- Doubts --- */

static uint64_t turns(const struct ledger_cluster *cluster)
{
	struct kube_watch_counts counts;
	kube_watch_counts(cluster->watches[WATCH_PODS], &counts);
	return counts.turns;
}

bool upkeep_sure(const struct ledger_cluster *cluster)
{
	return cluster->upkeep.turns == turns(cluster);
}

bool upkeep_current(struct ledger_cluster *cluster)
{
	pthread_mutex_lock(&cluster->mutex);
	bool current = cluster->synced[WATCH_PODS] && !ledger_behind(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	return current && upkeep_sure(cluster);
}

static void on_version(void *context, const struct kube_answer *answer)
{
	struct ledger_cluster *cluster = context;
	struct upkeep *upkeep = &cluster->upkeep;
	struct object_meta meta = {0};
	struct error err = {0};
	uint64_t version;
	upkeep->asking = false;
	arena_reset(&cluster->scratch);
	if (answer->status != 200 || object_meta_read(answer->body, &cluster->scratch, &meta, &err) < 0 ||
	    !kube_version(meta.resource_version, &version)) {
		if (turns(cluster) != upkeep->turns_asked) /* else the next tick asks again */
			upkeep_doubt(cluster);
		return;
	}
	upkeep->turns = upkeep->turns_asked;
	if (version < upkeep->view_asked) {
		cluster_log(cluster, LOG_WARN, "view_restored",
			    "the cluster has not reached the version of the view: its storage was restored");
		pthread_mutex_lock(&cluster->mutex);
		ledger_forget(cluster->ledger);
		cluster->synced[WATCH_PODS] = false; /* no further doubts before the list is complete */
		pthread_mutex_unlock(&cluster->mutex);
		object_distrust(cluster);
		watches_restart(cluster);
		return;
	}
	if (!upkeep_sure(cluster))
		upkeep_doubt(cluster);
	asks_pump(cluster);
	pthread_mutex_lock(&cluster->mutex);
	bool behind = ledger_behind(cluster->ledger), impossible = ledger_version(cluster->ledger) > version;
	pthread_mutex_unlock(&cluster->mutex);
	if (!behind || cluster->object.state != OBJECT_OPEN)
		return;
	if (impossible) {
		object_resettle(cluster, "the ledger names a version that the cluster has not reached: it is of "
					 "another history");
	} else if (kube_now_ms() - upkeep->behind_ms > RELIST_MS) {
		upkeep->behind_ms = kube_now_ms();
		cluster_log(cluster, LOG_WARN, "view_stuck",
			    "the watch of Pods does not get on; they are listed again");
		kube_watch_relist(cluster->watches[WATCH_PODS]);
	}
}

/*
 * Two things are doubtful: a view that stays behind, and one whose watch was interrupted: meanwhile the storage may have been
 * restored, and a watch behind a version that is not reached yet would never say so. Those who wait are held up by one question at the
 * end of a watch and one at the next beginning; while the API server is gone nobody could write anyway.
 */
void upkeep_doubt(struct ledger_cluster *cluster)
{
	struct upkeep *upkeep = &cluster->upkeep;
	int64_t now_ms = kube_now_ms();
	pthread_mutex_lock(&cluster->mutex);
	bool synced = cluster->synced[WATCH_PODS], behind = synced && ledger_behind(cluster->ledger);
	uint64_t view = ledger_view_version(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	if (!behind)
		upkeep->behind_ms = 0;
	else if (!upkeep->behind_ms)
		upkeep->behind_ms = now_ms;
	atomic_store(&cluster->behind_ms, upkeep->behind_ms);
	bool stays_behind = behind && now_ms - upkeep->behind_ms >= DOUBT_MS;
	if (upkeep->asking || !synced || (!stays_behind && upkeep_sure(cluster)))
		return;
	upkeep->asking = true;
	upkeep->view_asked = view;
	upkeep->turns_asked = turns(cluster);
	kube_call(cluster->options.client, &(struct kube_call){.method = "GET",
							       .path = ONE_POD,
							       .accept = KUBE_METADATA_LIST,
							       .timeout_ms = QUESTION_MS,
							       .body_max = ANSWER_MAX,
							       .retry = true,
							       .done = on_version,
							       .context = cluster});
}

/* --- Nodes of no model --- */

/* Said once until there is no such Pod any more: the metric has their number. */
static void report_unfit(struct ledger_cluster *cluster)
{
	char text[1400] = "";
	pthread_mutex_lock(&cluster->mutex);
	const struct ledger_unfit unfit = ledger_unfit(cluster->ledger);
	bool some = unfit.of_no_model + unfit.of_several_models > 0;
	/* Looking for one takes a walk over all Pods under the lock: once, not at every tick. */
	const struct entry *entry = some && !cluster->upkeep.unfit_told ? ledger_unfit_example(cluster->ledger) : NULL;
	cluster->upkeep.unfit_told = some;
	if (entry)
		snprintf(text, sizeof text,
			 "Pod %.*s/%.*s is bound to node \"%.*s\", whose labels match %s: it is charged %s. Correct "
			 "the labels of "
			 "the node, or nodeLabels in the policy",
			 STR_ARG(entry->holding.namespace), STR_ARG(entry->holding.name),
			 STR_ARG(entry->placement->node_name),
			 entry->unfit & NODE_OF_NO_MODEL ? "no Accelerator that has what it asks for"
							 : "several Accelerators that have what it asks for",
			 entry->unfit & NODE_OF_NO_MODEL ? "as it was before it was bound"
							 : "as the most expensive of them");
	pthread_mutex_unlock(&cluster->mutex);
	if (text[0])
		cluster_log(cluster, LOG_WARN, "node_unmatched", text);
}

static void on_tick(void *context)
{
	struct ledger_cluster *cluster = context;
	struct kube_loop *loop = cluster->options.loop;
	int64_t now_ms = kube_now_ms();
	pthread_mutex_lock(&cluster->mutex);
	int seen = ledger_tick(cluster->ledger, now_ms);
	pthread_mutex_unlock(&cluster->mutex);
	if (seen)
		watches_seen(cluster, seen, STR(""));
	watches_read_stranger(cluster);
	asks_pump(cluster);
	object_tick(cluster, now_ms);
	sweep(cluster, now_ms);
	fold(cluster, now_ms);
	report_unfit(cluster);
	upkeep_doubt(cluster);
	kube_timer_set(loop, &cluster->upkeep.timer, TICK_MS * 3 / 4 + kube_random(loop, 0, TICK_MS / 2));
}

void upkeep_open(struct ledger_cluster *cluster)
{
	cluster->upkeep.timer = (struct kube_timer){.run = on_tick, .context = cluster};
	kube_timer_set(cluster->options.loop, &cluster->upkeep.timer, TICK_MS);
}
