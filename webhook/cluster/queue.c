/* ledger_asks: questions of admission, from their arrival to their answer. Loop thread, but for asks_admit, asks_labels and asks_fetch. */
#include <stdio.h>

#include "webhook/cluster/state.h"
#include "webhook/ledger/verdict.h"

/* About as long as a write takes; how long at most a question waits for a better moment; for company. */
#define PAUSE_LEAST_MS 8
#define PAUSE_MOST_MS 24
#define GATHER_MS 6

/* A burst of one tenant finds no room for some of its Pods until the first are seen: how long they wait, and how often they look. */
#define CROWDED_MS 2000
#define CROWDED_AGAIN_MS 20

/* Whoever creates a Pod may choose how long its webhooks may take. An answer that is not there sooner than this is no outage. */
#define HASTY_MS 3000

enum kind { ASK_ADMIT, ASK_LABELS };

static void list_init(struct ask_list *list)
{
	*list = (struct ask_list){NULL, &list->first};
}

static void put_last(struct ask_list *list, struct ledger_ask *ask)
{
	ask->next = NULL;
	*list->last = ask;
	list->last = &ask->next;
}

static struct ledger_ask *take_first(struct ask_list *list)
{
	struct ledger_ask *ask = list->first;
	if (!ask)
		return NULL;
	list->first = ask->next;
	if (!list->first)
		list->last = &list->first;
	return ask;
}

/* Moves all of a list to the end, or to the beginning, of another. */
static void move_all(struct ask_list *to, struct ask_list *from, bool front)
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

static void forget_verdict(struct ledger_ask *ask)
{
	if (ask->policy)
		policy_release(ask->policy);
	ask->policy = NULL;
}

/* Whether the ledger itself is what keeps the question from being decided, and not that it should have been decided at once. */
static bool is_outage(const struct ledger_cluster *cluster, const struct ledger_ask *ask)
{
	return cluster->object.failing || cluster->object.state != OBJECT_OPEN || !cluster->synced[WATCH_PODS] ||
	       kube_now_ms() - ask->arrived_ms >= HASTY_MS;
}

static int object_undecided(const struct policy *policy, struct ledger_ask *ask, bool outage, const char *why)
{
	return outage ? policy_object_outage(policy, str_of(why), ask->arena, ask->decision)
		      : policy_object_busy(policy, str_of(why), ask->arena, ask->decision);
}

/* The question cannot be decided: `onOutage` says what that means, unless there was just no time for it. */
static void answer_undecided(struct ledger_cluster *cluster, struct ledger_ask *ask, bool outage, const char *why)
{
	forget_verdict(ask);
	cluster_count(cluster, outage ? COUNT_OUTAGES : COUNT_BUSY);
	if (ask->kind == ASK_LABELS) {
		ask->result = 0; /* the labels stay unknown */
		ask->hasty = !outage;
		ask->done(ask);
		return;
	}
	pthread_mutex_lock(&cluster->mutex);
	const struct policy *policy = ledger_policy(cluster->ledger);
	policy_retain(policy);
	pthread_mutex_unlock(&cluster->mutex);
	ask->result = object_undecided(policy, ask, outage, why);
	policy_release(policy);
	ask->done(ask);
}

/* Whether a refusal may rest on Pods that have ended since: then only the one who asks again will know. */
static bool is_in_doubt(const struct ledger_cluster *cluster, const struct ledger_verdict *verdict)
{
	return verdict->answer == LEDGER_REFUSED && verdict->hope != LEDGER_HOPE_NONE && !watches_follow(cluster);
}

static void answer(struct ledger_cluster *cluster, struct ledger_ask *ask)
{
	const struct ledger_verdict *verdict = ask->verdict;
	if (is_in_doubt(cluster, verdict)) {
		answer_undecided(
		    cluster, ask, false,
		    "the quota seems to be used up, but the watch of Pods is interrupted, and some of them may "
		    "have ended since");
		return;
	}
	if (verdict->answer == LEDGER_OUTAGE)
		cluster_count(cluster, verdict->crowded ? COUNT_BUSY : COUNT_OUTAGES);
	ledger_answer(ask, verdict);
	forget_verdict(ask);
	ask->done(ask);
}

