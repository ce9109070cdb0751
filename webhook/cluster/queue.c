#include "webhook/cluster/queue.h"

#include "gpugate/decision.h"
#include "gpugate/pairs.h"
#include "gpugate/policy.h"
#include "webhook/cluster/completion.h"
#include "webhook/cluster/labels.h"
#include "webhook/cluster/state.h"

/* Minimum back-off after a conflict (about one write). */
#define PAUSE_MIN_MS 8
/* Maximum back-off after a conflict. */
#define PAUSE_MAX_MS 24
/* Batching window under load. */
#define GATHER_MS 6

/* --- Deadlines --- */

/*
 * Completes the requests whose deadline has passed: with their last verdict if `refuse` is true,
 * else as undecided.
 */
static void expire_list(struct ledger_cluster *cluster, struct request_list *list, int64_t now_ms, bool refuse)
{
	struct request_list all;
	list_init(&all);
	list_move(&all, list, false);
	for (struct reservation_request *request; (request = list_take(&all));) {
		if (now_ms < request->deadline_ms)
			list_put(list, request);
		else if (refuse)
			request_complete(cluster, request);
		else
			request_complete_late(cluster, request);
	}
}

/* Lowers `earliest_ms` to the first deadline in the list; `held`: or to the first end of a hold. */
static void note_earliest(const struct request_list *list, bool held, int64_t *earliest_ms)
{
	for (const struct reservation_request *request = list->first; request; request = request->next) {
		int64_t at_ms =
		    held && request->final_ms < request->deadline_ms ? request->final_ms : request->deadline_ms;
		if (at_ms < *earliest_ms)
			*earliest_ms = at_ms;
	}
}

bool queue_is_wanted(const struct queue *queue, int64_t now_ms)
{
	return queue->waiting.first || (queue->backpressure.first && now_ms >= queue->again_ms);
}

void queue_set_timer(struct ledger_cluster *cluster)
{
	struct queue *queue = &cluster->queue;
	int64_t earliest_ms = INT64_MAX, now_ms = kube_now_ms();
	note_earliest(&queue->waiting, false, &earliest_ms);
	note_earliest(&queue->batch, false, &earliest_ms);
	note_earliest(&queue->held, true, &earliest_ms);
	note_earliest(&queue->backpressure, false, &earliest_ms);
	note_earliest(&queue->unknown, false, &earliest_ms);
	if (queue->backpressure.first && queue->again_ms > now_ms && queue->again_ms < earliest_ms)
		earliest_ms = queue->again_ms;
	if (queue_is_wanted(queue, now_ms) && queue->resume_ms > now_ms && queue->resume_ms < earliest_ms)
		earliest_ms = queue->resume_ms;
	if (earliest_ms == INT64_MAX)
		kube_timer_clear(cluster->options.loop, &queue->timer);
	else
		kube_timer_set(cluster->options.loop, &queue->timer, earliest_ms > now_ms ? earliest_ms - now_ms : 0);
}

static void on_time(void *context)
{
	struct ledger_cluster *cluster = context;
	struct queue *queue = &cluster->queue;
	int64_t now_ms = kube_now_ms();
	struct request_list held;
	list_init(&held);
	expire_list(cluster, &queue->held, now_ms, true);
	expire_list(cluster, &queue->backpressure, now_ms, true);
	expire_list(cluster, &queue->waiting, now_ms, false);
	expire_list(cluster, &queue->batch, now_ms, false);
	expire_list(cluster, &queue->unknown, now_ms, false);
	list_move(&held, &queue->held, false);
	for (struct reservation_request *request; (request = list_take(&held));)
		list_put(request->final_ms <= now_ms ? &queue->waiting : &queue->held, request);
	cluster->step(cluster);
}

/* --- Decided requests --- */

void queue_deny(struct ledger_cluster *cluster, const char *why)
{
	struct request_list all;
	list_init(&all);
	list_move(&all, &cluster->queue.waiting, false);
	list_move(&all, &cluster->queue.held, false);
	list_move(&all, &cluster->queue.backpressure, false);
	for (struct reservation_request *request; (request = list_take(&all));)
		request_complete_undecided(cluster, request, true, why);
}

void queue_write_ended(struct ledger_cluster *cluster, bool written)
{
	struct queue *queue = &cluster->queue;
	struct request_list batch;
	list_init(&batch);
	list_move(&batch, &queue->batch, false);
	if (!written) {
		list_move(&queue->waiting, &queue->backpressure, true);
		/* The batch is older than the crowded requests. */
		list_move(&queue->waiting, &batch, true);
	}
	for (struct reservation_request *request; (request = list_take(&batch));)
		request_complete(cluster, request);
}

