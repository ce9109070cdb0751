/*
 * Adds to the explanation of a refusal what its reader could do: request less, or a slice that
 * fits; roll out without additional Pods; or ask those who borrow.
 */
#include <stdio.h>

#include "gpugate/consumer.h"
#include "gpugate/quantity.h"
#include "webhook/admission/fits.h"
#include "webhook/simulate/explain.h"
#include "webhook/simulate/explain_text.h"

#define SLICES_MAX 64 /* Slices and shares that are tried. */
#define MEMBERS_MAX 8 /* Of a cohort, that are named. */

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
		const struct resource_request resource_request = {pair->key, 1};
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
	struct review review = refusal->subject->review;
	struct simulated simulated;
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)count);
	arena_reset(refusal->arena);
	review.dry_run = true;
	if (vary(&review.object, asked, (struct pair){resource, str_of(text)}, refusal->arena) < 0)
		return false;
	simulation_admit(refusal->context->simulation, refusal->context->policy, &review, refusal->arena, NULL,
			 &simulated);
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
		if (!resource.part || resource.gpus <= best.gpus || str_eq(resource.name, asked->resource))
			continue;
		tried++;
		if (would_fit(refusal, asked, resource.name, 1))
			best = resource;
	}
	return best.name;
}

static json_t *add(json_t *remedies, const char *kind)
{
	json_t *remedy = json_pack("{s:s}", "kind", kind);
	json_array_append_new(remedies, remedy);
	return remedy;
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
	json_t *remedy = add(remedies, "request");
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
	json_t *remedy = add(remedies, "rollout");
	json_object_set_new(remedy, "field", json_string(refusal->subject->kind->rolling.field));
	json_object_set_new(remedy, "maxSurge", json_integer(FITS_MAX_SURGE));
	json_object_set_new(remedy, "maxUnavailable", json_integer(FITS_MAX_UNAVAILABLE));
}

/* --- Cohorts --- */

static bool find_quota(const struct policy *policy, const json_t *item, uint32_t *quota)
{
	struct quota_view view;
	for (*quota = 0; *quota < policy_quota_count(policy); ++*quota) {
		policy_quota(policy, *quota, &view);
		if (str_eq(view.tenant, str_of(tree_get(item, "tenant"))) &&
		    str_eq(view.name, str_of(tree_get(item, "quota"))))
			return true;
	}
	return false;
}

static void set_amount(json_t *to, const char *key, wide amount, const struct policy *policy,
		       const struct quota_view *quota)
{
	struct buf text;
	buf_init(&text, 256);
	amount_print(amount, policy_unit(policy), quota->measure, &text);
	json_object_set_new(to, key, explain_string(buf_view(&text)));
	buf_release(&text);
}

/* Adds a member of the cohort to those that borrow, or to those that lend. */
static void add_member(const struct explain_refusal *refusal, uint32_t quota, json_t *borrowers, json_t *lenders)
{
	const struct policy *policy = refusal->context->policy;
	struct quota_view view;
	policy_quota(policy, quota, &view);
	wide used = simulation_used(refusal->context->simulation, quota);
	bool borrows = !view.unlimited && used > view.hard;
	json_t *list = borrows ? borrowers : lenders, *member;
	if ((!borrows && view.lend == 0) || json_array_size(list) == MEMBERS_MAX)
		return;
	json_array_append_new(list, member = json_object());
	json_object_set_new(member, "tenant", explain_string(view.tenant));
	set_amount(member, "used", used, policy, &view);
	set_amount(member, "hard", view.hard, policy, &view);
	if (borrows)
		set_amount(member, "borrowed", used - view.hard, policy, &view);
	else
		set_amount(member, "lendUpTo", view.lend, policy, &view);
}

static void add_cohort(const struct explain_refusal *refusal, const json_t *item, json_t *remedies)
{
	const uint32_t *members;
	uint32_t quota;
	if (!json_is_true(json_object_get(item, "exceeded")) || !tree_has(item, "cohort") ||
	    !find_quota(refusal->context->policy, item, &quota))
		return;
	uint32_t count = policy_cohort(refusal->context->policy, quota, &members);
	json_t *borrowers = json_array(), *lenders = json_array();
	for (uint32_t i = 0; i < count; i++)
		if (members[i] != quota)
			add_member(refusal, members[i], borrowers, lenders);
	if (json_array_size(borrowers)) {
		json_t *remedy = add(remedies, "cohort");
		json_object_set(remedy, "cohort", json_object_get(item, "cohort"));
		json_object_set(remedy, "quota", json_object_get(item, "quota"));
		json_object_set(remedy, "borrowers", borrowers);
		json_object_set(remedy, "lenders", lenders);
	}
	json_decref(borrowers);
	json_decref(lenders);
}

/* --- All of them --- */

/* Whether a quota refuses the Pod; then other requests, or other times, may help. */
static bool is_of_quota(const json_t *tree)
{
	size_t i;
	json_t *violation;
	json_array_foreach(json_object_get(tree, "objections"), i,
			   violation) if (tree_is(violation, "enforcement", "deny") &&
					  tree_is(violation, "reason", reason_name(REASON_QUOTA))) return true;
	return false;
}

void explain_remedies(const struct explain_refusal *refusal)
{
	size_t i;
	json_t *quota, *remedies = json_array();
	if (is_of_quota(refusal->tree)) {
		add_request(refusal, remedies);
		add_rollout(refusal, remedies);
		json_array_foreach(json_object_get(refusal->tree, "quotas"), i, quota)
		    add_cohort(refusal, quota, remedies);
	}
	if (json_array_size(remedies))
		json_object_set(refusal->tree, "remedies", remedies);
	json_decref(remedies);
}
