#include "gpugate/inputs.h"

#include "gpugate/claim.h"
#include "gpugate/pod_group.h"
#include "policy/model/catalog.h"
#include "policy/model/snapshot.h"

static bool selects_by(const struct selector *selector, struct str key)
{
	for (uint32_t i = 0; i < selector->count; i++)
		if (str_eq(selector->items[i].key, key))
			return true;
	return false;
}

static bool takes_memory_from(const struct rule *rule, struct str key)
{
	for (uint32_t i = 0; i < rule->rewrite_count; i++)
		if (!rule->rewrites[i].from_label && str_present(rule->rewrites[i].memory_key) &&
		    str_eq(rule->rewrites[i].memory_key, key))
			return true;
	return false;
}

bool policy_reads_annotation(const struct policy *policy, struct str key)
{
	if (str_eq(key, CATALOG_MIRROR_ANNOTATION) || str_eq(key, STR(CLAIM_EXTENDED_MARK)) ||
	    catalog_is_device_annotation(key) || catalog_is_fraction_annotation(key) ||
	    (policy->has_gangs && pod_group_reads_annotation(key)))
		return true;
	for (uint32_t i = 0; i < policy->rule_count; i++)
		if (selects_by(&policy->rules[i].annotation_selector, key) || takes_memory_from(&policy->rules[i], key))
			return true;
	return false;
}

bool policy_reads_variable(struct str name)
{
	return catalog_variable(name) >= 0;
}