/*
 * Returns a random back-off after a write, in milliseconds. Concurrent writers conflict, and
 * retrying at once makes it worse. So replicas back off while conflicts occur, which gives each of
 * them a turn; a lone replica never does. The maximum settles where about one write in six
 * conflicts.
 */
static int64_t yield_ms(struct ledger_cluster *cluster, bool conflict)
{
	struct queue *queue = &cluster->queue;
	unsigned pause_ms = conflict ? queue->pause_ms * 2 : queue->pause_ms - queue->pause_ms / 8;
	if (conflict && pause_ms < PAUSE_MIN_MS)
		pause_ms = PAUSE_MIN_MS;
	else if (!conflict && pause_ms < PAUSE_MIN_MS)
		pause_ms = 0;
	queue->pause_ms = pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
	return queue->pause_ms ? kube_random(cluster->options.loop, 0, queue->pause_ms) : 0;
}

/*
 * Under load, delays the next write to batch more requests; a lone request is written immediately.
 */
void queue_pause(struct ledger_cluster *cluster, bool conflict)
{
	struct queue *queue = &cluster->queue;
	bool several = queue->batch.first && queue->batch.first->next;
	int64_t pause_ms = yield_ms(cluster, conflict);
	if (several && pause_ms < GATHER_MS)
		pause_ms = GATHER_MS;
	queue->resume_ms = pause_ms ? kube_now_ms() + pause_ms : 0;
}

void queue_retry(struct ledger_cluster *cluster)
{
	list_move(&cluster->queue.waiting, &cluster->queue.held, false);
}

/* --- Arrival --- */

static void on_arrival(void *context)
{
	struct ledger_cluster *cluster = context;
	struct queue *queue = &cluster->queue;
	struct request_list all;
	list_init(&all);
	pthread_mutex_lock(&cluster->mutex);
	list_move(&all, &queue->incoming, false);
	bool closed = queue->closed;
	pthread_mutex_unlock(&cluster->mutex);
	for (struct reservation_request *request; (request = list_take(&all));) {
		if (closed)
			request_complete_undecided(cluster, request, true, "this replica is stopping");
		else if (request->kind == REQUEST_ADMIT)
			list_put(&queue->waiting, request);
		else
			labels_arrive(cluster, request);
	}
	cluster->step(cluster);
}

static void hand_over(struct ledger_cluster *cluster, struct reservation_request *request, enum request_kind kind)
{
	request->kind = (uint8_t)kind;
	request->arrived_ms = kube_now_ms();
	request->hasty = false;
	request->policy = NULL;
	request->final_ms = request->backpressure_ms = 0;
	request->read = 0;
	request->held = false;
	pthread_mutex_lock(&cluster->mutex);
	list_put(&cluster->queue.incoming, request);
	pthread_mutex_unlock(&cluster->mutex);
	kube_loop_post(cluster->options.loop, &cluster->queue.arrived);
}

bool queue_admit(void *context, struct reservation_request *request)
{
	hand_over(context, request, REQUEST_ADMIT);
	return false;
}

void queue_fetch(void *context, struct reservation_request *request)
{
	hand_over(context, request, REQUEST_LABELS);
}

/* --- Life cycle --- */

void queue_open(struct ledger_cluster *cluster)
{
	struct queue *queue = &cluster->queue;
	list_init(&queue->incoming);
	list_init(&queue->waiting);
	list_init(&queue->batch);
	list_init(&queue->held);
	list_init(&queue->backpressure);
	list_init(&queue->unasked);
	list_init(&queue->unknown);
	queue->arrived = (struct kube_task){.run = on_arrival, .context = cluster};
	queue->timer = (struct kube_timer){.run = on_time, .context = cluster};
}

void queue_close(struct ledger_cluster *cluster)
{
	struct queue *queue = &cluster->queue;
	pthread_mutex_lock(&cluster->mutex);
	queue->closed = true;
	pthread_mutex_unlock(&cluster->mutex);
	list_move(&queue->waiting, &queue->batch, false);
	list_move(&queue->waiting, &queue->unasked, false);
	list_move(&queue->waiting, &queue->unknown, false);
	queue_deny(cluster, "this replica is stopping");
	on_arrival(cluster);
}
