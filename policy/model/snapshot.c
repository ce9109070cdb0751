#include "policy/model/snapshot.h"

#include <stdlib.h>

#include "gpugate/quota.h"
#include "policy/base/glob.h"
#include "policy/model/catalog.h"
#include "policy/model/class_part.h"

void policy_retain(const struct policy *policy)
{
	atomic_fetch_add_explicit(&((struct policy *)(uintptr_t)policy)->references, 1, memory_order_relaxed);
}

void policy_release(const struct policy *shared)
{
	struct policy *policy = (struct policy *)(uintptr_t)shared;
	if (!policy || atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) != 1)
		return;
	arena_release(&policy->arena);
	policy_release(policy->loaded);
	free(policy);
}

void policy_counts(const struct policy *policy, struct policy_counts *counts)
{
	*counts = policy->counts;
}

enum enforcement policy_enforcement(const struct policy *policy)
{
	return policy->enforcement;
}

struct policy_digest policy_digest(const struct policy *policy)
{
	return policy->digest;
}

int64_t policy_unit(const struct policy *policy)
{
	return policy->unit;
}

bool policy_reads_namespaces(const struct policy *policy)
{
	return policy->reads_namespaces;
}

bool policy_selects_namespaces(const struct policy *policy)
{
	return policy->selects_namespaces;
}

bool policy_has_namespace(const struct policy *policy, struct str name)
{
	return index_id(&policy->namespace_names, name) != INDEX_NONE;
}

bool policy_reads_nodes(const struct policy *policy)
{
	bool reads = false;
	for (uint32_t r = 0; r < policy->resource_count; r++)
		reads |= policy->resources[r].landing_count > 1;
	for (uint32_t q = 0; q < policy->quota_count; q++)
		reads |= policy->quotas[q].models != NULL;
	return reads;
}

bool policy_counts_claims(const struct policy *policy)
{
	return policy->counts_claims;
}

bool policy_has_gangs(const struct policy *policy)
{
	return policy->has_gangs;
}

bool policy_guards_fail(const struct policy *policy)
{
	return policy->guards_fail;
}

bool policy_quotas_fail(const struct policy *policy)
{
	return !policy->quotas_ignored;
}

int64_t policy_terminating_ms(const struct policy *policy)
{
	return policy->terminating_ms;
}

struct policy_location snapshot_location(const struct policy *policy, struct document_ref at)
{
	return at.line ? (struct policy_location){policy->files[at.file], at.line} : (struct policy_location){0};
}

struct str snapshot_guard_part(const struct policy *policy, enum guard_kind kind)
{
	if (kind < GUARD_WORDS)
		return policy->guard_words[kind];
	static const struct str keys[] = {[GUARD_HOST_PATHS - GUARD_WORDS] = {"hostPaths", 9},
					  [GUARD_CLAIMS - GUARD_WORDS] = {"resourceClaims", 14},
					  [GUARD_VOID - GUARD_WORDS] = {"visibleDevices", 14}};
	return keys[kind - GUARD_WORDS];
}

struct str snapshot_guard_check(const struct policy *policy, enum guard_kind kind)
{
	return snapshot_guard_part(policy, kind == GUARD_VOID ? GUARD_VISIBLE_DEVICES_ENV : kind);
}

/* Returns the resource that an Accelerator has under this name, or NULL. */
static const struct resource *own_resource(const struct policy *policy, struct str name)
{
	uint32_t id = index_id(&policy->resource_names, name);
	char slice[CATALOG_MIG_NAME_MAX];
	struct str whole = class_part_whole(name);
	if (id == INDEX_NONE && whole.len < name.len)
		id = index_id(&policy->resource_names, whole);
	size_t len = id == INDEX_NONE ? catalog_mig_slice(name, slice) : 0;
	if (len)
		id = index_id(&policy->resource_names, (struct str){slice, len});
	return id == INDEX_NONE ? NULL : &policy->resources[id];
}

bool snapshot_is_class_of(const struct class_name *class, const struct resource *resource)
{
	if (class->kind == CLASS_ANY)
		return resource->slice;
	return class->slice ? str_eq(class->slice->resource, resource->name) : !resource->slice;
}

/* Returns the name of the class whose DeviceClass has the name, if the policy uses classes. */
static struct str mapped_class(const struct policy *policy, struct str name)
{
	return policy->counts_claims ? class_map_find(&policy->class_map, name) : (struct str){NULL, 0};
}

const struct resource *snapshot_resource(const struct policy *policy, struct str name)
{
	const struct resource *own = own_resource(policy, name);
	struct str class = own ? (struct str){NULL, 0} : mapped_class(policy, name);
	return str_present(class) ? own_resource(policy, class) : own;
}

static enum role resource_role(const struct resource *resource)
{
	bool shared = true; /* On all models that have the resource. */
	for (uint32_t i = 0; i < resource->landing_count; i++)
		shared &= resource->landings[i].shared;
	return resource->slice ? ROLE_SLICE : shared ? ROLE_SHARE : ROLE_DEVICE;
}

