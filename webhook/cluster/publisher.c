#include "webhook/cluster/publisher.h"

#include <stdlib.h>

#include "gpugate/policy.h"
#include "webhook/cluster/publisher_calls.h"
#include "webhook/cluster/state.h"
#include "webhook/quota/summary.h"

/* Interval when there is nothing to do; up to half as long again, at random. */
#define TICK_MS 500
/*
 * Interval between slices when there is more work, multiplied by the number of replicas: together
 * they write at most 100 objects a second.
 */
#define SLICE_MS 10
/*
 * Maximum number of rows that one slice compares, of quotas that it looks up, and of changes that
 * it takes from the ledger.
 */
#define SLICE_ROWS 32
/* A slice stops comparing after this time: quotas of a large cohort take longer. */
#define SLICE_LOOK_MS 2
#define SCAN_SLOTS 64
/*
 * Every FAIR-th slice begins with rows that have no reported change, so that changes cannot starve
 * them.
 */
#define FAIR 4
/* Maximum number of calls in flight. */
#define BUSY_MAX 2
#define BODY_MAX (64u << 10)
/* How long deleted objects are remembered; see quota_plan.stable_ms. */
#define REMEMBERED_MS (2 * (int64_t)PLAN_STABLE_MAX_MS)

/* --- Wanted objects --- */

static uint32_t greatest_divisor(uint32_t a, uint32_t b)
{
	while (b > 0) {
		uint32_t left = a % b;
		a = b;
		b = left;
	}
	return a;
}

static void end_policy(struct publish *publish)
{
	if (publish->policy)
		policy_release(publish->policy);
	free(publish->quotas);
	publish->policy = NULL;
	publish->quotas = NULL;
}

/*
 * Publishes the quotas of this policy from now on, and takes the policy. Replicas start with
 * different quotas and use different strides, so that most objects a replica comes to were already
 * written by another.
 */
static void begin_policy(struct ledger_cluster *cluster, const struct policy *policy)
{
	struct publish *publish = &cluster->publish;
	struct kube_loop *loop = cluster->options.loop;
	uint32_t count = policy_quota_count(policy);
	end_policy(publish);
	publish->quotas = calloc((size_t)count + 1, sizeof(struct publish_row *));
	if (!publish->quotas) { /* The next slice tries again. */
		policy_release(policy);
		return;
	}
	publish->policy = policy;
	publish->quota_count = count;
	publish->looked_up = 0;
	publish->all_known = false;
	publish->first = (uint32_t)kube_random(loop, 0, count);
	publish->step = (uint32_t)kube_random(loop, 1, count + (int64_t)1);
	while (greatest_divisor(publish->step, count) > 1)
		publish->step++;
	publish->policies++;
	quota_summary_digest(policy, publish->digest);
	publish->hash = quota_text_hash(str_of(publish->digest));
}

/* Returns the row of a quota; NULL without memory. */
static struct publish_row *row_of(struct ledger_cluster *cluster, uint32_t quota)
{
	struct publish *publish = &cluster->publish;
	char name[QUOTA_NAME_MAX + 1];
	struct quota_view view;
	if (publish->quotas[quota])
		return publish->quotas[quota];
	policy_quota(publish->policy, quota, &view);
	quota_document_name(view.tenant, view.name, name);
	struct publish_row *row = publish_rows_find(&publish->rows, name, PUBLISH_ROWS_MAX, cluster);
	if (row) {
		row->quota = quota;
		row->policy = publish->policies;
	}
	publish->quotas[quota] = row;
	return row;
}

static void queue_quota(struct ledger_cluster *cluster, uint32_t quota, enum publish_rank rank)
{
	struct publish_row *row = row_of(cluster, quota);
	if (row)
		publish_rows_queue(&cluster->publish.rows, row, rank);
}

/*
 * Looks up further quotas of a new policy. Once all are known, all rows without a quota are
 * scanned, too. Returns whether there are more.
 */
static bool look_up_some(struct ledger_cluster *cluster)
{
	struct publish *publish = &cluster->publish;
	uint32_t count = publish->quota_count;
	for (int i = 0; i < SLICE_ROWS && publish->looked_up < count; i++) {
		uint64_t place = publish->first + (uint64_t)publish->looked_up++ * publish->step;
		queue_quota(cluster, (uint32_t)(place % count), PUBLISH_COMPARED);
	}
	if (publish->looked_up == count && !publish->all_known) {
		publish->all_known = true;
		publish_rows_rescan(&publish->rows);
	}
	return publish->looked_up < count;
}