/* Why nothing can be decided, for people; what is said depends on how far things are. */
static const char *trouble(const struct ledger_cluster *cluster)
{
	static const char *const states[] = {
	    [OBJECT_UNKNOWN] = "the ledger has not been read yet",
	    [OBJECT_MISSING] = "the ledger does not exist yet",
	    [OBJECT_SETTLING] = "the ledger was created again and starts to decide in less than a minute",
	    [OBJECT_OPEN] = "the ledger could not be written in time",
	};
	if (cluster->object.failing)
		return cluster->object.problem;
	if (cluster->object.state == OBJECT_NEWER)
		return cluster->object.newer;
	if (!cluster->synced[WATCH_PODS] && cluster->object.state == OBJECT_OPEN)
		return "the Pods of the cluster have not been listed yet";
	if (lookup_holds_up(cluster))
		return "the labels of a namespace with Pods that count could not be read in time";
	if (cluster->object.state == OBJECT_OPEN && !upkeep_sure(cluster))
		return "the watch of Pods was interrupted, and the API server could not be asked whether the cluster "
		       "is still the same";
	return states[cluster->object.state];
}

/* --- Deadlines --- */

static void expire_list(struct ledger_cluster *cluster, struct ask_list *list, int64_t now_ms, bool refuse)
{
	struct ask_list all;
	list_init(&all);
	move_all(&all, list, false);
	for (struct ledger_ask *ask; (ask = take_first(&all));) {
		if (now_ms < ask->deadline_ms)
			put_last(list, ask);
		else if (refuse)
			answer(cluster, ask);
		else
			answer_undecided(cluster, ask, is_outage(cluster, ask), trouble(cluster));
	}
}

static void note_earliest(const struct ask_list *list, bool held, int64_t *earliest_ms)
{
	for (const struct ledger_ask *ask = list->first; ask; ask = ask->next) {
		int64_t at_ms = held && ask->final_ms < ask->deadline_ms ? ask->final_ms : ask->deadline_ms;
		if (at_ms < *earliest_ms)
			*earliest_ms = at_ms;
	}
}

/* Whether somebody wants to be decided now. */
static bool is_wanted(const struct asks *asks, int64_t now_ms)
{
	return asks->waiting.first || (asks->crowded.first && now_ms >= asks->again_ms);
}

static void set_timer(struct ledger_cluster *cluster)
{
	struct asks *asks = &cluster->asks;
	int64_t earliest_ms = INT64_MAX, now_ms = kube_now_ms();
	note_earliest(&asks->waiting, false, &earliest_ms);
	note_earliest(&asks->batch, false, &earliest_ms);
	note_earliest(&asks->held, true, &earliest_ms);
	note_earliest(&asks->crowded, false, &earliest_ms);
	note_earliest(&asks->unknown, false, &earliest_ms);
	if (asks->crowded.first && asks->again_ms > now_ms && asks->again_ms < earliest_ms)
		earliest_ms = asks->again_ms;
	if (is_wanted(asks, now_ms) && asks->resume_ms > now_ms && asks->resume_ms < earliest_ms)
		earliest_ms = asks->resume_ms;
	if (earliest_ms == INT64_MAX)
		kube_timer_clear(cluster->options.loop, &asks->timer);
	else
		kube_timer_set(cluster->options.loop, &asks->timer, earliest_ms > now_ms ? earliest_ms - now_ms : 0);
}

static void on_time(void *context)
{
	struct ledger_cluster *cluster = context;
	struct asks *asks = &cluster->asks;
	int64_t now_ms = kube_now_ms();
	struct ask_list held;
	list_init(&held);
	expire_list(cluster, &asks->held, now_ms, true);
	expire_list(cluster, &asks->crowded, now_ms, true);
	expire_list(cluster, &asks->waiting, now_ms, false);
	expire_list(cluster, &asks->batch, now_ms, false);
	expire_list(cluster, &asks->unknown, now_ms, false);
	move_all(&held, &asks->held, false);
	for (struct ledger_ask *ask; (ask = take_first(&held));)
		put_last(ask->final_ms <= now_ms ? &asks->waiting : &asks->held, ask);
	asks_pump(cluster);
}

/* --- Deciding --- */

static enum ledger_mode mode_of(const struct ledger_ask *ask)
{
	return ask->dry ? LEDGER_DRY : ask->decision->mirror ? LEDGER_FORCE : LEDGER_HOLD;
}

/* Judges under the lock. Returns false when the arena is exhausted. */
static bool judge(struct ledger_cluster *cluster, struct ledger_ask *ask, int64_t now_ms)
{
	struct ledger_verdict *verdict = arena_alloc(ask->arena, sizeof *verdict);
	if (!verdict)
		return false;
	forget_verdict(ask);
	ledger_decide(cluster->ledger, &ask->decision->holding, mode_of(ask), now_ms, ask->arena, verdict);
	policy_retain(verdict->policy);
	ask->policy = verdict->policy;
	ask->verdict = verdict;
	return true;
}

