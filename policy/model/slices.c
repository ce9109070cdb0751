#include "policy/model/slices.h"

#include <stdio.h>

#include "gpugate/policy.h"
#include "gpugate/suggest.h"
#include "policy/base/show.h"

#define SLICES_SHOWN 6

bool slice_is_missing(const struct policy *policy, struct str name)
{
	bool some = false;
	if (snapshot_resource(policy, name) || snapshot_role(policy, name) != ROLE_SLICE)
		return false;
	for (uint32_t r = 0; r < policy->resource_count && !some; r++)
		some = policy->resources[r].slice && !str_present(policy->resources[r].stands_for);
	return some;
}

struct str slice_near(const struct policy *policy, struct str name, uint64_t *work)
{
	struct str best = {NULL, 0};
	for (uint32_t r = 0; r < policy->resource_count; r++) {
		struct str known = policy->resources[r].name, pair[2] = {known, best};
		if (policy->resources[r].slice && !str_present(policy->resources[r].stands_for) &&
		    str_present(suggest_word_within(name, &known, 1, sizeof known, work)))
			best = str_present(best) ? suggest_word(name, pair, 2, sizeof pair[0]) : known;
	}
	return best;
}

/* Whether a quota names the resource without a wildcard, so that its author knows it. */
static bool is_named(const struct policy *policy, struct str name)
{
	for (uint32_t q = 0; q < policy->quota_count; q++)
		for (uint32_t g = 0; g < policy->quotas[q].resources.count; g++)
			if (str_eq(policy->quotas[q].resources.items[g], name))
				return true;
	return false;
}

/* Whether an Accelerator has resources of that role. */
static bool is_of_the_fleet(enum role role)
{
	return role_is_accelerator(role) && !role_needs_name(role);
}

bool policy_lacks_resource(const struct policy *policy, struct str name, struct str *near)
{
	uint64_t work = SLICE_WORK;
	*near = (struct str){NULL, 0};
	if (slice_is_missing(policy, name)) {
		*near = slice_near(policy, name, &work);
		return true;
	}
	if (policy->resource_count == 0 || snapshot_resource(policy, name) ||
	    !is_of_the_fleet(snapshot_role(policy, name)) || is_named(policy, name))
		return false;
	for (uint32_t r = 0; r < policy->resource_count && !str_present(*near); r++)
		*near = suggest_word_within(name, &policy->resources[r].name, 1, sizeof *near, &work);
	return true;
}

void slices_print(const struct policy *policy, char *out, size_t size)
{
	uint32_t count = 0;
	int len = 0;
	for (uint32_t r = 0; r < policy->resource_count && (size_t)len < size; r++) {
		if (!policy->resources[r].slice || str_present(policy->resources[r].stands_for))
			continue;
		bool last = count++ == SLICES_SHOWN;
		struct str name = policy->resources[r].name;
		len += last ? snprintf(out + len, size - (size_t)len, ", ...")
			    : snprintf(out + len, size - (size_t)len, "%s" SHOW, len ? ", " : "", SHOWN(name));
		if (last)
			return;
	}
}
