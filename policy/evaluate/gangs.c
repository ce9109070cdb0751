#include "policy/evaluate/gangs.h"

#include "policy/evaluate/rules_match.h"

struct search {
	const struct evaluation *e;
	uint32_t rank; /* Of the first Rule so far; INDEX_NONE: none. */
};

static void consider(void *context, uint32_t rank)
{
	struct search *search = context;
	if (rank >= search->rank)
		return;
	const struct rule *rule = &search->e->policy->rules[rank];
	if (rule_decides_groups(rule) && rules_concern(search->e, rule) && rules_in_range(search->e, rule))
		search->rank = rank;
}

const struct rule *gangs_rule(const struct evaluation *e)
{
	struct search search = {e, INDEX_NONE};
	if (!e->policy->has_gangs)
		return NULL;
	rules_each(e, consider, &search);
	return search.rank == INDEX_NONE ? NULL : &e->policy->rules[search.rank];
}