static bool is_refreshed(const struct ledger_cluster *cluster, const struct ledger_ask *ask)
{
	return cluster->asks.read >= ask->read;
}

/*
 * Whether a refusal should wait: until the object has been read once since, as another replica may have written that something is free,
 * as long as the view does not follow the cluster, and as long as something is about to become free; a caller that waits for nothing only
 * takes its API server's time.
 */
static bool may_be_lifted(struct ledger_cluster *cluster, struct ledger_ask *ask, int64_t now_ms)
{
	const struct ledger_verdict *verdict = ask->verdict;
	enum ledger_hope hope = verdict->hope;
	if (hope == LEDGER_HOPE_NONE)
		return false;
	if (!ask->read) {
		ask->read = cluster->object.reads + 1;
		ask->final_ms = now_ms + LEDGER_HOLD_MS;
	}
	if (now_ms >= ask->final_ms || now_ms >= ask->deadline_ms)
		return false;
	if (hope == LEDGER_HOPE_SOON && !ask->held) {
		ask->held = true;
		cluster_count(cluster, COUNT_HELD);
	}
	return hope == LEDGER_HOPE_SOON || !is_refreshed(cluster, ask) || !watches_follow(cluster);
}

/* Where a question goes that was just judged. */
static struct ask_list *next_list(struct ledger_cluster *cluster, struct ledger_ask *ask, int64_t now_ms,
				  struct ask_list *answered)
{
	const struct ledger_verdict *verdict = ask->verdict;
	struct asks *asks = &cluster->asks;
	if (verdict->answer == LEDGER_ADMITTED && ask->held)
		cluster_count(cluster, COUNT_LIFTED);
	if (verdict->answer == LEDGER_ADMITTED && !ask->dry)
		return &asks->batch;
	if (verdict->answer == LEDGER_OUTAGE && verdict->crowded) {
		if (!ask->crowded_ms)
			ask->crowded_ms = now_ms + CROWDED_MS;
		return now_ms < ask->crowded_ms && now_ms < ask->deadline_ms ? &asks->crowded : answered;
	}
	if (verdict->answer == LEDGER_REFUSED && may_be_lifted(cluster, ask, now_ms))
		return &asks->held;
	return answered;
}

/* Whether a question waits for room that its root still has not: one that came before it has just been told so. */
static bool stays_crowded(const struct ledger_cluster *cluster, const struct ledger_ask *ask, int64_t now_ms)
{
	const struct ledger_verdict *verdict = ask->verdict;
	return ask->policy && verdict->crowded && now_ms < ask->crowded_ms && now_ms < ask->deadline_ms &&
	       ledger_is_crowded(cluster->ledger, &ask->decision->holding);
}

/* Those who wait for room come before those who have just come. */
static void decide_all(struct ledger_cluster *cluster, int64_t now_ms)
{
	struct asks *asks = &cluster->asks;
	struct ask_list answered, failed;
	bool fresh = true;
	list_init(&answered);
	list_init(&failed);
	move_all(&asks->waiting, &asks->crowded, true);
	pthread_mutex_lock(&cluster->mutex);
	ledger_round(cluster->ledger);
	for (struct ledger_ask *ask; (ask = take_first(&asks->waiting));) {
		struct ask_list *to = stays_crowded(cluster, ask, now_ms) ? &asks->crowded
				      : judge(cluster, ask, now_ms)       ? next_list(cluster, ask, now_ms, &answered)
									  : &failed;
		if (to == &asks->held)
			fresh &= is_refreshed(cluster, ask);
		put_last(to, ask);
	}
	asks->again_ms = now_ms + CROWDED_AGAIN_MS;
	bool makes_room = asks->crowded.first && ledger_foldable(cluster->ledger, now_ms);
	pthread_mutex_unlock(&cluster->mutex);
	for (struct ledger_ask *ask; (ask = take_first(&answered));)
		answer(cluster, ask);
	for (struct ledger_ask *ask; (ask = take_first(&failed));) {
		ask->result = -1;
		forget_verdict(ask);
		ask->done(ask);
	}
	if (!fresh)
		object_read(cluster);
	if (asks->batch.first || makes_room)
		object_write(cluster);
}

