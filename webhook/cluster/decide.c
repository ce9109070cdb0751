#include "webhook/cluster/decide.h"

#include "webhook/cluster/completion.h"
#include "webhook/cluster/state.h"

/*
 * A burst of Pods can fill a root tenant's share of the pending entries until the first Pods are
 * seen. The others wait BACKPRESSURE_MS for room, and are decided again every
 * BACKPRESSURE_AGAIN_MS.
 */
#define BACKPRESSURE_MS 2000
#define BACKPRESSURE_AGAIN_MS 20

static enum ledger_mode mode_of(const struct reservation_request *request)
{
	return request->dry ? LEDGER_DRY : request->decision->mirror ? LEDGER_FORCE : LEDGER_HOLD;
}

/* Decides one request; the caller holds the mutex. Returns false if the arena is exhausted. */
static bool decide(struct ledger_cluster *cluster, struct reservation_request *request, int64_t now_ms)
{
	struct ledger_verdict *verdict = arena_alloc(request->arena, sizeof *verdict);
	if (!verdict)
		return false;
	request_release_verdict(request);
	ledger_decide(cluster->ledger, &request->decision->consumer, mode_of(request), now_ms, request->arena, NULL,
		      verdict);
	policy_retain(verdict->policy);
	request->policy = verdict->policy;
	request->verdict = verdict;
	return true;
}

static bool is_refreshed(const struct ledger_cluster *cluster, const struct reservation_request *request)
{
	return cluster->record.read >= request->read;
}

/*
 * Whether to hold a denial. A denial is held until the record has been read once more, because
 * another replica may have freed capacity. It is also held while the view does not follow the
 * cluster, or while capacity is about to be freed. Otherwise, holding it would only keep the API
 * server waiting.
 */
static bool may_be_lifted(struct ledger_cluster *cluster, struct reservation_request *request, int64_t now_ms)
{
	const struct ledger_verdict *verdict = request->verdict;
	enum ledger_retry retry = verdict->retry;
	if (retry == LEDGER_RETRY_NEVER)
		return false;
	if (!request->read) {
		request->read = cluster->record.reads + 1;
		request->final_ms = now_ms + LEDGER_HOLD_MS;
	}
	if (now_ms >= request->final_ms || now_ms >= request->deadline_ms)
		return false;
	if (retry == LEDGER_RETRY_SOON && !request->held) {
		request->held = true;
		cluster_count(cluster, COUNT_HELD);
	}
	return retry == LEDGER_RETRY_SOON || !is_refreshed(cluster, request) || !view_follows(cluster);
}

/* Selects the list for a request that has just been decided. */
static struct request_list *next_list(struct ledger_cluster *cluster, struct reservation_request *request,
				      int64_t now_ms, struct request_list *answered)
{
	const struct ledger_verdict *verdict = request->verdict;
	struct queue *queue = &cluster->queue;
	if (verdict->outcome == LEDGER_ADMITTED && request->held)
		cluster_count(cluster, COUNT_ADMITTED_LATER);
	if (verdict->outcome == LEDGER_ADMITTED && !request->dry)
		return &queue->batch;
	if (verdict->outcome == LEDGER_OUTAGE && verdict->backpressure) {
		if (!request->backpressure_ms)
			request->backpressure_ms = now_ms + BACKPRESSURE_MS;
		return now_ms < request->backpressure_ms && now_ms < request->deadline_ms ? &queue->backpressure
											  : answered;
	}
	if (verdict->outcome == LEDGER_DENIED && may_be_lifted(cluster, request, now_ms))
		return &queue->held;
	return answered;
}

/*
 * Whether a request still waits for room in its root's share, because an earlier request of this
 * round found none. It need not be decided again.
 */
static bool stays_under_backpressure(const struct ledger_cluster *cluster, const struct reservation_request *request,
				     int64_t now_ms)
{
	const struct ledger_verdict *verdict = request->verdict;
	return request->policy && verdict->backpressure && now_ms < request->backpressure_ms &&
	       now_ms < request->deadline_ms && ledger_has_backpressure(cluster->ledger, &request->decision->consumer);
}

/* Decides all waiting requests. Those that wait for room come first. */
static unsigned decide_all(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct queue *queue = &cluster->queue;
	struct request_list answered, failed;
	bool fresh = true;
	list_init(&answered);
	list_init(&failed);
	list_move(&queue->waiting, &queue->backpressure, true);
	pthread_mutex_lock(&cluster->mutex);
	ledger_round(cluster->ledger);
	for (struct reservation_request *request; (request = list_take(&queue->waiting));) {
		struct request_list *to = stays_under_backpressure(cluster, request, now_ms) ? &queue->backpressure
					  : decide(cluster, request, now_ms)
					      ? next_list(cluster, request, now_ms, &answered)
					      : &failed;
		if (to == &queue->held)
			fresh &= is_refreshed(cluster, request);
		list_put(to, request);
	}
	queue->again_ms = now_ms + BACKPRESSURE_AGAIN_MS;
	bool makes_room = queue->backpressure.first && ledger_foldable(cluster->ledger, now_ms);
	pthread_mutex_unlock(&cluster->mutex);
	for (struct reservation_request *request; (request = list_take(&answered));)
		request_complete(cluster, request);
	for (struct reservation_request *request; (request = list_take(&failed));)
		request_complete_failed(request);
	return (fresh ? 0 : DECIDE_NEEDS_READ) | (queue->batch.first || makes_room ? DECIDE_NEEDS_WRITE : 0);
}

unsigned decide_waiting(struct ledger_cluster *cluster, int64_t now_ms)
{
	const struct record *record = &cluster->record;
	struct queue *queue = &cluster->queue;
	if (record->writing || record->stale || record->reset_pending || now_ms < queue->resume_ms ||
	    !queue_is_wanted(queue, now_ms))
		return 0;
	pthread_mutex_lock(&cluster->mutex);
	struct str namespace;
	bool unresolved = ledger_unresolved(cluster->ledger, &namespace);
	pthread_mutex_unlock(&cluster->mutex);
	if (record->state == RECORD_SETTLING || record->state == RECORD_NEWER)
		queue_deny(cluster, request_undecided_reason(cluster));
	else if (unresolved)
		return DECIDE_NEEDS_NAMESPACE;
	else if (record->state == RECORD_OPEN && view_is_current(cluster))
		return decide_all(cluster, now_ms);
	return 0;
}
