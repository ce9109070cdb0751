#include "webhook/quota/plan.h"

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

/* The time from which this replica may replace the numbers of another policy. */
static int64_t taken_from_ms(const struct quota_plan *plan, const struct quota_plan_now *now)
{
	int64_t rested_ms = plan->own || !plan->taken_ms ? now->now_ms : plan->taken_ms + PLAN_STABLE_MS;
	return is_outdated(plan, now) ? rested_ms : later(rested_ms, plan->changed_ms + PLAN_STABLE_MS);
}

/* The earliest time at which a write is allowed; 0 if there is nothing to write. */
static int64_t written_from_ms(const struct quota_plan *plan, const struct quota_plan_now *now)
{
	if (!plan->published)
		return now->now_ms;
	if (plan->content == plan->wanted_content)
		return 0;
	/*
	 * This does not compare Pod versions. In a quiet cluster the versions of two views can
	 * differ by up to a minute although their Pods are the same. That must not keep an outdated
	 * policy's numbers in place.
	 */
	if (plan->policy != now->policy)
		return taken_from_ms(plan, now);
	return now->pod_version >= plan->pod_version ? now->now_ms : now->now_ms + PLAN_REST_MS;
}

static enum quota_step step_wanted(struct quota_plan *plan, const struct quota_plan_now *now)
{
	int64_t from_ms = written_from_ms(plan, now);
	if (from_ms == 0 || from_ms > now->now_ms) {
		plan->due_ms = 0;
		plan->look_ms = from_ms;
		return QUOTA_REST;
	}
	if (!plan->due_ms)
		plan->due_ms = later(now->now_ms, plan->changed_ms + PLAN_REST_MS) + now->jitter_ms;
	plan->look_ms = plan->due_ms;
	return now->now_ms >= plan->due_ms ? QUOTA_WRITE : QUOTA_REST;
}

static enum quota_step step_unwanted(struct quota_plan *plan, const struct quota_plan_now *now)
{
	int64_t stable_ms = plan->stable_ms ? plan->stable_ms : PLAN_STABLE_MS;
	if (!plan->published || !plan->unwanted_ms)
		return QUOTA_REST;
	plan->look_ms = later(plan->unwanted_ms, plan->changed_ms) + stable_ms + now->jitter_ms;
	return now->now_ms >= plan->look_ms ? QUOTA_DELETE : QUOTA_REST;
}

enum quota_step quota_plan_step(struct quota_plan *plan, const struct quota_plan_now *now)
{
	plan->look_ms = 0;
	if (plan->busy)
		return QUOTA_REST;
	return plan->wanted ? step_wanted(plan, now) : step_unwanted(plan, now);
}

void quota_plan_begun(struct quota_plan *plan, enum quota_step step, const struct quota_plan_now *now)
{
	plan->busy = step != QUOTA_REST;
	plan->due_ms = 0;
	if (step == QUOTA_WRITE && plan->published && plan->policy != now->policy)
		plan->taken_ms = now->now_ms;
	if (step == QUOTA_DELETE) {
		int64_t stable_ms = 2 * (plan->stable_ms ? plan->stable_ms : PLAN_STABLE_MS);
		plan->stable_ms = stable_ms < PLAN_STABLE_MAX_MS ? stable_ms : PLAN_STABLE_MAX_MS;
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
