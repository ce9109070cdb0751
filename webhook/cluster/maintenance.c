/*
 * maintenance: periodic work on the ledger: folding, sweeping, and the query for the version that
 * the cluster has reached.
 */
#include <stdio.h>

#include "webhook/cluster/document.h"
#include "webhook/cluster/state.h"
#include "webhook/kube/stream.h"
#include "webhook/ledger/entry.h"

#define TICK_MS 1000
/*
 * Fold by a write of its own after this long, if no admission has caused a write; up to twice as
 * long, at random.
 */
#define FOLD_MS 2000
/* If the view has been behind for this long, ask whether the cluster has reached V at all. */
#define BEHIND_MS 5000
/*
 * Relist the Pods if something waits for an event and none comes for this long; up to twice as
 * long, at random.
 */
#define QUIET_MS 1500
/* Relist again after this long, in case that list failed. */
#define RELIST_MS 60000
/* Timeout of a version query; admissions may wait for the answer. */
#define QUERY_MS 4000
/* Maximum length of the answer. To some extent, a tenant controls the size of a Pod's metadata. */
#define ANSWER_MAX KUBE_STREAM_ITEM_MAX

/* Lists one Pod, because only the version of the list matters. */
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
 * Relists the Pods if something waits for the view and no event arrives. Bookmarks come only once a
 * minute. A cluster in which Pods rarely change is small, so that a list is cheap.
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

/* How often the watch of Pods was opened or ended so far. */
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

/*
 * Measures how late the view is: the time that it takes to reach a V once that V was seen. V itself
 * rises all the time.
 */
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

/* Discards view and copy after the storage was restored. */
static void discard_all(struct ledger_cluster *cluster)
{
	cluster_log(cluster, LOG_WARN, "view_restored",
		    "the cluster has not reached the version of the view: its storage was restored");
	pthread_mutex_lock(&cluster->mutex);
	ledger_forget(cluster->ledger);
	/* This prevents further queries until the list is complete. */
	cluster->synced[WATCH_PODS] = false;
	pthread_mutex_unlock(&cluster->mutex);
	record_invalidate(cluster);
	watches_restart(cluster);
}

/* Compares the answer with what was noted when the query was sent. */
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
		if (turn_of(cluster) != query->turn) /* Otherwise the next tick asks again. */
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
	queue_retry(cluster, false); /* The view may follow the cluster again. */
}

/* Whether anything depends on the version that the cluster has reached. */
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
 * After a restore, a watch that starts at a version which the API server has not reached reports
 * nothing. So the version is queried whenever the watch of Pods ends and whenever it is opened, and
 * decisions wait for the answer. This costs little: while the API server is down, nothing could be
 * written anyway.
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

/* --- Pods on nodes that match no model, or several --- */

/*
 * Logs one example, and only again after there was none for a while; a metric has the number of
 * such Pods.
 */
static void report_unfit(struct ledger_cluster *cluster)
{
	char text[1400] = "";
	pthread_mutex_lock(&cluster->mutex);
	const struct ledger_unfit unfit = ledger_unfit(cluster->ledger);
	bool some = unfit.of_no_model + unfit.of_several_models > 0;
	/* Finding an example walks over all Pods under the mutex: do it once, not at every tick. */
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
