#include "webhook/quota_plan.h"

static int64_t later(int64_t a_ms, int64_t b_ms)
{
	return a_ms > b_ms ? a_ms : b_ms;
}

static bool is_outdated(const struct quota_plan *plan, const struct quota_plan_now *now)
{
	for (int i = 0; i < PLAN_FORMER_MAX; i++)
		if (now->former[i] != 0 && now->former[i] == plan->policy)
			return true;
	return false;
}

/* Whether numbers of another policy may be replaced by this replica's. */
static bool may_take(const struct quota_plan *plan, const struct quota_plan_now *now)
{
	bool rested = plan->own || !plan->taken_ms || now->now_ms - plan->taken_ms >= PLAN_STILL_MS;
	return rested && (is_outdated(plan, now) || now->now_ms - plan->changed_ms >= PLAN_STILL_MS);
}

static bool may_write(const struct quota_plan *plan, const struct quota_plan_now *now)
{
	if (!plan->published)
		return true;
	if (plan->content == plan->wanted_content)
		return false;
	/* In a quiet cluster views differ by up to a minute in their versions, though not in the Pods: that is no reason
	 * to leave a policy standing that is known to be outdated. */
	return plan->policy == now->policy ? now->pod_version >= plan->pod_version : may_take(plan, now);
}

static bool may_delete(const struct quota_plan *plan, const struct quota_plan_now *now)
{
	int64_t still_ms = plan->still_ms ? plan->still_ms : PLAN_STILL_MS;
	return plan->published && plan->unwanted_ms &&
	       now->now_ms - later(plan->unwanted_ms, plan->changed_ms) >= still_ms + now->jitter_ms;
}

enum quota_step quota_plan_step(struct quota_plan *plan, const struct quota_plan_now *now)
{
	if (plan->busy)
		return QUOTA_REST;
	if (!plan->wanted)
		return may_delete(plan, now) ? QUOTA_DELETE : QUOTA_REST;
	if (!may_write(plan, now)) {
		plan->due_ms = 0;
		return QUOTA_REST;
	}
	if (!plan->due_ms)
		plan->due_ms = later(now->now_ms, plan->changed_ms + PLAN_REST_MS) + now->jitter_ms;
	return now->now_ms >= plan->due_ms ? QUOTA_WRITE : QUOTA_REST;
}

void quota_plan_begun(struct quota_plan *plan, enum quota_step step, const struct quota_plan_now *now)
{
	plan->busy = step != QUOTA_REST;
	plan->due_ms = 0;
	if (step == QUOTA_WRITE && plan->published && plan->policy != now->policy)
		plan->taken_ms = now->now_ms;
	if (step == QUOTA_DELETE) {
		int64_t still_ms = 2 * (plan->still_ms ? plan->still_ms : PLAN_STILL_MS);
		plan->still_ms = still_ms < PLAN_STILL_MOST_MS ? still_ms : PLAN_STILL_MOST_MS;
	}
}

void quota_plan_seen(struct quota_plan *plan, const struct quota_seen *seen, int64_t now_ms)
{
	if (seen->resource_version <= plan->resource_version)
		return;
	bool moved = !plan->published || plan->pod_version != seen->pod_version || plan->content != seen->content ||
		     plan->policy != seen->policy;
	plan->resource_version = seen->resource_version;
	if (!moved)
		return;
	plan->published = true;
	plan->own = false;
	plan->pod_version = seen->pod_version;
	plan->content = seen->content;
	plan->policy = seen->policy;
	plan->changed_ms = now_ms;
	plan->due_ms = 0;
}

void quota_plan_gone(struct quota_plan *plan)
{
	plan->published = false;
	plan->pod_version = plan->content = plan->policy = 0;
	plan->due_ms = 0;
}

void quota_plan_written(struct quota_plan *plan, uint64_t resource_version)
{
	plan->own |= plan->published && plan->resource_version == resource_version;
}

void quota_plan_listing(struct quota_plan *plan)
{
	plan->resource_version = 0;
}

void quota_plan_want(struct quota_plan *plan, bool wanted, uint64_t content, int64_t now_ms)
{
	if (wanted)
		plan->unwanted_ms = 0;
	else if (plan->wanted || !plan->unwanted_ms)
		plan->unwanted_ms = now_ms;
	plan->wanted = wanted;
	plan->wanted_content = content;
}
