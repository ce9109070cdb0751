/* Settings.unknownResources: what a Pod asks for that neither the policy nor the catalog knows, and that no quota counts. */
#include "policy/docs.h"
#include "policy/evaluate.h"

#define NAMES_MAX 16 /* different ones; nobody reads more, and what a Pod may cost here is bounded */

struct unknown {
	struct str names[NAMES_MAX];
	uint32_t count;
};

static bool is_new(const struct unknown *unknown, struct str name)
{
	for (uint32_t i = 0; i < unknown->count; i++)
		if (str_eq(unknown->names[i], name))
			return false;
	return true;
}

static void collect(const struct policy *policy, const struct pairs *map, struct unknown *unknown)
{
	for (uint32_t i = 0; i < map->count && unknown->count < NAMES_MAX; i++) {
		const struct pair *pair = &map->items[i];
		int64_t value;
		if (!resource_is_extended(pair->key) || snapshot_role(policy, pair->key) != ROLE_UNKNOWN)
			continue;
		bool none = quantity_count(pair->value, &value) == QUANTITY_OK && value == 0;
		if (!none && is_new(unknown, pair->key))
			unknown->names[unknown->count++] = pair->key;
	}
}

static int object(struct evaluation *e, const struct unknown *unknown, enum enforcement enforcement)
{
	const struct policy *policy = e->policy;
	struct str near = docs_suggest(unknown->names[0], policy->known_names, policy->known_name_count, sizeof near);
	bool several = unknown->count > 1;
	char more[64] = "";
	if (several)
		snprintf(more, sizeof more, " and %s%u more that the Pod asks for",
			 unknown->count == NAMES_MAX ? "at least " : "", unknown->count - 1);
	return decision_object(
	    e->decision, e->arena, REASON_UNKNOWN_RESOURCE, enforcement, STR(""),
	    "resource \"%.*s\"%s %s known neither to the GPU policy nor to the built-in catalog, so no "
	    "quota counts %s; correct the name%s%s%.*s%s, or ask the platform team to add an "
	    "Accelerator or to list %s in Settings.otherResources",
	    STR_ARG(unknown->names[0]), more, several ? "are" : "is", several ? "them" : "it", several ? "s" : "",
	    str_present(near) ? " (did you mean \"" : "", STR_ARG(near), str_present(near) ? "\"?)" : "",
	    several ? "them" : "it");
}

int unknown_check(struct evaluation *e)
{
	const struct policy *policy = e->policy;
	struct unknown unknown = {.count = 0};
	enum enforcement enforcement =
	    policy->unknown_resources > policy->enforcement ? policy->unknown_resources : policy->enforcement;
	if (e->tenant != NO_TENANT && policy->tenants[e->tenant].enforcement > enforcement)
		enforcement = policy->tenants[e->tenant].enforcement;
	if (enforcement == ENFORCEMENT_ALLOW || e->decision->mirror)
		return 0;
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		collect(policy, &e->pod->containers[i].requests, &unknown);
		collect(policy, &e->pod->containers[i].limits, &unknown);
	}
	collect(policy, &e->pod->overhead, &unknown);
	return unknown.count ? object(e, &unknown, enforcement) : 0;
}