/* Returns the role of a name that no Accelerator has. */
static enum role other_role(const struct policy *policy, struct str name)
{
	name = class_part_whole(name);
	if (globs_match(&policy->other_resources, name))
		return ROLE_OTHER;
	const struct catalog_resource *row = catalog_find(name);
	return row ? row->role : ROLE_UNKNOWN;
}

enum role snapshot_role(const struct policy *policy, struct str name)
{
	if (!str_has_char(name, '/'))
		return ROLE_OTHER;
	const struct resource *resource = snapshot_resource(policy, name);
	if (resource)
		return resource_role(resource);
	enum role role = other_role(policy, name);
	struct str class = role == ROLE_UNKNOWN ? mapped_class(policy, name) : (struct str){NULL, 0};
	return str_present(class) ? other_role(policy, class) : role;
}

struct str snapshot_class(const struct policy *policy, struct str name)
{
	struct str class = own_resource(policy, name) ? (struct str){NULL, 0} : mapped_class(policy, name);
	bool counts = str_present(class) && (own_resource(policy, class) || other_role(policy, name) == ROLE_UNKNOWN);
	return counts ? class : (struct str)
	{
		NULL, 0
	};
}

/* Whether only a pattern says that the name is no accelerator: nobody has written it down. */
static bool is_other_by_pattern(const struct policy *policy, struct str name)
{
	const struct globs *globs = &policy->other_resources;
	for (uint32_t i = 0; i < globs->count; i++)
		if (glob_is_exact(globs->items[i]) && glob_match(globs->items[i], name))
			return false;
	return globs_match(globs, name) && !catalog_find(name);
}

bool snapshot_is_undecided(const struct policy *policy, struct str name)
{
	if (!policy->class_map.gap || !policy->counts_claims || !str_has_char(name, '/'))
		return false;
	enum role role = snapshot_role(policy, name);
	return role == ROLE_UNKNOWN || (role == ROLE_OTHER && is_other_by_pattern(policy, name));
}

bool snapshot_is_accelerator(const struct policy *policy, struct str name)
{
	return role_is_accelerator(snapshot_role(policy, name));
}

struct pairs snapshot_namespace_labels(const struct policy *policy, struct str name, const struct pairs *given)
{
	if (given && given->present)
		return *given;
	uint32_t id = index_id(&policy->namespace_names, name);
	return id == INDEX_NONE ? (struct pairs){0} : policy->namespaces[id].labels;
}

bool globs_match(const struct globs *globs, struct str text)
{
	for (uint32_t i = 0; i < globs->count; i++)
		if (glob_match(globs->items[i], text))
			return true;
	return false;
}

/* The claims on a namespace: the strongest so far, and another one that is equally strong. */
struct claim {
	const struct policy *policy;
	size_t strength; /* Length of the glob. */
	uint32_t tenant, other;
};

static void claim_add(struct claim *claim, size_t strength, uint32_t tenant)
{
	if (claim->tenant == tenant || strength < claim->strength)
		return;
	if (claim->tenant == NO_TENANT || strength > claim->strength) {
		claim->strength = strength;
		claim->tenant = tenant;
		claim->other = NO_TENANT;
	} else if (claim->other == NO_TENANT || tenant < claim->other) {
		claim->other = tenant;
	}
	if (claim->other != NO_TENANT && claim->other < claim->tenant) {
		uint32_t first = claim->other;
		claim->other = claim->tenant;
		claim->tenant = first;
	}
}

static void claim_glob(void *context, struct str pattern, uint32_t id)
{
	/* An exact name is stronger than any glob, whatever its length. */
	size_t strength = glob_is_exact(pattern) ? SIZE_MAX : pattern.len;
	claim_add(context, strength, id);
}

static void claim_selectors(struct claim *claim, struct str namespace, const struct pairs *given)
{
	const struct policy *policy = claim->policy;
	const struct tenant_index *index = &policy->tenant_index;
	struct pairs labels = snapshot_namespace_labels(policy, namespace, given);
	for (uint32_t i = 0; i < index->rest_count; i++)
		if (selector_match(&policy->tenant_selectors[index->rest[i]], &labels, namespace))
			claim_add(claim, 0, index->rest[i]);
	for (uint32_t i = 0; i <= labels.count; i++) {
		/*
		 * The last iteration is for the label that every namespace has, even if it is not
		 * listed.
		 */
		struct str key = i < labels.count ? labels.items[i].key : STR("kubernetes.io/metadata.name");
		struct str value = i < labels.count ? labels.items[i].value : namespace;
		const struct index_entry *e = index_find(&index->selectors, key, value);
		for (; e; e = index_next(&index->selectors, e))
			if (selector_match(&policy->tenant_selectors[e->id], &labels, namespace))
				claim_add(claim, 0, e->id);
	}
}

