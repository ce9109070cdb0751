/*
 * queue: requests from admission, from their arrival to their completion. Everything runs on the
 * loop's thread, except queue_admit, queue_labels and queue_fetch.
 */
#include <stdio.h>

#include "webhook/cluster/state.h"
#include "webhook/ledger/verdict.h"

/* Minimum back-off after a conflict (about one write). */
#define PAUSE_LEAST_MS 8
/* Maximum back-off after a conflict. */
#define PAUSE_MOST_MS 24
/* Batching window under load. */
#define GATHER_MS 6

/*
 * A burst of Pods can fill a root tenant's share of the pending entries until the first Pods are
 * seen. The others wait for room this long and are decided again this often.
 */
#define CROWDED_MS 2000
#define CROWDED_AGAIN_MS 20

/*
 * The client that creates a Pod chooses the timeout of the webhooks. A request that is still
 * undecided after less than this time is reported as busy, not as an outage.
 */
#define HASTY_MS 3000

/* What a request waits for: a decision, or the labels of its namespace. */
enum kind { REQUEST_ADMIT, REQUEST_LABELS };

static void list_init(struct request_list *list)
{
	*list = (struct request_list){NULL, &list->first};
}

static void put_last(struct request_list *list, struct reservation_request *request)
{
	request->next = NULL;
	*list->last = request;
	list->last = &request->next;
}

static struct reservation_request *take_first(struct request_list *list)
{
	struct reservation_request *request = list->first;
	if (!request)
		return NULL;
	list->first = request->next;
	if (!list->first)
		list->last = &list->first;
	return request;
}

/* Moves all of `from` to the end of `to`, or to its beginning if `front` is true. */
static void move_all(struct request_list *to, struct request_list *from, bool front)
{
	if (!from->first)
		return;
	if (front) {
		*from->last = to->first;
		if (!to->first)
			to->last = from->last;
		to->first = from->first;
	} else {
		*to->last = from->first;
		to->last = from->last;
	}
	list_init(from);
}

static void release_verdict(struct reservation_request *request)
{
	if (request->policy)
		policy_release(request->policy);
	request->policy = NULL;
}

/* Whether the request is undecided because the ledger does not work, and not for lack of time. */
static bool is_outage(const struct ledger_cluster *cluster, const struct reservation_request *request)
{
	return cluster->record.failing || cluster->record.state != RECORD_OPEN || !cluster->synced[WATCH_PODS] ||
	       kube_now_ms() - request->arrived_ms >= HASTY_MS;
}

static int deny_undecided(const struct policy *policy, struct reservation_request *request, bool outage,
			  const char *why)
{
	return outage ? policy_object_outage(policy, str_of(why), request->arena, request->decision)
		      : policy_object_busy(policy, str_of(why), request->arena, request->decision);
}

/*
 * Completes a request that cannot be decided: as an outage, which `onOutage` in the policy governs,
 * or as busy.
 */
static void complete_undecided(struct ledger_cluster *cluster, struct reservation_request *request, bool outage,
			       const char *why)
{
	release_verdict(request);
	cluster_count(cluster, outage ? COUNT_OUTAGES : COUNT_BUSY);
	if (request->kind == REQUEST_LABELS) {
		request->result = 0; /* The labels stay unknown. */
		request->hasty = !outage;
		request->done(request);
		return;
	}
	pthread_mutex_lock(&cluster->mutex);
	const struct policy *policy = ledger_policy(cluster->ledger);
	policy_retain(policy);
	pthread_mutex_unlock(&cluster->mutex);
	request->result = deny_undecided(policy, request, outage, why);
	policy_release(policy);
	request->done(request);
}

/*
 * Whether a denial may rest on Pods that have ended unnoticed, because the watch of Pods is
 * interrupted. Such a request is not denied for good; the client is asked to retry.
 */
static bool is_unsafe_refusal(const struct ledger_cluster *cluster, const struct ledger_verdict *verdict)
{
	return verdict->answer == LEDGER_REFUSED && verdict->hope != LEDGER_HOPE_NONE && !watches_follow(cluster);
}