static void refuse_all(struct ledger_cluster *cluster, const char *why)
{
	struct ask_list all;
	list_init(&all);
	move_all(&all, &cluster->asks.waiting, false);
	move_all(&all, &cluster->asks.held, false);
	move_all(&all, &cluster->asks.crowded, false);
	for (struct ledger_ask *ask; (ask = take_first(&all));)
		answer_undecided(cluster, ask, true, why);
}

void asks_pump(struct ledger_cluster *cluster)
{
	struct asks *asks = &cluster->asks;
	int64_t now_ms = kube_now_ms();
	bool free = !cluster->object.writing && !cluster->object.stale && !cluster->object.resettle &&
		    now_ms >= asks->resume_ms;
	if (free && is_wanted(asks, now_ms)) {
		pthread_mutex_lock(&cluster->mutex);
		struct str namespace;
		bool stranger = ledger_stranger(cluster->ledger, &namespace);
		pthread_mutex_unlock(&cluster->mutex);
		if (cluster->object.state == OBJECT_SETTLING || cluster->object.state == OBJECT_NEWER)
			refuse_all(cluster, trouble(cluster));
		else if (stranger)
			lookup_for_pods(cluster);
		else if (cluster->object.state == OBJECT_OPEN && upkeep_current(cluster))
			decide_all(cluster, now_ms);
	}
	set_timer(cluster);
}

void asks_written(struct ledger_cluster *cluster, bool written)
{
	struct asks *asks = &cluster->asks;
	struct ask_list batch;
	list_init(&batch);
	move_all(&batch, &asks->batch, false);
	if (!written) {
		move_all(&asks->waiting, &asks->crowded, true);
		move_all(&asks->waiting, &batch, true); /* they had come first */
	}
	for (struct ledger_ask *ask; (ask = take_first(&batch));)
		answer(cluster, ask);
}

/*
 * Replicas that write in each other's way write in vain, and the more they hurry the more so. As long as conflicts come, each
 * leaves the object alone for a random moment after a write, so that others get their turn; a lone replica never does. It
 * settles where about one write in six comes second.
 */
static int64_t yield_ms(struct ledger_cluster *cluster, bool second)
{
	struct asks *asks = &cluster->asks;
	unsigned pause_ms = second ? asks->pause_ms * 2 : asks->pause_ms - asks->pause_ms / 8;
	if (second && pause_ms < PAUSE_LEAST_MS)
		pause_ms = PAUSE_LEAST_MS;
	else if (!second && pause_ms < PAUSE_LEAST_MS)
		pause_ms = 0;
	asks->pause_ms = pause_ms < PAUSE_MOST_MS ? pause_ms : PAUSE_MOST_MS;
	return asks->pause_ms ? kube_random(cluster->options.loop, 0, asks->pause_ms) : 0;
}

/* Where questions come in numbers, the next write is worth more of them; where they come one by one, nobody waits. */
void asks_pause(struct ledger_cluster *cluster, bool second)
{
	struct asks *asks = &cluster->asks;
	bool several = asks->batch.first && asks->batch.first->next;
	int64_t pause_ms = yield_ms(cluster, second);
	if (several && pause_ms < GATHER_MS)
		pause_ms = GATHER_MS;
	asks->resume_ms = pause_ms ? kube_now_ms() + pause_ms : 0;
}

void asks_again(struct ledger_cluster *cluster, bool refreshed)
{
	struct asks *asks = &cluster->asks;
	if (refreshed)
		asks->read = cluster->object.reads;
	move_all(&asks->waiting, &asks->held, false);
	asks_pump(cluster);
}

/* --- Namespaces that the view does not know yet --- */

static bool find_labels(struct ledger_cluster *cluster, struct ledger_ask *ask)
{
	const struct pairs *labels = ledger_namespace_labels(cluster->ledger, ask->namespace);
	if (!labels)
		return false;
	struct pair *items = arena_zalloc(ask->arena, labels->count, sizeof *items);
	ask->result = items ? 0 : -1;
	for (uint32_t i = 0; items && i < labels->count && ask->result == 0; i++) {
		items[i].key = arena_str(ask->arena, labels->items[i].key);
		items[i].value = arena_str(ask->arena, labels->items[i].value);
		if (!str_present(items[i].key) || !str_present(items[i].value))
			ask->result = -1;
	}
	if (ask->result == 0)
		ask->labels = (struct pairs){items, labels->count, true};
	return true;
}

