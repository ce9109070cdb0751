#include "webhook/usage/held.h"

wide held_total(const struct held *held)
{
	wide sum;
	if (__builtin_add_overflow(held->used, held->pending, &sum))
		return held->used > held->pending ? held->used : held->pending;
	return sum;
}

/* Checks a Pod that costs nothing: only what is exceeded already would refuse it. */
bool quota_is_exceeded(const struct policy *policy, uint32_t quota, const struct held *held)
{
	const struct charge nothing = {.quota = quota};
	struct quota_violation quota_violation[2]; /* At most one of each kind for a charge. */
	struct quota_view view;
	bool refused;
	policy_quota(policy, quota, &view);
	bool borrows = held_total(&held[quota]) > view.hard;
	uint32_t count = policy_exceeded(policy, &nothing, 1, held, quota_violation, &refused);
	for (uint32_t i = 0; i < count; i++)
		if (quota_violation[i].kind == QUOTA_VIOLATION_HARD || borrows)
			return true;
	return false;
}