/* Whether the sums of the ledger can be trusted. The caller holds the mutex. */
static bool is_good(const struct ledger_cluster *cluster)
{
	return view_all(cluster, view_is_listed) && !ledger_behind(cluster->ledger);
}

/*
 * Queues quotas that have changed in the ledger, or switches to its new policy. Returns whether
 * there may be more.
 */
static bool note_changed(struct ledger_cluster *cluster, struct quota_plan_now *now)
{
	struct publish *publish = &cluster->publish;
	uint32_t quotas[SLICE_ROWS], count = 0;
	const struct policy *fresh = NULL;
	pthread_mutex_lock(&cluster->mutex);
	if (ledger_policy(cluster->ledger) != publish->policy) {
		fresh = ledger_policy(cluster->ledger);
		policy_retain(fresh);
	}
	while (count < SLICE_ROWS && ledger_take_changed(cluster->ledger, &quotas[count]))
		count++;
	memcpy(now->former, publish->former, sizeof now->former);
	pthread_mutex_unlock(&cluster->mutex);
	if (fresh)
		begin_policy(cluster, fresh);
	for (uint32_t i = 0; publish->policy && i < count; i++)
		queue_quota(cluster, quotas[i], PUBLISH_CHANGED);
	return count == SLICE_ROWS;
}

/* --- Comparing --- */

enum summary { SUMMARY_NOT_NOW, SUMMARY_NO_MEMORY, SUMMARY_GOOD };

/*
 * Summarizes a quota and its cohort as the ledger has them now. The document borrows from
 * publish->policy and from scratch memory.
 */
static enum summary summarize(struct ledger_cluster *cluster, uint32_t quota, struct quota_document *document,
			      struct quota_plan_now *now, bool *cohort_exceeded)
{
	const struct policy *policy = cluster->publish.policy;
	enum summary summary = SUMMARY_NOT_NOW;
	arena_reset(&cluster->scratch);
	pthread_mutex_lock(&cluster->mutex);
	const struct ledger *ledger = cluster->ledger;
	if (is_good(cluster) && ledger_policy(ledger) == policy) {
		const struct held *held = ledger_held(ledger);
		summary = quota_summarize(policy, quota, held, ledger_holders(ledger, quota), &cluster->scratch,
					  document) == 0
			      ? SUMMARY_GOOD
			      : SUMMARY_NO_MEMORY;
		*cohort_exceeded = policy_cohort_exceeded(policy, quota, held);
		now->pod_version = ledger_view_version(ledger, CONSUMER_POD);
	}
	pthread_mutex_unlock(&cluster->mutex);
	return summary;
}

/*
 * Which quotas of a cohort are exceeded depends on the usage of all of them. So when the cohort's
 * state changes, all are queued.
 */
static void note_cohort(struct ledger_cluster *cluster, uint32_t quota, bool exceeded)
{
	const uint32_t *members;
	uint32_t count = policy_cohort(cluster->publish.policy, quota, &members);
	struct publish_row *first = count > 0 ? row_of(cluster, members[0]) : NULL;
	if (!first || first->cohort_exceeded == exceeded)
		return;
	first->cohort_exceeded = exceeded;
	for (uint32_t i = 0; i < count; i++)
		queue_quota(cluster, members[i], PUBLISH_CHANGED);
}

/*
 * Parks a row that needs nothing now, to be looked at later, or drops it if it is not needed any
 * more.
 */
static void rest(struct publish *publish, struct publish_row *row, bool known, int64_t now_ms)
{
	const struct quota_plan *plan = &row->plan;
	bool remembered = plan->stable_ms && now_ms - plan->unwanted_ms < REMEMBERED_MS;
	if (plan->look_ms)
		publish_rows_wait(&publish->rows, row, plan->look_ms);
	else if (!known && !plan->published && !plan->busy && remembered)
		publish_rows_wait(&publish->rows, row, plan->unwanted_ms + REMEMBERED_MS);
	else if (!known && !plan->published && !plan->busy)
		publish_rows_drop(&publish->rows, row);
}

/*
 * Compares a row that is in no queue. Writes or deletes its object, or parks the row. Returns
 * whether this slice may go on.
 */
