/* guard_request: Guards for requests that a container cannot use completely. */
#include "policy/evaluate/guard_request.h"

#include <stdio.h>

#include "gpugate/policy_enums.h"
#include "policy/base/show.h"
#include "policy/evaluate/placement.h"
#include "policy/model/catalog.h"

static bool is_slice(const struct working_pod *working, uint32_t name)
{
	const struct catalog_resource *row = catalog_find(working->names[name]);
	return working->resources[name] ? working->resources[name]->slice : row && row->role == ROLE_SLICE;
}

/* The name of a resource, or what it stands for: one profile may have two names. */
static struct str profile_name(const struct working_pod *working, uint32_t name)
{
	const struct resource *resource = working->resources[name];
	return resource && str_present(resource->stands_for) ? resource->stands_for : working->names[name];
}

int guard_check_mixed_mig(struct evaluation *e, const struct guard *guard)
{
	const struct working_pod *working = &e->working;
	for (uint32_t i = 0; i < e->pod->container_count; i++) {
		uint32_t seen = INDEX_NONE;
		for (uint32_t a = working->first[i]; a != INDEX_NONE; a = working->amounts[a].next) {
			const struct amount_of *amount = &working->amounts[a];
			if (amount_value(amount) <= 0 || !is_slice(working, amount->name))
				continue;
			if (seen != INDEX_NONE &&
			    !str_eq(profile_name(working, seen), profile_name(working, amount->name)))
				return guard_violation(
				    e, guard, GUARD_MIXED_MIG, &e->pod->containers[i], "requests ",
				    working->names[amount->name],
				    " and another MIG profile, of which it can use only one; request one profile, or "
				    "use two containers");
			seen = amount->name;
		}
	}
	return 0;
}

/*
 * Whether one unit of the resource is a MIG slice wherever the Pod can run: under its own name, or,
 * with the strategy `single`, under the name of the whole device. Returns 1 or 0, or -1 if the
 * arena is exhausted.
 */
static int is_slice_everywhere(const struct evaluation *e, uint32_t name)
{
	const struct resource *resource = e->working.resources[name];
	struct placement placement;
	bool single = false;
	if (is_slice(&e->working, name))
		return 1;
	if (!resource || !str_eq(resource->name, e->working.names[name]))
		return 0;
	if (placement_find(e->policy, resource, e->pod, e->arena, &placement) < 0)
		return -1;
	for (uint32_t i = 0; i < resource->landing_count; i++) {
		const struct model *model = &e->policy->models[resource->landings[i].model];
		if (!placement_allows(&placement, i))
			continue;
		if (model->strategy != MIG_SINGLE || !str_eq(model->resource, resource->name) ||
		    model->profile_count == 0)
			return 0;
		single = true;
	}
	return single && !placement.unknown;
}

int guard_check_slices(struct evaluation *e, const struct guard *guard)
{
	const struct working_pod *working = &e->working;
	int slices[WORKING_POD_RESOURCES_MAX];
	for (uint32_t n = 0; n < working->name_count; n++) {
		slices[n] = is_slice_everywhere(e, n);
		if (slices[n] < 0)
			return -1;
	}
	for (uint32_t i = 0; working->name_count && i < e->pod->container_count; i++)
		for (uint32_t a = working->first[i]; a != INDEX_NONE; a = working->amounts[a].next) {
			const struct amount_of *amount = &working->amounts[a];
			if (!slices[amount->name] || amount_value(amount) <= 1)
				continue;
			return guard_violation(
			    e, guard, GUARD_SEVERAL_SLICES, &e->pod->containers[i], "requests more than one ",
			    working->names[amount->name],
			    ", but CUDA uses only one MIG slice in a container; request one slice of a "
			    "larger profile, or one in each of several "
			    "containers");
		}
	return 0;
}

/*
 * Returns how many units of a shared resource one container may request; 0 if it is not shared on
 * any model that the Pod can run on; or -1 if the arena is exhausted.
 */
static int64_t share_limit(const struct evaluation *e, uint32_t name)
{
	const struct resource *resource = e->working.resources[name];
	struct placement placement;
	int64_t limit = 0;
	if (resource && placement_find(e->policy, resource, e->pod, e->arena, &placement) < 0)
		return -1;
	for (uint32_t i = 0; resource && i < resource->landing_count; i++) {
		const struct landing *landing = &resource->landings[i];
		if (landing->shared && landing->max_per_container > limit && placement_allows(&placement, i))
			limit = landing->max_per_container;
	}
	/*
	 * A name with the suffix `.shared` is a share even if no Accelerator has it, or one has
	 * only its slice (snapshot_resource); but not if it is the name of a device class.
	 */
	bool named = (!resource || !str_eq(resource->name, e->working.names[name])) &&
		     !str_present(snapshot_class(e->policy, e->working.names[name]));
	return limit ? limit : named && str_ends(e->working.names[name], CATALOG_SHARED_SUFFIX);
}

/* Returns a model on which the name is a whole device and which the Pod can run on, or NULL. */
static const struct model *whole_model(const struct evaluation *e, uint32_t name)
{
	const struct resource *resource = e->working.resources[name];
	struct placement placement;
	if (!resource || placement_find(e->policy, resource, e->pod, e->arena, &placement) < 0)
		return NULL;
	for (uint32_t i = 0; i < resource->landing_count; i++)
		if (!resource->landings[i].shared && placement_allows(&placement, i))
			return &e->policy->models[resource->landings[i].model];
	return NULL;
}

static int object_shares(struct evaluation *e, const struct guard *guard, const struct container *container,
			 uint32_t name, int64_t limit)
{
	char text[500];
	const struct model *whole = whole_model(e, name);
	int len = snprintf(
	    text, sizeof text,
	    ", but several shares may be of the same GPU, so requesting more gains nothing; request at most %lld",
	    (long long)limit);
	if (whole)
		snprintf(text + len, sizeof text - (size_t)len,
			 ", or require nodes of Accelerator \"" SHOW "\", where each is a whole device, in the Pod's "
			 "nodeSelector",
			 SHOWN(whole->name));
	return guard_violation(e, guard, GUARD_SHARED_ABOVE_ONE, container,
			       limit > 1 ? "requests too many " : "requests more than one ", e->working.names[name],
			       text);
}

int guard_check_shares(struct evaluation *e, const struct guard *guard)
{
	const struct working_pod *working = &e->working;
	int64_t limits[WORKING_POD_RESOURCES_MAX];
	for (uint32_t n = 0; n < working->name_count; n++) {
		limits[n] = share_limit(e, n);
		if (limits[n] < 0)
			return -1;
	}
	for (uint32_t i = 0; working->name_count && i < e->pod->container_count; i++)
		for (uint32_t a = working->first[i]; a != INDEX_NONE; a = working->amounts[a].next) {
			const struct amount_of *amount = &working->amounts[a];
			if (limits[amount->name] == 0 || amount_value(amount) <= limits[amount->name])
				continue;
			return object_shares(e, guard, &e->pod->containers[i], amount->name, limits[amount->name]);
		}
	return 0;
}
