/* ledger_upkeep: what time brings to the cluster's ledger: folding, sweeping, and the question which version the cluster has reached. */
#include <stdio.h>

#include "webhook/cluster/document.h"
#include "webhook/cluster/state.h"
#include "webhook/kube/stream.h"
#include "webhook/ledger/entry.h"

#define TICK_MS 1000
#define FOLD_MS 2000                    /* after which a write folds, if no admission has done so */
#define BEHIND_MS 5000                  /* the view is behind for so long: is there such a version at all? */
#define QUIET_MS 1500                   /* without an event of a Pod although one is waited for: they are listed */
#define RELIST_MS 60000                 /* ... and again, as the list may have failed */
#define QUERY_MS 4000                   /* to be answered: admissions may wait for it */
#define ANSWER_MAX KUBE_STREAM_ITEM_MAX /* bytes: its owner chooses how long a Pod's metadata are, to some extent */

/* One Pod of the cluster, of which the list's version is what is wanted, and that as little as possible. */
#define ONE_POD "/api/v1/pods?limit=1"

/* --- [fold] --- */

static void fold(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct maintenance *maintenance = &cluster->maintenance;
	pthread_mutex_lock(&cluster->mutex);
	bool foldable = ledger_foldable(cluster->ledger, now_ms);
	pthread_mutex_unlock(&cluster->mutex);
	if (!foldable)
		maintenance->fold_ms = 0;
	else if (!maintenance->fold_ms)
		maintenance->fold_ms = now_ms + FOLD_MS + kube_random(cluster->options.loop, 0, FOLD_MS);
	if (!maintenance->fold_ms || now_ms < maintenance->fold_ms || !maintenance_is_current(cluster))
		return;
	if (record_is_writable(cluster))
		record_write(cluster);
	maintenance->fold_ms = 0;
}

/* --- [sweep] --- */

static void sweep(struct ledger_cluster *cluster, int64_t now_ms)
{
	if (cluster->record.state != RECORD_OPEN)
		return;
	pthread_mutex_lock(&cluster->mutex);
	uint32_t swept = ledger_sweep(cluster->ledger, now_ms);
	pthread_mutex_unlock(&cluster->mutex);
	atomic_fetch_add_explicit(&cluster->counts[COUNT_SWEPT], swept, memory_order_relaxed);
	if (swept)
		queue_retry(cluster, false);
}

/*
 * Where Pods seldom change, no event may come for long, and a bookmark only once a minute. Such a cluster is small, or it would not be
 * quiet: then a list gets the view on.
 */
