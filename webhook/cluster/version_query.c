#include "webhook/cluster/version_query.h"

#include <stdio.h>

#include "webhook/cluster/document.h"
#include "webhook/cluster/state.h"
#include "webhook/kube/stream.h"

/* If the view has been behind for this long, ask whether the cluster has reached V at all. */
#define BEHIND_MS 5000
/* Timeout of a version query; admissions may wait for the answer. */
#define QUERY_MS 4000
/* Maximum length of the answer. Tenants partly control the size of a Pod's metadata. */
#define ANSWER_MAX KUBE_STREAM_ITEM_MAX

/* Lists only one object, because only the version of the list matters. */
#define ONE "?limit=1"

/*
 * Measures how late the view is: how long it takes to reach a V that was seen. The current V cannot
 * be compared, because it rises all the time.
 */
static void update_behind(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct lateness *lateness = &cluster->lateness;
	struct ledger_versions versions;
	bool reached = true;
	pthread_mutex_lock(&cluster->mutex);
	bool behind = view_all(cluster, view_is_listed) && ledger_behind(cluster->ledger);
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++) {
		versions.of[kind] = ledger_version(cluster->ledger, kind);
		reached &= ledger_view_version(cluster->ledger, kind) >= lateness->versions.of[kind];
	}
	pthread_mutex_unlock(&cluster->mutex);
	if (!behind) {
		lateness->behind_ms = 0;
	} else if (!lateness->behind_ms || reached) {
		lateness->behind_ms = now_ms;
		lateness->versions = versions;
	}
	atomic_store(&cluster->behind_ms, lateness->behind_ms);
}

/* Compares the answer with the state when the query was sent. */
static void take_answer(struct version_query *query, uint64_t version)
{
	struct ledger_cluster *cluster = query->cluster;
	pthread_mutex_lock(&cluster->mutex);
	bool restored = version < query->view && ledger_view_version(cluster->ledger, query->kind) >= query->view;
	if (!restored)
		ledger_due(cluster->ledger, query->kind, version, query->queried_ms);
	pthread_mutex_unlock(&cluster->mutex);
	if (restored) {
		view_discard(cluster, "the cluster has not reached the version of the view: its storage was restored");
		return;
	}
	view_verify(cluster, query->kind, query->transitions);
	query->answered = true;
	query->version = version;
	query->due |= !view_is_verified(cluster, query->kind);
}

static void on_version(void *context, const struct kube_response *response)
{
	struct version_query *query = context;
	struct ledger_cluster *cluster = query->cluster;
	struct object_meta meta = {0};
	struct error err = {0};
	uint64_t version;
	query->in_flight = false;
	arena_reset(&cluster->scratch);
	if (response->status == 200 && object_meta_read(response->body, &cluster->scratch, &meta, &err) == 0 &&
	    kube_version(meta.resource_version, &version))
		take_answer(query, version);
	else if (view_transitions(cluster, query->kind) != query->transitions)
		query->due = true; /* Otherwise the next tick repeats it. */
	cluster->step(cluster);
}

/* Whether anything depends on the version that the cluster has reached. */
static bool needs_version(struct ledger_cluster *cluster, enum consumer_kind kind, int64_t now_ms)
{
	const struct lateness *lateness = &cluster->lateness;
	if (!view_is_verified(cluster, kind) || record_wants_version(cluster, kind, now_ms) ||
	    (lateness->behind_ms && now_ms - lateness->behind_ms >= BEHIND_MS && !cluster->view.parts[kind].listing))
		return true;
	pthread_mutex_lock(&cluster->mutex);
	bool overdue = cluster->record.state == RECORD_OPEN && ledger_overdue(cluster->ledger, kind, now_ms);
	pthread_mutex_unlock(&cluster->mutex);
	return overdue;
}

static void send_query(struct ledger_cluster *cluster, enum consumer_kind kind, int64_t now_ms)
{
	struct version_query *query = &cluster->queries[kind];
	const struct record *record = &cluster->record;
	char path[100];
	*query = (struct version_query){.cluster = cluster,
					.kind = kind,
					.in_flight = true,
					.queried_ms = now_ms,
					.transitions = view_transitions(cluster, kind)};
	memcpy(query->uid, record->uid, sizeof query->uid);
	pthread_mutex_lock(&cluster->mutex);
	query->view = ledger_view_version(cluster->ledger, kind);
	if (record->state == RECORD_OPEN && !record->invalidated)
		query->ledger = ledger_version(cluster->ledger, kind);
	pthread_mutex_unlock(&cluster->mutex);
	snprintf(path, sizeof path, "%s" ONE, view_list_path(cluster, kind));
	kube_call(cluster->options.client, &(struct kube_call){.method = "GET",
							       .path = path,
							       .accept = KUBE_METADATA_LIST,
							       .timeout_ms = QUERY_MS,
							       .body_max = ANSWER_MAX,
							       .retry = true,
							       .done = on_version,
							       .context = query});
}

/*
 * After a restore, a watch that starts at a version which the API server has not reached reports
 * nothing. So the version is queried whenever a watch of consumers ends and whenever it is opened,
 * and decisions wait for the answer. This costs little: while the API server is down, nothing could
 * be written anyway.
 */
void version_query_send(struct ledger_cluster *cluster)
{
	int64_t now_ms = kube_now_ms();
	update_behind(cluster, now_ms);
	for (enum consumer_kind kind = 0; kind < CONSUMER_KINDS; kind++)
		if (!cluster->queries[kind].in_flight && view_has(cluster, kind) && view_is_listed(cluster, kind) &&
		    needs_version(cluster, kind, now_ms))
			send_query(cluster, kind, now_ms);
}
