#include "policy/evaluate/exempt.h"

bool exempt_match(const struct exempt *exempt, const struct review *review, struct str namespace)
{
	if (globs_match(&exempt->namespaces, namespace) || globs_match(&exempt->users, review->user))
		return true;
	for (uint32_t i = 0; exempt->groups.count && i < review->groups.count; i++)
		if (globs_match(&exempt->groups, review->groups.items[i]))
			return true;
	return false;
}