static void relist_if_quiet(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct maintenance *maintenance = &cluster->maintenance;
	pthread_mutex_lock(&cluster->mutex);
	bool waits =
	    cluster->record.state == RECORD_OPEN ? ledger_awaits_sweep(cluster->ledger) : record_awaits_view(cluster);
	uint64_t version = ledger_view_version(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	if (!waits || cluster->listing) {
		maintenance->quiet_ms = 0;
	} else if (!maintenance->quiet_ms || version != maintenance->quiet_version) {
		maintenance->quiet_version = version;
		maintenance->quiet_ms = now_ms + QUIET_MS + kube_random(cluster->options.loop, 0, QUIET_MS);
	} else if (now_ms >= maintenance->quiet_ms) {
		maintenance->quiet_ms = now_ms + RELIST_MS;
		cluster_log(cluster, LOG_INFO, "view_quiet",
			    "something waits for an event of a Pod, and none comes: the Pods are listed");
		kube_watch_relist(cluster->watches[WATCH_PODS]);
	}
}

/* --- Which version the cluster has reached --- */

static uint64_t turn_of(const struct ledger_cluster *cluster)
{
	struct kube_watch_counts counts;
	kube_watch_counts(cluster->watches[WATCH_PODS], &counts);
	return counts.turns;
}

bool maintenance_is_verified(const struct ledger_cluster *cluster)
{
	return cluster->maintenance.verified_turn == turn_of(cluster);
}

bool maintenance_is_current(struct ledger_cluster *cluster)
{
	pthread_mutex_lock(&cluster->mutex);
	bool current = cluster->synced[WATCH_PODS] && !ledger_behind(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	return current && maintenance_is_verified(cluster);
}

/* V goes on all the time: what tells how late the view is, is how long it takes to reach a V once seen. */
static void update_behind(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct maintenance *maintenance = &cluster->maintenance;
	pthread_mutex_lock(&cluster->mutex);
	bool behind = cluster->synced[WATCH_PODS] && ledger_behind(cluster->ledger);
	uint64_t version = ledger_version(cluster->ledger), view = ledger_view_version(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	if (!behind) {
		maintenance->behind_ms = 0;
	} else if (!maintenance->behind_ms || view >= maintenance->behind_version) {
		maintenance->behind_ms = now_ms;
		maintenance->behind_version = version;
	}
	atomic_store(&cluster->behind_ms, maintenance->behind_ms);
}

/* The storage was restored: nothing that is known of it can be relied on. */
static void discard_all(struct ledger_cluster *cluster)
{
	cluster_log(cluster, LOG_WARN, "view_restored",
		    "the cluster has not reached the version of the view: its storage was restored");
	pthread_mutex_lock(&cluster->mutex);
	ledger_forget(cluster->ledger);
	cluster->synced[WATCH_PODS] = false; /* no further questions before the list is complete */
	pthread_mutex_unlock(&cluster->mutex);
	record_invalidate(cluster);
	watches_restart(cluster);
}

static void on_version(void *context, const struct kube_answer *answer)
{
	struct ledger_cluster *cluster = context;
	struct maintenance *maintenance = &cluster->maintenance;
	struct version_query *query = &maintenance->query;
	struct record *record = &cluster->record;
	struct object_meta meta = {0};
	struct error err = {0};
	uint64_t version;
	query->in_flight = false;
	arena_reset(&cluster->scratch);
	if (answer->status != 200 || object_meta_read(answer->body, &cluster->scratch, &meta, &err) < 0 ||
	    !kube_version(meta.resource_version, &version)) {
		if (turn_of(cluster) != query->turn) /* else the next tick asks again */
			maintenance_ask_version(cluster);
		return;
	}
	pthread_mutex_lock(&cluster->mutex);
	bool restored = version < query->view && ledger_view_version(cluster->ledger) >= query->view;
	if (!restored)
		ledger_due(cluster->ledger, version, query->asked_ms);
	pthread_mutex_unlock(&cluster->mutex);
	if (restored) {
		discard_all(cluster);
		return;
	}
	maintenance->verified_turn = query->turn;
	if (version < query->ledger && record->state == RECORD_OPEN && strcmp(record->uid, query->uid) == 0)
		record_reset(cluster, "the ledger names a version that the cluster has not reached: it is of "
				      "another history");
	if (record_wants_version(cluster, query->asked_ms))
		record_settled(cluster, version);
	if (!maintenance_is_verified(cluster))
		maintenance_ask_version(cluster);
	queue_retry(cluster, false); /* the view may follow the cluster again */
}

static bool needs_version(struct ledger_cluster *cluster, int64_t now_ms)
{
	const struct maintenance *maintenance = &cluster->maintenance;
	if (!maintenance_is_verified(cluster) || record_wants_version(cluster, now_ms) ||
	    (maintenance->behind_ms && now_ms - maintenance->behind_ms >= BEHIND_MS && !cluster->listing))
		return true;
	pthread_mutex_lock(&cluster->mutex);
	bool overdue = cluster->record.state == RECORD_OPEN && ledger_overdue(cluster->ledger, now_ms);
	pthread_mutex_unlock(&cluster->mutex);
	return overdue;
}

/*
 * After a restore, a watch that begins behind a version which is not reached yet would never say so. So those who wait are held up by
 * one question at the end of a watch and one at the next beginning; while the API server is gone nobody could write anyway.
 */
void maintenance_ask_version(struct ledger_cluster *cluster)
{
	struct version_query *query = &cluster->maintenance.query;
	const struct record *record = &cluster->record;
	int64_t now_ms = kube_now_ms();
	update_behind(cluster, now_ms);
	if (query->in_flight || !cluster->synced[WATCH_PODS] || !needs_version(cluster, now_ms))
		return;
	*query = (struct version_query){.in_flight = true, .asked_ms = now_ms, .turn = turn_of(cluster)};
	memcpy(query->uid, record->uid, sizeof query->uid);
	pthread_mutex_lock(&cluster->mutex);
	query->view = ledger_view_version(cluster->ledger);
	if (record->state == RECORD_OPEN && !record->invalidated)
		query->ledger = ledger_version(cluster->ledger);
	pthread_mutex_unlock(&cluster->mutex);
	kube_call(cluster->options.client, &(struct kube_call){.method = "GET",
							       .path = ONE_POD,
							       .accept = KUBE_METADATA_LIST,
							       .timeout_ms = QUERY_MS,
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
	const struct entry *entry =
	    some && !cluster->maintenance.unfit_reported ? ledger_unfit_example(cluster->ledger) : NULL;
	cluster->maintenance.unfit_reported = some;
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
	lookup_for_pods(cluster);
	queue_read_namespaces(cluster);
	queue_pump(cluster);
	record_tick(cluster, now_ms);
	sweep(cluster, now_ms);
	relist_if_quiet(cluster, now_ms);
	fold(cluster, now_ms);
	report_unfit(cluster);
	maintenance_ask_version(cluster);
	kube_timer_set(loop, &cluster->maintenance.timer, TICK_MS * 3 / 4 + kube_random(loop, 0, TICK_MS / 2));
}

void maintenance_open(struct ledger_cluster *cluster)
{
	cluster->maintenance.timer = (struct kube_timer){.run = on_tick, .context = cluster};
	kube_timer_set(cluster->options.loop, &cluster->maintenance.timer, TICK_MS);
}
