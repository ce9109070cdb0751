#include "policy/compile/warn_context.h"

const struct doc_rule *warn_rule(const struct compile *c, const struct index *names, uint32_t rule)
{
	return &c->docs->rules.items[index_id(names, c->policy->rules[rule].name)];
}

const char *warn_uncovered_fate(const struct policy *policy)
{
	static const char *const fates[] = {[ENFORCEMENT_DENY] = "refused",
					    [ENFORCEMENT_WARN] = "admitted uncounted, with a warning",
					    [ENFORCEMENT_AUDIT] = "admitted uncounted",
					    [ENFORCEMENT_ALLOW] = "admitted uncounted"};
	return fates[policy->uncovered > policy->enforcement ? policy->uncovered : policy->enforcement];
}

void warn_rule_names(struct compile *c, struct index *names)
{
	if (index_init(names, c->docs->rules.count, c->scratch) < 0)
		longjmp(c->exhausted, 1);
	for (uint32_t i = 0; i < c->docs->rules.count; i++)
		index_add(names, c->docs->rules.items[i].name.s, (struct str){NULL, 0}, i);
}
