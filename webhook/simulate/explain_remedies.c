/*
 * Adds to the explanation of a refusal what its reader could do: request less, or a slice that
 * fits; roll out without additional Pods; wait, or ask those who hold or borrow; or take a name
 * that the policy knows.
 */
#include <stdio.h>

#include "gpugate/consumer.h"
#include "gpugate/quantity.h"
#include "webhook/admission/fits.h"
#include "webhook/simulate/explain.h"
#include "webhook/simulate/explain_remedies.h"
#include "webhook/simulate/explain_text.h"

#define SLICES_MAX 64 /* Slices and shares that are tried. */

/* The only accelerator that the Pod requests, and the container that requests it. */
struct asked {
	uint32_t container;
	struct str resource;
	int64_t count; /* 0: none, or several. */
};

/* --- Other requests --- */

static bool note_asked(const struct policy *policy, const struct pairs *pairs, uint32_t container, struct asked *asked)
{
	for (uint32_t i = 0; i < pairs->count; i++) {
		const struct pair *pair = &pairs->items[i];
		const struct resource_request resource_request = {.resource = pair->key, .count = 1};
		int64_t count;
		if (!policy_counts_some(policy, &resource_request, 1) ||
		    quantity_count(pair->value, &count) != QUANTITY_OK || count == 0)
			continue;
		if (asked->count && (asked->container != container || !str_eq(asked->resource, pair->key)))
			return false;
		*asked = (struct asked){container, pair->key, count};
	}
	return true;
}

static struct asked find_asked(const struct policy *policy, const struct pod *pod)
{
	struct asked asked = {.count = 0};
	for (uint32_t i = 0; i < pod->container_count; i++)
		if (!note_asked(policy, &pod->containers[i].requests, i, &asked) ||
		    !note_asked(policy, &pod->containers[i].limits, i, &asked))
			return (struct asked){.count = 0};
	return asked;
}

static int vary_pairs(struct pairs *pairs, const struct asked *asked, struct pair to, struct arena *arena)
{
	struct pair *items = arena_zalloc(arena, (size_t)pairs->count + 1, sizeof *items);
	if (!items)
		return -1;
	for (uint32_t i = 0; i < pairs->count; i++)
		items[i] = str_eq(pairs->items[i].key, asked->resource) ? to : pairs->items[i];
	pairs->items = items;
	return 0;
}

/* Makes the Pod request `to` instead. */
static int vary(struct pod *pod, const struct asked *asked, struct pair to, struct arena *arena)
{
	struct container *containers = arena_zalloc(arena, (size_t)pod->container_count + 1, sizeof *containers);
	if (!containers)
		return -1;
	memcpy(containers, pod->containers, pod->container_count * sizeof *containers);
	pod->containers = containers;
	return vary_pairs(&containers[asked->container].requests, asked, to, arena) < 0
		   ? -1
		   : vary_pairs(&containers[asked->container].limits, asked, to, arena);
}

/* Whether the Pod would be admitted with another request. Holds nothing. */
static bool would_fit(const struct explain_refusal *refusal, const struct asked *asked, struct str resource,
		      int64_t count)
{
	struct review review;
	struct simulated simulated;
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)count);
	arena_reset(refusal->arena);
	if (subject_member(refusal->subject, refusal->fits, refusal->arena, &review) < 0)
		return false;
	review.dry_run = true;
	if (vary(&review.object, asked, (struct pair){resource, str_of(text)}, refusal->arena) < 0)
		return false;
	simulation_admit(refusal->context->simulation, &review, refusal->arena, NULL, &simulated);
	buf_release(&simulated.charges);
	return simulated.state == ADMISSION_DECIDED && simulated.admitted;
}

static int64_t most_that_fits(const struct explain_refusal *refusal, const struct asked *asked)
{
	int64_t fits = 0, too_many = asked->count;
	while (too_many - fits > 1) {
		int64_t middle = fits + (too_many - fits) / 2;
		if (would_fit(refusal, asked, asked->resource, middle))
			fits = middle;
		else
			too_many = middle;
	}
	return fits;
}

