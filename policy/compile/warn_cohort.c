/* warn_cohort: warns of cohorts in which nothing can be lent. */
#include "policy/compile/warn.h"

static void warn_cohort(struct compile *c, struct str cohort, const struct location at, uint32_t tenants, bool borrows)
{
	if (tenants == 1)
		COMPILE_LINT(c, LINT_IDLE_COHORT, at,
			     "no other Tenant is in cohort \"%.*s\": there is nobody to borrow from or lend to",
			     STR_ARG(cohort));
	else if (!borrows)
		COMPILE_LINT(
		    c, LINT_IDLE_COHORT, at,
		    "nobody in cohort \"%.*s\" may borrow: no `borrowUpTo` above 0 is for a quota whose name two "
		    "of its "
		    "Tenants have",
		    STR_ARG(cohort));
}

/* A cohort is reported at the first Tenant that names it. */
void compile_cohort_warnings(struct compile *c)
{
	const struct policy *policy = c->policy;
	/* By the cohort's first tenant. */
	uint32_t *counts = compile_scratch(c, policy->tenant_count, sizeof *counts);
	bool *borrows = compile_scratch(c, policy->tenant_count, sizeof *borrows);
	struct index cohorts;
	if (index_init(&cohorts, policy->tenant_count, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t t = 0; t < policy->tenant_count; t++) {
		struct str cohort = policy->tenants[t].cohort;
		if (!str_present(cohort))
			continue;
		if (index_id(&cohorts, cohort) == INDEX_NONE)
			index_add(&cohorts, cohort, (struct str){NULL, 0}, t);
		counts[index_id(&cohorts, cohort)]++;
	}
	for (uint32_t q = 0; q < policy->quota_count; q++)
		if (policy->quotas[q].borrow > 0)
			borrows[index_id(&cohorts, policy->tenants[policy->quotas[q].tenant].cohort)] = true;
	for (uint32_t t = 0; t < policy->tenant_count; t++)
		if (counts[t])
			warn_cohort(c, policy->tenants[t].cohort, c->tenants[t]->cohort.at, counts[t], borrows[t]);
	for (uint32_t q = 0; q < policy->quota_count; q++) {
		struct str cohort = policy->tenants[policy->quotas[q].tenant].cohort;
		if (c->borrowings[q] && policy->quotas[q].pool == NO_POOL && counts[index_id(&cohorts, cohort)] > 1)
			COMPILE_LINT(
			    c, LINT_IDLE_COHORT, c->borrowings[q]->at,
			    "no other Tenant of cohort \"%.*s\" has a quota named \"%.*s\": there is nothing to "
			    "borrow or lend",
			    STR_ARG(cohort), STR_ARG(policy->quotas[q].name));
	}
}
