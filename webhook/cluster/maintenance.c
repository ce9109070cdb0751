#include "webhook/cluster/maintenance.h"

#include <stdio.h>

#include "webhook/cluster/state.h"
#include "webhook/ledger/entry.h"

/*
 * Fold by a write of its own after this long, if no admission has caused a write; up to twice as
 * long, at random.
 */
#define FOLD_MS 2000
/*
 * Relist the Pods if something waits for an event and none comes for this long; up to twice as
 * long, at random.
 */
#define QUIET_MS 1500
/* Relist again after this long, in case that list failed. */
#define RELIST_MS 60000

bool maintenance_wants_fold(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct maintenance *maintenance = &cluster->maintenance;
	pthread_mutex_lock(&cluster->mutex);
	bool foldable = ledger_foldable(cluster->ledger, now_ms);
	pthread_mutex_unlock(&cluster->mutex);
	if (!foldable)
		maintenance->fold_ms = 0;
	else if (!maintenance->fold_ms)
		maintenance->fold_ms = now_ms + FOLD_MS + kube_random(cluster->options.loop, 0, FOLD_MS);
	if (!maintenance->fold_ms || now_ms < maintenance->fold_ms || !view_is_current(cluster))
		return false;
	maintenance->fold_ms = 0;
	return true;
}

/* [sweep] */
static void expire(struct ledger_cluster *cluster, int64_t now_ms)
{
	if (cluster->record.state != RECORD_OPEN)
		return;
	pthread_mutex_lock(&cluster->mutex);
	uint32_t expired = ledger_expire(cluster->ledger, now_ms);
	pthread_mutex_unlock(&cluster->mutex);
	atomic_fetch_add_explicit(&cluster->counts[COUNT_EXPIRED], expired, memory_order_relaxed);
	view_note(cluster, expired ? LEDGER_FREED : 0, STR(""));
}

void maintenance_expire(struct ledger_cluster *cluster, int64_t now_ms)
{
	pthread_mutex_lock(&cluster->mutex);
	int seen = ledger_tick(cluster->ledger, now_ms);
	pthread_mutex_unlock(&cluster->mutex);
	view_note(cluster, seen, STR(""));
	expire(cluster, now_ms);
}

static void relist_if_quiet(struct ledger_cluster *cluster, enum consumer_kind kind, int64_t now_ms)
{
	struct quiet *quiet = &cluster->maintenance.quiet[kind];
	pthread_mutex_lock(&cluster->mutex);
	bool waits = cluster->record.state == RECORD_OPEN ? ledger_awaits_expiry(cluster->ledger, kind)
							  : record_awaits_view(cluster, kind);
	uint64_t version = ledger_view_version(cluster->ledger, kind);
	pthread_mutex_unlock(&cluster->mutex);
	if (!waits || cluster->view.parts[kind].listing) {
		quiet->at_ms = 0;
	} else if (!quiet->at_ms || version != quiet->version) {
		quiet->version = version;
		quiet->at_ms = now_ms + QUIET_MS + kube_random(cluster->options.loop, 0, QUIET_MS);
	} else if (now_ms >= quiet->at_ms) {
		quiet->at_ms = now_ms + RELIST_MS;
		cluster_log(cluster, LOG_INFO, "view_quiet",
			    kind == CONSUMER_POD
				? "something waits for an event of a Pod, and none comes: the Pods are listed"
				: "something waits for an event of a ResourceClaim, and none comes: they are listed");
		kube_watch_relist(cluster->watches[consumer_watches[kind]]);
	}
}

/*
 * Bookmarks come only once a minute. A cluster in which Pods rarely change is small, so that a list
 * is cheap.
 */
void maintenance_relist_if_quiet(struct ledger_cluster *cluster, int64_t now_ms)
{
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		if (view_has(cluster, kind))
			relist_if_quiet(cluster, kind, now_ms);
}

/* How a consumer of each kind is on a node, and what it is charged if that matches nothing. */
static const struct {
	const char *subject, *is_there, *before;
} unfit_words[CONSUMER_KINDS] = {
    [CONSUMER_POD] = {"Pod", "is bound to", "as it was before it was bound"},
    [CONSUMER_CLAIM] = {"ResourceClaim", "has been given devices of", "as if its node were not known"},
};

static void print_unfit(const struct entry *entry, char *out, size_t size)
{
	bool none = entry->unfit & NODE_OF_NO_MODEL;
	enum consumer_kind kind = entry->consumer.kind;
	snprintf(out, size,
		 "%s %.*s/%.*s %s node \"%.*s\", whose labels match %s what it asks for: it is "
		 "charged %s. Correct the labels of the node, or nodeLabels in the policy",
		 unfit_words[kind].subject, STR_ARG(entry->consumer.namespace), STR_ARG(entry->consumer.name),
		 unfit_words[kind].is_there, STR_ARG(entry->placement->node_name),
		 none ? "no Accelerator that has" : "several Accelerators that have",
		 none ? unfit_words[kind].before : "as the most expensive of them");
}

void maintenance_report_unfit(struct ledger_cluster *cluster)
{
	char text[1400] = "";
	pthread_mutex_lock(&cluster->mutex);
	const struct ledger_unfit unfit = ledger_unfit(cluster->ledger);
	bool some = unfit.of_no_model + unfit.of_several_models > 0;
	/* Finding an example walks over all under the mutex: do it once, not at every tick. */
	const struct entry *entry =
	    some && !cluster->maintenance.unfit_reported ? ledger_unfit_example(cluster->ledger) : NULL;
	cluster->maintenance.unfit_reported = some;
	if (entry)
		print_unfit(entry, text, sizeof text);
	pthread_mutex_unlock(&cluster->mutex);
	if (text[0])
		cluster_log(cluster, LOG_WARN, "node_unmatched", text);
}
