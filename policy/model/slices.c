#include "policy/model/slices.h"

#include <stdio.h>

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