uint32_t snapshot_tenant(const struct policy *policy, struct str namespace, const struct pairs *labels, uint32_t *other)
{
	struct claim claim = {.policy = policy, .tenant = NO_TENANT, .other = NO_TENANT};
	glob_index_match(&policy->tenant_index.namespaces, namespace, claim_glob, &claim);
	if (claim.tenant == NO_TENANT)
		claim_selectors(&claim, namespace, labels);
	*other = claim.other;
	return claim.tenant;
}

uint32_t policy_root(const struct policy *policy, struct str namespace, const struct pairs *labels)
{
	uint32_t other, tenant = snapshot_tenant(policy, namespace, labels, &other);
	if (tenant == NO_TENANT || other != NO_TENANT)
		return NO_TENANT;
	while (policy->tenants[tenant].parent != NO_TENANT)
		tenant = policy->tenants[tenant].parent;
	return tenant;
}

static const struct str *label_value(const struct pairs *labels, struct str key, const struct str *name)
{
	const struct str *value = pairs_value(labels, key);
	if (value)
		return value;
	return str_present(*name) && str_eq(key, STR("kubernetes.io/metadata.name")) ? name : NULL;
}

static bool requirement_match(const struct requirement *requirement, const struct str *value)
{
	bool listed = false;
	for (uint32_t i = 0; value && i < requirement->values.count; i++)
		listed |= str_eq(requirement->values.items[i], *value);
	switch (requirement->op) {
	case SELECTOR_IN:
		return listed;
	case SELECTOR_NOT_IN:
		return !listed;
	case SELECTOR_EXISTS:
		return value != NULL;
	case SELECTOR_DOES_NOT_EXIST:
		return value == NULL;
	}
	return false;
}

const struct requirement *selector_unmet(const struct selector *selector, const struct pairs *labels, struct str name,
					 struct str *found)
{
	for (uint32_t i = 0; i < selector->count; i++) {
		const struct str *value = label_value(labels, selector->items[i].key, &name);
		if (requirement_match(&selector->items[i], value))
			continue;
		*found = value ? *value : (struct str){NULL, 0};
		return &selector->items[i];
	}
	return NULL;
}

bool selector_match(const struct selector *selector, const struct pairs *labels, struct str name)
{
	struct str found;
	return !selector_unmet(selector, labels, name, &found);
}

/* Whether all requirements on a key hold for this value; NULL: the key is absent. */
static bool value_possible(const struct selector *selector, struct str key, const struct str *value)
{
	for (uint32_t i = 0; i < selector->count; i++)
		if (str_eq(selector->items[i].key, key) && !requirement_match(&selector->items[i], value))
			return false;
	return true;
}

bool selector_possible(const struct selector *selector)
{
	for (uint32_t i = 0; i < selector->count; i++) {
		const struct requirement *item = &selector->items[i];
		/*
		 * Exists and NotIn each allow infinitely many values. A requirement that
		 * contradicts them is checked itself.
		 */
		bool possible = item->op == SELECTOR_EXISTS || item->op == SELECTOR_NOT_IN ||
				(item->op == SELECTOR_DOES_NOT_EXIST && value_possible(selector, item->key, NULL));
		for (uint32_t v = 0; item->op == SELECTOR_IN && v < item->values.count && !possible; v++)
			possible = value_possible(selector, item->key, &item->values.items[v]);
		if (!possible)
			return false;
	}
	return true;
}

bool quota_counts_resource(const struct quota *quota, struct str resource)
{
	return quota->any_resource || globs_match(&quota->resources, class_part_whole(resource));
}

/* Whether the quota counts a slice of some profile that a model offers. */
static bool counts_profile(const struct quota *quota, const struct policy *policy, uint32_t model)
{
	const struct model *m = &policy->models[model];
	for (uint32_t i = 0; m->strategy == MIG_MIXED && i < m->profile_count; i++)
		if (quota_counts_resource(quota, m->profiles[i].resource))
			return true;
	return false;
}

bool quota_counts(const struct policy *policy, const struct quota *quota, const struct resource *resource)
{
	bool counts = quota_counts_resource(quota, resource->name) ||
		      (str_present(resource->stands_for) && quota_counts_resource(quota, resource->stands_for));
	for (uint32_t l = 0; resource->any && !counts && l < resource->landing_count; l++)
		counts = counts_profile(quota, policy, resource->landings[l].model);
	return counts;
}

bool quota_counts_model(const struct quota *quota, uint32_t model)
{
	if (!quota->models)
		return true;
	for (uint32_t i = 0; i < quota->model_count; i++)
		if (quota->models[i] == model)
			return true;
	return false;
}

bool quota_names_resource(const struct quota *quota, struct str resource)
{
	if (quota->measure != MEASURE_COUNT || quota->models)
		return false;
	for (uint32_t i = 0; i < quota->resources.count; i++)
		/* Resource names have no wildcards. */
		if (str_eq(quota->resources.items[i], class_part_whole(resource)))
			return true;
	return false;
}
