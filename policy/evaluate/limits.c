/* limits: whether what a Pod adds fits into its quotas and into the cohorts of these. */
#include "policy/evaluate/limits.h"

#include "gpugate/quota.h"
#include "policy/model/snapshot.h"

static wide larger(wide a, wide b)
{
	return a > b ? a : b;
}

static wide now_held(const struct held *held, uint32_t quota)
{
	return held ? amount_sum(held[quota].used, held[quota].pending) : 0;
}

/*
 * Returns what the other quotas of the pool leave to this one. It cannot use what another quota
 * holds or does not lend. If `held` is NULL, nothing is held.
 */
static wide pool_room(const struct policy *policy, uint32_t self, const struct held *held)
{
	const struct pool *pool = &policy->pools[policy->quotas[self].pool];
	wide taken = 0;
	for (uint32_t i = 0; i < pool->count; i++) {
		uint32_t q = pool->quotas[i];
		const struct quota *quota = &policy->quotas[q];
		if (q != self)
			taken = amount_sum(taken, larger(now_held(held, q), quota->hard - quota->lend));
	}
	return pool->hard - taken;
}

/* Returns what the limits of a quota allow if nothing is held. */
static wide most_ever(const struct policy *policy, uint32_t self)
{
	const struct quota *quota = &policy->quotas[self];
	wide limit = amount_sum(quota->hard, quota->borrow);
	if (quota->pool == NO_POOL)
		return limit;
	wide room = larger(pool_room(policy, self, NULL), quota->hard - quota->lend);
	return room < limit ? room : limit;
}

struct judgment limits_judge(const struct policy *policy, const struct charge *charge, const struct held *held)
{
	const struct quota *quota = &policy->quotas[charge->quota];
	wide now = now_held(held, charge->quota);
	wide limit = amount_sum(quota->hard, quota->borrow);
	struct judgment j = {.quota = quota, .then = amount_sum(now, charge->amount), .left = limit - now};
	j.above_hard = j.then > limit;
	if (quota->pool != NO_POOL) {
		/*
		 * What the quota does not lend stays its own, even if other quotas exceed their
		 * limits.
		 */
		wide room = larger(pool_room(policy, charge->quota, held), quota->hard - quota->lend);
		j.above_pool = j.then > room;
		j.left = room - now < j.left ? room - now : j.left;
	}
	j.left = larger(j.left, 0);
	return j;
}

uint32_t policy_room(const struct policy *policy, struct str namespace, const struct pairs *labels,
		     const struct held *held, struct charge *room)
{
	uint32_t other, made = 0, tenant = snapshot_tenant(policy, namespace, labels, &other);
	for (uint32_t i = 0; tenant != NO_TENANT && i < policy->tenants[tenant].quota_count; i++) {
		const struct charge nothing = {policy->tenants[tenant].quotas[i], 0};
		if (!policy->quotas[nothing.quota].unlimited)
			room[made++] = (struct charge){nothing.quota, limits_judge(policy, &nothing, held).left};
	}
	return made;
}

static bool is_changing(const struct held *held)
{
	return held->pending > held->reserved || held->terminating > 0;
}

static bool pool_is_changing(const struct pool *pool, const struct held *held)
{
	bool changing = false;
	for (uint32_t i = 0; i < pool->count; i++)
		changing |= is_changing(&held[pool->quotas[i]]);
	return changing;
}

/*
 * Finds the quotas of the pool that hold more than their own `hard`: the largest excess first, ties
 * in the order of quotas.
 */
static void find_borrowers(const struct policy *policy, const struct pool *pool, const struct held *held,
			   struct quota_violation *quota_violation)
{
	for (uint32_t i = 0; i < pool->count; i++) {
		uint32_t q = pool->quotas[i];
		wide amount = now_held(held, q) - policy->quotas[q].hard;
		if (amount <= 0)
			continue;
		uint32_t at = quota_violation->borrower_count;
		while (at > 0 && quota_violation->borrowers[at - 1].amount < amount)
			at--;
		if (at == QUOTA_VIOLATION_BORROWERS_MAX)
			continue;
		if (quota_violation->borrower_count < QUOTA_VIOLATION_BORROWERS_MAX)
			quota_violation->borrower_count++;
		for (uint32_t k = quota_violation->borrower_count - 1; k > at; k--)
			quota_violation->borrowers[k] = quota_violation->borrowers[k - 1];
		quota_violation->borrowers[at].quota = q;
		quota_violation->borrowers[at].amount = amount;
	}
}

uint32_t policy_cohort(const struct policy *policy, uint32_t quota, const uint32_t **members)
{
	uint32_t pool = policy->quotas[quota].pool;
	*members = pool == NO_POOL ? NULL : policy->pools[pool].quotas;
	return pool == NO_POOL ? 0 : policy->pools[pool].count;
}

bool policy_cohort_exceeded(const struct policy *policy, uint32_t quota, const struct held *held)
{
	const struct quota *self = &policy->quotas[quota];
	return self->pool != NO_POOL &&
	       larger(now_held(held, quota), self->hard - self->lend) > pool_room(policy, quota, held);
}

/* A sum that overflows cannot be booked, whatever the enforcement. */
bool limits_deny(const struct policy *policy, const struct judgment *j)
{
	return policy->tenants[j->quota->tenant].enforcement == ENFORCEMENT_DENY || j->then == AMOUNT_MAX;
}

uint32_t policy_quota_violations_max(const struct policy *policy)
{
	return 2 * policy->path_quota_max;
}

uint32_t policy_exceeded(const struct policy *policy, const struct charge *charges, uint32_t count,
			 const struct held *held, struct quota_violation *quota_violation, bool *denied)
{
	uint32_t made = 0;
	*denied = false;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t q = charges[i].quota;
		if (policy->quotas[q].unlimited)
			continue;
		struct judgment j = limits_judge(policy, &charges[i], held);
		if (!j.above_hard && !j.above_pool)
			continue;
		struct quota_violation row = {.quota = q,
					      .kind = QUOTA_VIOLATION_HARD,
					      .requested = charges[i].amount,
					      .used = held[q].used,
					      .pending = held[q].pending,
					      .reserved = held[q].reserved,
					      .left = j.left,
					      .max = most_ever(policy, q),
					      .denies = limits_deny(policy, &j),
					      .changing = is_changing(&held[q])};
		if (j.above_hard)
			quota_violation[made++] = row;
		if (j.above_pool) {
			row.kind = QUOTA_VIOLATION_COHORT;
			row.changing = pool_is_changing(&policy->pools[j.quota->pool], held);
			find_borrowers(policy, &policy->pools[j.quota->pool], held, &row);
			quota_violation[made++] = row;
		}
		*denied |= row.denies;
	}
	return made;
}
