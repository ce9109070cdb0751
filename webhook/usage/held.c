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
	struct excess excess[2]; /* one charge, and no more than a row of each kind for it */
	struct quota_view view;
	bool refused;
	policy_quota(policy, quota, &view);
	bool borrows = held_total(&held[quota]) > view.hard;
	uint32_t count = policy_exceeded(policy, &nothing, 1, held, excess, &refused);
	for (uint32_t i = 0; i < count; i++)
		if (excess[i].kind == EXCESS_HARD || borrows)
			return true;
	return false;
}