static bool compare(struct ledger_cluster *cluster, struct publish_row *row, struct quota_plan_now *now)
{
	struct publish *publish = &cluster->publish;
	struct quota_document document;
	bool known = row->policy == publish->policies, cohort_exceeded = false;
	if (!known && !publish->all_known)
		return true; /* It is queued again once all quotas are known. */
	publish_note_list(publish, row, false);
	enum summary summary = known ? summarize(cluster, row->quota, &document, now, &cohort_exceeded) : SUMMARY_GOOD;
	if (summary != SUMMARY_GOOD) {
		publish_rows_wait(&publish->rows, row, now->now_ms + PLAN_REST_MS);
		return summary != SUMMARY_NOT_NOW;
	}
	now->jitter_ms = kube_random(cluster->options.loop, 0, PLAN_JITTER_MS);
	quota_plan_want(&row->plan, known, known ? quota_document_content(&document) : 0, now->now_ms);
	enum quota_step next = quota_plan_step(&row->plan, now);
	if (next == QUOTA_REST)
		rest(publish, row, known, now->now_ms);
	else
		quota_plan_begun(&row->plan, next, now);
	if (next == QUOTA_WRITE)
		publish_write(row, &document, now->pod_version);
	else if (next == QUOTA_DELETE)
		publish_delete(row);
	if (known)
		note_cohort(cluster, row->quota, cohort_exceeded);
	return next == QUOTA_REST;
}

/* Compares rows that are ready. Returns whether there are more. */
static bool compare_some(struct ledger_cluster *cluster, struct quota_plan_now *now)
{
	struct publish *publish = &cluster->publish;
	enum publish_rank rank = ++publish->slices % FAIR == 0 ? PUBLISH_COMPARED : PUBLISH_CHANGED;
	if (now->now_ms < publish->again_ms)
		return false;
	for (int i = 0; i < SLICE_ROWS && publish->busy < BUSY_MAX; i++) {
		struct publish_row *row = publish_rows_take(&publish->rows, rank);
		if (!row || !compare(cluster, row, now) || kube_now_ms() - now->now_ms >= SLICE_LOOK_MS)
			break;
	}
	return !publish_rows_idle(&publish->rows);
}

/* Does one slice of work. Returns whether there is more. */
static bool work(struct ledger_cluster *cluster)
{
	struct publish *publish = &cluster->publish;
	struct quota_plan_now now = {.now_ms = kube_now_ms()};
	pthread_mutex_lock(&cluster->mutex);
	bool good = is_good(cluster);
	pthread_mutex_unlock(&cluster->mutex);
	if (!publish->synced || !good)
		return false;
	publish_rows_pass(&publish->rows, now.now_ms);
	bool more = note_changed(cluster, &now);
	if (!publish->policy)
		return false;
	now.policy = publish->hash;
	more |= look_up_some(cluster);
	more |= publish_rows_scan(&publish->rows, SCAN_SLOTS);
	more |= compare_some(cluster, &now);
	return more;
}

static void on_tick(void *context)
{
	struct ledger_cluster *cluster = context;
	struct kube_loop *loop = cluster->options.loop;
	bool more = work(cluster);
	pthread_mutex_lock(&cluster->mutex);
	unsigned replicas = cluster->peers.count > 0 ? cluster->peers.count : 1;
	pthread_mutex_unlock(&cluster->mutex);
	kube_timer_set(loop, &cluster->publish.timer,
		       more ? (int64_t)SLICE_MS * replicas : TICK_MS + kube_random(loop, 0, TICK_MS / 2));
}

/* --- Life cycle --- */

void publish_note_policy(struct ledger_cluster *cluster, const struct policy *policy)
{
	struct publish *publish = &cluster->publish;
	char digest[QUOTA_DIGEST_SIZE];
	quota_summary_digest(policy, digest);
	publish->former[publish->former_count++ % PLAN_FORMER_MAX] = quota_text_hash(str_of(digest));
}

int publish_open(struct ledger_cluster *cluster, struct error *err)
{
	struct publish *publish = &cluster->publish;
	struct kube_watch_options options = {
	    .name = "gpuquotas", .path = QUOTAS_PATH, .events = publish_events, .log = cluster->options.log};
	options.events.context = cluster;
	buf_init(&publish->body, BODY_MAX);
	publish->timer = (struct kube_timer){.run = on_tick, .context = cluster};
	if (publish_rows_init(&publish->rows, kube_now_ms()) < 0)
		return error_set(err, "there is no memory for what is published of quotas");
	publish->watch = kube_watch_create(cluster->options.loop, cluster->options.background, &options, err);
	if (!publish->watch)
		return -1;
	kube_watch_start(publish->watch);
	kube_timer_set(cluster->options.loop, &publish->timer, TICK_MS);
	return 0;
}

void publish_restart(struct ledger_cluster *cluster)
{
	kube_watch_relist(cluster->publish.watch);
}

void publish_close(struct ledger_cluster *cluster)
{
	struct publish *publish = &cluster->publish;
	kube_timer_clear(cluster->options.loop, &publish->timer);
	kube_watch_destroy(publish->watch);
	publish_rows_release(&publish->rows);
	end_policy(publish);
	buf_release(&publish->body);
}