static void complete(struct ledger_cluster *cluster, struct reservation_request *request)
{
	const struct ledger_verdict *verdict = request->verdict;
	if (is_unsafe_refusal(cluster, verdict)) {
		complete_undecided(
		    cluster, request, false,
		    "the quota seems to be used up, but the watch of Pods is interrupted, and some of them may "
		    "have ended since");
		return;
	}
	if (verdict->answer == LEDGER_OUTAGE)
		cluster_count(cluster, verdict->crowded ? COUNT_BUSY : COUNT_OUTAGES);
	reservation_apply_verdict(request, verdict);
	release_verdict(request);
	request->done(request);
}

/*
 * Returns why nothing can be decided now, as text for users; it belongs to the cluster or is
 * static.
 */
static const char *undecided_reason(const struct ledger_cluster *cluster)
{
	static const char *const states[] = {
	    [RECORD_UNKNOWN] = "the ledger has not been read yet",
	    [RECORD_MISSING] = "the ledger does not exist yet",
	    [RECORD_SETTLING] = "the ledger was created again and starts to decide in less than a minute",
	    [RECORD_OPEN] = "the ledger could not be written in time",
	};
	if (cluster->record.failing)
		return cluster->record.problem;
	if (cluster->record.state == RECORD_NEWER)
		return cluster->record.newer;
	if (!cluster->synced[WATCH_PODS] && cluster->record.state == RECORD_OPEN)
		return "the Pods of the cluster have not been listed yet";
	if (lookup_holds_up(cluster))
		return "the labels of a namespace with Pods that count could not be read in time";
	if (cluster->record.state == RECORD_OPEN && !maintenance_is_verified(cluster))
		return "the watch of Pods was interrupted, and the API server could not be asked whether the cluster "
		       "is still the same";
	return states[cluster->record.state];
}

/* --- Deadlines --- */

/*
 * Completes the requests whose deadline has passed: with their last verdict if `refuse` is true,
 * else as undecided.
 */
