#include "policy/evaluate/exempt.h"

#include "policy/base/glob.h"

static bool match(const struct globs *globs, struct str value, enum exempt_by by, struct exemption *why)
{
	for (uint32_t i = 0; i < globs->count; i++) {
		if (!glob_match(globs->items[i], value))
			continue;
		if (why)
			*why = (struct exemption){by, value, globs->items[i]};
		return true;
	}
	return false;
}

bool exempt_match(const struct exempt *exempt, const struct review *review, struct str namespace, struct exemption *why)
{
	if (match(&exempt->namespaces, namespace, EXEMPT_BY_NAMESPACE, why) ||
	    match(&exempt->users, review->user, EXEMPT_BY_USER, why))
		return true;
	for (uint32_t i = 0; exempt->groups.count && i < review->groups.count; i++)
		if (match(&exempt->groups, review->groups.items[i], EXEMPT_BY_GROUP, why))
			return true;
	return false;
}