/* Tells a question what is known of its namespace. Returns false if that is still nothing, and it may wait for another read. */
static bool tell_labels(struct ledger_cluster *cluster, struct ledger_ask *ask, const struct kube_answer *answer)
{
	pthread_mutex_lock(&cluster->mutex);
	bool known = find_labels(cluster, ask);
	pthread_mutex_unlock(&cluster->mutex);
	if (!known && answer->status == 0)
		return false;
	if (!known && answer->status != 404) {
		answer_undecided(cluster, ask, true, "");
		return true;
	}
	if (!known) /* the API server will say so itself */
		ask->labels = (struct pairs){.present = true};
	ask->done(ask);
	return true;
}

void asks_looked_up(struct ledger_cluster *cluster, struct str namespace, const struct kube_answer *answer)
{
	struct ask_list all;
	list_init(&all);
	move_all(&all, &cluster->asks.unknown, false);
	for (struct ledger_ask *ask; (ask = take_first(&all));)
		if (!str_eq(ask->namespace, namespace) || !tell_labels(cluster, ask, answer))
			put_last(&cluster->asks.unknown, ask);
	set_timer(cluster);
}

void asks_look_up(struct ledger_cluster *cluster)
{
	for (const struct ledger_ask *ask = cluster->asks.unknown.first; ask; ask = ask->next)
		lookup_namespace(cluster, ask->namespace);
}

static void look_up(struct ledger_cluster *cluster, struct ledger_ask *ask)
{
	pthread_mutex_lock(&cluster->mutex);
	bool known = find_labels(cluster, ask); /* since it was asked */
	pthread_mutex_unlock(&cluster->mutex);
	if (!known && lookup_namespace(cluster, ask->namespace) == 0) {
		put_last(&cluster->asks.unknown, ask);
		return;
	}
	if (!known)
		ask->result = -1;
	ask->done(ask);
}

/* --- Arrival --- */

static void on_arrival(void *context)
{
	struct ledger_cluster *cluster = context;
	struct asks *asks = &cluster->asks;
	struct ask_list all;
	list_init(&all);
	pthread_mutex_lock(&cluster->mutex);
	move_all(&all, &asks->incoming, false);
	bool closed = asks->closed;
	pthread_mutex_unlock(&cluster->mutex);
	for (struct ledger_ask *ask; (ask = take_first(&all));) {
		if (closed) {
			answer_undecided(cluster, ask, true, "this replica is stopping");
		} else if (ask->kind == ASK_ADMIT) {
			put_last(&asks->waiting, ask);
		} else {
			look_up(cluster, ask);
		}
	}
	asks_pump(cluster);
}

static void hand_over(struct ledger_cluster *cluster, struct ledger_ask *ask, enum kind kind)
{
	ask->kind = (uint8_t)kind;
	ask->arrived_ms = kube_now_ms();
	ask->hasty = false;
	ask->policy = NULL;
	ask->final_ms = ask->crowded_ms = 0;
	ask->read = 0;
	ask->held = false;
	pthread_mutex_lock(&cluster->mutex);
	put_last(&cluster->asks.incoming, ask);
	pthread_mutex_unlock(&cluster->mutex);
	kube_loop_post(cluster->options.loop, &cluster->asks.arrived);
}

bool asks_admit(void *context, struct ledger_ask *ask)
{
	hand_over(context, ask, ASK_ADMIT);
	return false;
}

bool asks_labels(void *context, struct ledger_ask *ask)
{
	struct ledger_cluster *cluster = context;
	pthread_mutex_lock(&cluster->mutex);
	bool known = find_labels(cluster, ask);
	pthread_mutex_unlock(&cluster->mutex);
	return known;
}

void asks_fetch(void *context, struct ledger_ask *ask)
{
	hand_over(context, ask, ASK_LABELS);
}

void asks_open(struct ledger_cluster *cluster)
{
	struct asks *asks = &cluster->asks;
	list_init(&asks->incoming);
	list_init(&asks->waiting);
	list_init(&asks->batch);
	list_init(&asks->held);
	list_init(&asks->crowded);
	list_init(&asks->unknown);
	asks->arrived = (struct kube_task){.run = on_arrival, .context = cluster};
	asks->timer = (struct kube_timer){.run = on_time, .context = cluster};
}

void asks_close(struct ledger_cluster *cluster)
{
	struct asks *asks = &cluster->asks;
	pthread_mutex_lock(&cluster->mutex);
	asks->closed = true;
	pthread_mutex_unlock(&cluster->mutex);
	move_all(&asks->waiting, &asks->batch, false);
	move_all(&asks->waiting, &asks->unknown, false);
	refuse_all(cluster, "this replica is stopping");
	on_arrival(cluster);
}