static void expire_list(struct ledger_cluster *cluster, struct request_list *list, int64_t now_ms, bool refuse)
{
	struct request_list all;
	list_init(&all);
	move_all(&all, list, false);
	for (struct reservation_request *request; (request = take_first(&all));) {
		if (now_ms < request->deadline_ms)
			put_last(list, request);
		else if (refuse)
			complete(cluster, request);
		else
			complete_undecided(cluster, request, is_outage(cluster, request), undecided_reason(cluster));
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

/* Whether any request should be decided now. */
static bool is_wanted(const struct queue *queue, int64_t now_ms)
{
	return queue->waiting.first || (queue->crowded.first && now_ms >= queue->again_ms);
}

static void set_timer(struct ledger_cluster *cluster)
{
	struct queue *queue = &cluster->queue;
	int64_t earliest_ms = INT64_MAX, now_ms = kube_now_ms();
	note_earliest(&queue->waiting, false, &earliest_ms);
	note_earliest(&queue->batch, false, &earliest_ms);
	note_earliest(&queue->held, true, &earliest_ms);
	note_earliest(&queue->crowded, false, &earliest_ms);
	note_earliest(&queue->unknown, false, &earliest_ms);
	if (queue->crowded.first && queue->again_ms > now_ms && queue->again_ms < earliest_ms)
		earliest_ms = queue->again_ms;
	if (is_wanted(queue, now_ms) && queue->resume_ms > now_ms && queue->resume_ms < earliest_ms)
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
	expire_list(cluster, &queue->crowded, now_ms, true);
	expire_list(cluster, &queue->waiting, now_ms, false);
	expire_list(cluster, &queue->batch, now_ms, false);
	expire_list(cluster, &queue->unknown, now_ms, false);
	move_all(&held, &queue->held, false);
	for (struct reservation_request *request; (request = take_first(&held));)
		put_last(request->final_ms <= now_ms ? &queue->waiting : &queue->held, request);
	queue_pump(cluster);
}

/* --- Deciding --- */

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
	release_verdict(request);
	ledger_decide(cluster->ledger, &request->decision->holding, mode_of(request), now_ms, request->arena, NULL,
		      verdict);
	policy_retain(verdict->policy);
	request->policy = verdict->policy;
	request->verdict = verdict;
	return true;
}

static bool is_refreshed(const struct ledger_cluster *cluster, const struct reservation_request *request)
{
	return cluster->queue.read >= request->read;
}

/*
 * Whether to hold a denial. A denial is held until the record has been read once since, because
 * another replica may have freed capacity. It is also held while the view does not follow the
 * cluster or capacity is about to be freed. Otherwise holding it would only occupy the API server.
 */
static bool may_be_lifted(struct ledger_cluster *cluster, struct reservation_request *request, int64_t now_ms)
{
	const struct ledger_verdict *verdict = request->verdict;
	enum ledger_hope hope = verdict->hope;
	if (hope == LEDGER_HOPE_NONE)
		return false;
	if (!request->read) {
		request->read = cluster->record.reads + 1;
		request->final_ms = now_ms + LEDGER_HOLD_MS;
	}
	if (now_ms >= request->final_ms || now_ms >= request->deadline_ms)
		return false;
	if (hope == LEDGER_HOPE_SOON && !request->held) {
		request->held = true;
		cluster_count(cluster, COUNT_HELD);
	}
	return hope == LEDGER_HOPE_SOON || !is_refreshed(cluster, request) || !watches_follow(cluster);
}

/* Selects the list for a request that has just been decided. */
static struct request_list *next_list(struct ledger_cluster *cluster, struct reservation_request *request,
				      int64_t now_ms, struct request_list *answered)
{
	const struct ledger_verdict *verdict = request->verdict;
	struct queue *queue = &cluster->queue;
	if (verdict->answer == LEDGER_ADMITTED && request->held)
		cluster_count(cluster, COUNT_LIFTED);
	if (verdict->answer == LEDGER_ADMITTED && !request->dry)
		return &queue->batch;
	if (verdict->answer == LEDGER_OUTAGE && verdict->crowded) {
		if (!request->crowded_ms)
			request->crowded_ms = now_ms + CROWDED_MS;
		return now_ms < request->crowded_ms && now_ms < request->deadline_ms ? &queue->crowded : answered;
	}
	if (verdict->answer == LEDGER_REFUSED && may_be_lifted(cluster, request, now_ms))
		return &queue->held;
	return answered;
}

/*
 * Whether a request still waits for room in its root's share, because an earlier request of this
 * round found none. It need not be decided again.
 */
static bool stays_crowded(const struct ledger_cluster *cluster, const struct reservation_request *request,
			  int64_t now_ms)
{
	const struct ledger_verdict *verdict = request->verdict;
	return request->policy && verdict->crowded && now_ms < request->crowded_ms && now_ms < request->deadline_ms &&
	       ledger_is_crowded(cluster->ledger, &request->decision->holding);
}

/* Decides all waiting requests. Those that wait for room come before new ones. */
static void decide_all(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct queue *queue = &cluster->queue;
	struct request_list answered, failed;
	bool fresh = true;
	list_init(&answered);
	list_init(&failed);
	move_all(&queue->waiting, &queue->crowded, true);
	pthread_mutex_lock(&cluster->mutex);
	ledger_round(cluster->ledger);
	for (struct reservation_request *request; (request = take_first(&queue->waiting));) {
		struct request_list *to = stays_crowded(cluster, request, now_ms) ? &queue->crowded
					  : decide(cluster, request, now_ms)
					      ? next_list(cluster, request, now_ms, &answered)
					      : &failed;
		if (to == &queue->held)
			fresh &= is_refreshed(cluster, request);
		put_last(to, request);
	}
	queue->again_ms = now_ms + CROWDED_AGAIN_MS;
	bool makes_room = queue->crowded.first && ledger_foldable(cluster->ledger, now_ms);
	pthread_mutex_unlock(&cluster->mutex);
	for (struct reservation_request *request; (request = take_first(&answered));)
		complete(cluster, request);
	for (struct reservation_request *request; (request = take_first(&failed));) {
		request->result = -1;
		release_verdict(request);
		request->done(request);
	}
	if (!fresh)
		record_read(cluster);
	if (queue->batch.first || makes_room)
		record_write(cluster);
}

/*
 * Completes all requests that wait for a decision as undecided; the write in flight keeps its
 * batch.
 */
static void refuse_all(struct ledger_cluster *cluster, const char *why)
{
	struct request_list all;
	list_init(&all);
	move_all(&all, &cluster->queue.waiting, false);
	move_all(&all, &cluster->queue.held, false);
	move_all(&all, &cluster->queue.crowded, false);
	for (struct reservation_request *request; (request = take_first(&all));)
		complete_undecided(cluster, request, true, why);
}

void queue_pump(struct ledger_cluster *cluster)
{
	struct queue *queue = &cluster->queue;
	int64_t now_ms = kube_now_ms();
	bool free = !cluster->record.writing && !cluster->record.stale && !cluster->record.reset_pending &&
		    now_ms >= queue->resume_ms;
	if (free && is_wanted(queue, now_ms)) {
		pthread_mutex_lock(&cluster->mutex);
		struct str namespace;
		bool stranger = ledger_stranger(cluster->ledger, &namespace);
		pthread_mutex_unlock(&cluster->mutex);
		if (cluster->record.state == RECORD_SETTLING || cluster->record.state == RECORD_NEWER)
			refuse_all(cluster, undecided_reason(cluster));
		else if (stranger)
			lookup_for_pods(cluster);
		else if (cluster->record.state == RECORD_OPEN && maintenance_is_current(cluster))
			decide_all(cluster, now_ms);
	}
	set_timer(cluster);
}

void queue_write_ended(struct ledger_cluster *cluster, bool written)
{
	struct queue *queue = &cluster->queue;
	struct request_list batch;
	list_init(&batch);
	move_all(&batch, &queue->batch, false);
	if (!written) {
		move_all(&queue->waiting, &queue->crowded, true);
		/* The batch is older than the crowded requests. */
		move_all(&queue->waiting, &batch, true);
	}
	for (struct reservation_request *request; (request = take_first(&batch));)
		complete(cluster, request);
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
	if (conflict && pause_ms < PAUSE_LEAST_MS)
		pause_ms = PAUSE_LEAST_MS;
	else if (!conflict && pause_ms < PAUSE_LEAST_MS)
		pause_ms = 0;
	queue->pause_ms = pause_ms < PAUSE_MOST_MS ? pause_ms : PAUSE_MOST_MS;
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

void queue_retry(struct ledger_cluster *cluster, bool refreshed)
{
	struct queue *queue = &cluster->queue;
	if (refreshed)
		queue->read = cluster->record.reads;
	move_all(&queue->waiting, &queue->held, false);
	queue_pump(cluster);
}

/* --- Namespaces that the view does not know yet --- */

/*
 * Copies known labels into the request's arena; the caller holds the mutex. Returns whether they
 * are known.
 */
static bool find_labels(struct ledger_cluster *cluster, struct reservation_request *request)
{
	const struct pairs *labels = ledger_namespace_labels(cluster->ledger, request->namespace);
	if (!labels)
		return false;
	struct pair *items = arena_zalloc(request->arena, labels->count, sizeof *items);
	request->result = items ? 0 : -1;
	for (uint32_t i = 0; items && i < labels->count && request->result == 0; i++) {
		items[i].key = arena_str(request->arena, labels->items[i].key);
		items[i].value = arena_str(request->arena, labels->items[i].value);
		if (!str_present(items[i].key) || !str_present(items[i].value))
			request->result = -1;
	}
	if (request->result == 0)
		request->labels = (struct pairs){items, labels->count, true};
	return true;
}

/*
 * Delivers the labels of a request's namespace, or an error. Returns false if there was no answer:
 * the request waits for another read.
 */
static bool deliver_labels(struct ledger_cluster *cluster, struct reservation_request *request,
			   const struct kube_answer *answer)
{
	pthread_mutex_lock(&cluster->mutex);
	bool known = find_labels(cluster, request);
	pthread_mutex_unlock(&cluster->mutex);
	if (!known && answer->status == 0)
		return false;
	if (!known && answer->status != 404) {
		complete_undecided(cluster, request, true, "");
		return true;
	}
	if (!known) /* It does not exist, and the API server will reject the Pod itself. */
		request->labels = (struct pairs){.present = true};
	request->done(request);
	return true;
}

void queue_namespace_read(struct ledger_cluster *cluster, struct str namespace, const struct kube_answer *answer)
{
	struct request_list all;
	list_init(&all);
	move_all(&all, &cluster->queue.unknown, false);
	for (struct reservation_request *request; (request = take_first(&all));)
		if (!str_eq(request->namespace, namespace) || !deliver_labels(cluster, request, answer))
			put_last(&cluster->queue.unknown, request);
	set_timer(cluster);
}

void queue_read_namespaces(struct ledger_cluster *cluster)
{
	for (const struct reservation_request *request = cluster->queue.unknown.first; request; request = request->next)
		lookup_namespace(cluster, request->namespace);
}

static void read_labels(struct ledger_cluster *cluster, struct reservation_request *request)
{
	pthread_mutex_lock(&cluster->mutex);
	/* They may have arrived since `labels` was called. */
	bool known = find_labels(cluster, request);
	pthread_mutex_unlock(&cluster->mutex);
	if (!known && lookup_namespace(cluster, request->namespace) == 0) {
		put_last(&cluster->queue.unknown, request);
		return;
	}
	if (!known)
		request->result = -1;
	request->done(request);
}

/* --- Arrival --- */

static void on_arrival(void *context)
{
	struct ledger_cluster *cluster = context;
	struct queue *queue = &cluster->queue;
	struct request_list all;
	list_init(&all);
	pthread_mutex_lock(&cluster->mutex);
	move_all(&all, &queue->incoming, false);
	bool closed = queue->closed;
	pthread_mutex_unlock(&cluster->mutex);
	for (struct reservation_request *request; (request = take_first(&all));) {
		if (closed) {
			complete_undecided(cluster, request, true, "this replica is stopping");
		} else if (request->kind == REQUEST_ADMIT) {
			put_last(&queue->waiting, request);
		} else {
			read_labels(cluster, request);
		}
	}
	queue_pump(cluster);
}

static void hand_over(struct ledger_cluster *cluster, struct reservation_request *request, enum kind kind)
{
	request->kind = (uint8_t)kind;
	request->arrived_ms = kube_now_ms();
	request->hasty = false;
	request->policy = NULL;
	request->final_ms = request->crowded_ms = 0;
	request->read = 0;
	request->held = false;
	pthread_mutex_lock(&cluster->mutex);
	put_last(&cluster->queue.incoming, request);
	pthread_mutex_unlock(&cluster->mutex);
	kube_loop_post(cluster->options.loop, &cluster->queue.arrived);
}

bool queue_admit(void *context, struct reservation_request *request)
{
	hand_over(context, request, REQUEST_ADMIT);
	return false;
}

bool queue_labels(void *context, struct reservation_request *request)
{
	struct ledger_cluster *cluster = context;
	pthread_mutex_lock(&cluster->mutex);
	bool known = find_labels(cluster, request);
	pthread_mutex_unlock(&cluster->mutex);
	return known;
}

void queue_fetch(void *context, struct reservation_request *request)
{
	hand_over(context, request, REQUEST_LABELS);
}

void queue_open(struct ledger_cluster *cluster)
{
	struct queue *queue = &cluster->queue;
	list_init(&queue->incoming);
	list_init(&queue->waiting);
	list_init(&queue->batch);
	list_init(&queue->held);
	list_init(&queue->crowded);
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
	move_all(&queue->waiting, &queue->batch, false);
	move_all(&queue->waiting, &queue->unknown, false);
	refuse_all(cluster, "this replica is stopping");
	on_arrival(cluster);
}