/* Finds the largest slice or share of which one would be admitted; absent: none. */
static struct str slice_that_fits(const struct explain_refusal *refusal, const struct asked *asked)
{
	const struct policy *policy = refusal->context->policy;
	struct resource_view best = {.gpus = 0};
	unsigned tried = 0;
	for (uint32_t i = 0; i < policy_resource_count(policy) && tried < SLICES_MAX; i++) {
		struct resource_view resource;
		policy_resource(policy, i, &resource);
		/* A Pod claims devices of a class, and does not request them by name. */
		if (!resource.part || resource.gpus <= best.gpus || str_eq(resource.name, asked->resource) ||
		    str_starts(resource.name, STR("deviceclass.resource.kubernetes.io/")))
			continue;
		tried++;
		if (would_fit(refusal, asked, resource.name, 1))
			best = resource;
	}
	return best.name;
}

static void add_request(const struct explain_refusal *refusal, json_t *remedies)
{
	const struct pod *pod = &refusal->subject->review.object;
	struct asked asked = find_asked(refusal->context->policy, pod);
	if (asked.count == 0)
		return;
	int64_t fewer = asked.count > 1 ? most_that_fits(refusal, &asked) : 0;
	struct str resource = fewer ? asked.resource : slice_that_fits(refusal, &asked);
	if (!str_present(resource))
		return;
	json_t *remedy = remedy_add(remedies, "request");
	json_object_set_new(remedy, "resource", explain_string(resource));
	json_object_set_new(remedy, "count", json_integer(fewer ? fewer : 1));
	json_object_set_new(remedy, "insteadOf", explain_string(asked.resource));
	json_object_set_new(remedy, "asked", json_integer(asked.count));
	json_object_set_new(remedy, "container", explain_string(pod->containers[asked.container].name));
}

/* --- Rollouts --- */

/* All Pods fit but those that a rollout has in addition. */
static void add_rollout(const struct explain_refusal *refusal, json_t *remedies)
{
	const struct workload_count *tried = &refusal->tried->count;
	if (tried->surge == 0 || refusal->fits < tried->pods - tried->surge)
		return;
	json_t *remedy = remedy_add(remedies, "rollout");
	json_object_set_new(remedy, "field", json_string(refusal->subject->kind->rolling.field));
	json_object_set_new(remedy, "maxSurge", json_integer(FITS_MAX_SURGE));
	json_object_set_new(remedy, "maxUnavailable", json_integer(FITS_MAX_UNAVAILABLE));
}

/* --- All of them --- */

/*
 * Where a Rule admits Pods only together, and they were not decided so, it is not known what needs
 * to be free for all of them. If they differ, it is not known which of them could request less.
 */
static void of_quota(const struct explain_refusal *refusal, json_t *remedies)
{
	size_t i;
	json_t *quota, *gang = json_object_get(refusal->tree, "gang");
	bool whole = json_is_true(json_object_get(gang, "whole"));
	bool parted = gang && !whole && !json_is_true(json_object_get(gang, "alone"));
	if (!parted && !(whole && !json_object_get(gang, "pods")))
		add_request(refusal, remedies);
	add_rollout(refusal, remedies);
	json_array_foreach(json_object_get(refusal->tree, "quotas"), i, quota)
	{
		if (!parted)
			explain_holders(refusal, quota, remedies);
		explain_cohort(refusal, quota, remedies);
	}
}

/* What helps against a refusal for that reason. */
static const struct {
	enum reason reason;
	void (*add)(const struct explain_refusal *refusal, json_t *remedies);
} kinds[] = {{REASON_QUOTA, of_quota},
	     {REASON_UNTENANTED, explain_tenant_names},
	     {REASON_UNCOVERED, explain_resource_names},
	     {REASON_UNKNOWN_RESOURCE, explain_resource_names}};

static bool refuses_for(const json_t *tree, enum reason reason)
{
	size_t i;
	json_t *violation;
	json_array_foreach(json_object_get(tree, "objections"), i, violation)
	{
		if (tree_is(violation, "enforcement", "deny") && tree_is(violation, "reason", reason_name(reason)))
			return true;
	}
	return false;
}

void explain_remedies(const struct explain_refusal *refusal)
{
	json_t *remedies = json_array();
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (refuses_for(refusal->tree, kinds[i].reason))
			kinds[i].add(refusal, remedies);
	if (json_array_size(remedies))
		json_object_set(refusal->tree, "remedies", remedies);
	json_decref(remedies);
}
