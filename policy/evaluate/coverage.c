/*
 * coverage: checks that the quotas of the tenant count everything that a Pod requests, on every
 * model that it can run on.
 */
#include "policy/evaluate/coverage.h"

#include <stdio.h>

#include "policy/base/show.h"
#include "policy/evaluate/charge.h"
#include "policy/evaluate/companions.h"
#include "policy/evaluate/mismatch.h"
#include "policy/evaluate/placement.h"
#include "policy/evaluate/requirements.h"
#include "policy/evaluate/unknown.h"
#include "policy/evaluate/violation.h"
#include "policy/model/slices.h"

/* Maximum bytes of the parts of a sentence, so that all of it fits into MESSAGE_MAX. */
#define KNOWN_MAX 220
#define DIFFERS_MAX 280
#define COVERED_SHOWN 4 /* Different names of resources. */

/* Returns the enforcement of the tenant, capped by Settings.uncovered. */
static enum enforcement uncovered_enforcement(const struct evaluation *e)
{
	enum enforcement own = e->policy->tenants[e->tenant].enforcement;
	return e->policy->uncovered > own ? e->policy->uncovered : own;
}

/* Bytes of a name with its class, both shortened. */
#define NAMED_MAX (2 * (SHOWN_MAX + 8) + 32)

/*
 * Prints the name of a resource as the Pod has it, and the device class as which it counts, if that
 * is another name. Returns `out`.
 */
static const char *print_name(const struct evaluation *e, struct str name, char out[static NAMED_MAX])
{
	struct str class = policy_class_of(e->policy, name);
	if (str_present(class))
		snprintf(out, NAMED_MAX, SHOW " (DeviceClass \"" SHOW "\")", SHOWN(name), SHOWN(class));
	else
		snprintf(out, NAMED_MAX, SHOW, SHOWN(name));
	return out;
}

/*
 * Returns the first landing that the placement allows and that some quota on the path of the tenant
 * counts (`counted`), or that none counts. Returns INDEX_NONE if there is none.
 */
static uint32_t find_landing(const struct evaluation *e, struct str name, const struct resource *resource,
			     const struct placement *placement, bool counted)
{
	const struct policy *policy = e->policy;
	const struct tenant *tenant = &policy->tenants[e->tenant];
	for (uint32_t l = 0; l < resource->landing_count; l++) {
		bool some = false;
		for (uint32_t q = 0; q < tenant->quota_count && !some; q++) {
			const struct quota *quota = &policy->quotas[tenant->quotas[q]];
			some = charge_counts(policy, quota, name, resource) &&
			       quota_counts_model(quota, resource->landings[l].model);
		}
		if (some == counted && placement_allows(placement, l))
			return l;
	}
	return INDEX_NONE;
}

/* Describes the nodes for which the policy has no model. */
static void print_unknown(const struct evaluation *e, const struct placement *placement, char *out, size_t size)
{
	bool selects = e->pod->node_selector.count > 0;
	if (placement->unknown == UNKNOWN_TERM)
		snprintf(out, size, "on the nodes that term %u of the Pod's required node affinity allows%s",
			 placement->unknown_term, selects ? " with its nodeSelector" : "");
	else if (placement->unknown == UNKNOWN_SELECTOR)
		snprintf(out, size, "on the nodes that the Pod's nodeSelector allows");
	else if (placement->unknown == UNKNOWN_NO_NODE)
		snprintf(out, size,
			 "where the Pod could run, since no term of its required node affinity allows any node%s",
			 selects ? " with its nodeSelector" : "");
	else
		snprintf(out, size,
			 "on every node that the Pod could run on, since what it requires of its node is longer than "
			 "16 KiB");
}

/* A claim requires a part of a device of a product, and no Accelerator of that product has it. */
static int object_unknown_part(struct evaluation *e, struct str name, const struct placement *placement)
{
	const struct model *model = &e->policy->models[placement->nearest];
	const struct node_term *term = &e->pod->node_terms[placement->unknown_term - 1];
	return decision_add_violation_about(
	    e->decision, e->arena, REASON_NO_MODEL, uncovered_enforcement(e), model->name, name,
	    "the claim requires " SHOW " of the product " SHOW ", but Accelerator \"" SHOW
	    "\" does not offer that; request a profile that it offers, or ask the platform team to offer this one",
	    SHOWN(name), SHOWN(term->expressions->values.items[0]), SHOWN(model->name));
}

/* Some alternative of what the Pod requires of its node allows no model that the policy knows. */
static int object_unknown(struct evaluation *e, struct str name, const struct resource *resource,
			  const struct placement *placement)
{
	static const struct placement anywhere = {0};
	if (placement->unknown == UNKNOWN_PART)
		return object_unknown_part(e, name, placement);
	uint32_t covered = find_landing(e, name, resource, &anywhere, true);
	uint32_t nearest = placement->nearest_is_sole || covered == INDEX_NONE ? placement->nearest : covered;
	const struct model *model = &e->policy->models[resource->landings[nearest].model];
	char where[160], known[KNOWN_MAX], differs[DIFFERS_MAX], named[NAMED_MAX];
	print_unknown(e, placement, where, sizeof where);
	requirements_print(model, known, sizeof known);
	mismatch_print(e->pod, placement, model, differs, sizeof differs);
	bool known_by_that = differs[0] && model->label_count + model->without_count == 1;
	return decision_add_violation_about(
	    e->decision, e->arena, REASON_NO_MODEL, uncovered_enforcement(e), model->name, name,
	    "no Accelerator of the policy has %s %s; %s \"" SHOW "\"%s%s; correct what the Pod requires, or ask the "
	    "platform team for an Accelerator",
	    print_name(e, name, named), where,
	    placement->nearest_is_sole ? "the nearest is" : "one that it could require is", SHOWN(model->name),
	    known_by_that ? "" : known, differs);
}

/*
 * Prints the resources that the quotas on the path of the tenant name, each once, up to
 * COVERED_SHOWN.
 */
static void print_covered(const struct evaluation *e, char *out, size_t size)
{
	const struct tenant *tenant = &e->policy->tenants[e->tenant];
	struct str shown[COVERED_SHOWN];
	uint32_t count = 0;
	int len = 0;
	for (uint32_t q = 0; q < tenant->quota_count; q++) {
		const struct globs *globs = &e->policy->quotas[tenant->quotas[q]].resources;
		for (uint32_t g = 0; g < globs->count; g++) {
			uint32_t at = 0;
			while (at < count && !str_eq(shown[at], globs->items[g]))
				at++;
			if (at < count)
				continue;
			if (count == COVERED_SHOWN) {
				snprintf(out + len, size - (size_t)len, ", ...");
				return;
			}
			shown[count++] = globs->items[g];
			len +=
			    snprintf(out + len, size - (size_t)len, "%s" SHOW, len ? ", " : "", SHOWN(globs->items[g]));
		}
	}
}

static int object_not_offered(struct evaluation *e, struct str name)
{
	uint64_t work = SLICE_WORK;
	struct str near = slice_near(e->policy, name, &work);
	char offered[SLICES_TEXT_MAX] = "";
	slices_print(e->policy, offered, sizeof offered);
	return decision_add_violation_about(
	    e->decision, e->arena, REASON_UNCOVERED, uncovered_enforcement(e), STR(""), name,
	    "no Accelerator of the policy offers " SHOW ", so no GPU quota of tenant \"" SHOW "\" covers it%s" SHOW
	    "%s; request what is offered (%s), or ask the platform team to "
	    "offer it",
	    SHOWN(name), SHOWN(e->policy->tenants[e->tenant].name), str_present(near) ? "; did you mean \"" : "",
	    SHOWN(near), str_present(near) ? "\"?" : "", offered);
}

static int object_uncovered(struct evaluation *e, struct str name, bool known)
{
	const struct tenant *tenant = &e->policy->tenants[e->tenant];
	if (slice_is_missing(e->policy, name))
		return object_not_offered(e, name);
	char covered[COVERED_SHOWN * (SHOWN_MAX + 8)] = "", named[NAMED_MAX];
	print_covered(e, covered, sizeof covered);
	return decision_add_violation_about(
	    e->decision, e->arena, REASON_UNCOVERED, uncovered_enforcement(e), known ? name : STR(""), name,
	    "no GPU quota of tenant \"" SHOW "\" covers %s; %s%s%sask the platform team for a quota",
	    SHOWN(tenant->name), print_name(e, name, named), covered[0] ? "request what its quotas cover (" : "",
	    covered, covered[0] ? "), or " : "");
}

/* Only some of the models are counted, so the Pod passes if it requires one of these. */
static int object_partly_covered(struct evaluation *e, struct str name, const struct resource *resource,
				 uint32_t uncovered, uint32_t covered)
{
	const struct policy *policy = e->policy;
	const struct model *out = &policy->models[resource->landings[uncovered].model];
	const struct model *in = &policy->models[resource->landings[covered].model];
	char known[REQUIREMENTS_MAX], named[NAMED_MAX];
	if (e->review->claim.present)
		return decision_add_violation_about(
		    e->decision, e->arena, REASON_UNCOVERED, uncovered_enforcement(e), resource->name, name,
		    "no GPU quota of tenant \"" SHOW "\" covers " SHOW " of Accelerator \"" SHOW "\", which the claim "
		    "could get; use a device class of \"" SHOW "\" alone, or ask the platform team for a quota",
		    SHOWN(policy->tenants[e->tenant].name), SHOWN(name), SHOWN(out->name), SHOWN(in->name));
	requirements_print(in, known, sizeof known);
	return decision_add_violation_about(
	    e->decision, e->arena, REASON_UNCOVERED, uncovered_enforcement(e), resource->name, name,
	    "no GPU quota of tenant \"" SHOW "\" covers %s on nodes of Accelerator \"" SHOW "\", where the Pod "
	    "could run; require nodes of \"" SHOW "\"%s and no others, or ask the platform team for a quota",
	    SHOWN(policy->tenants[e->tenant].name), print_name(e, name, named), SHOWN(out->name), SHOWN(in->name),
	    known);
}

/* Finds quotas that measure memory and count a resource whose memory is unknown. */
static int check_memory(struct evaluation *e, struct str name, const struct resource *resource,
			const struct scope *scope)
{
	const struct policy *policy = e->policy;
	const struct tenant *tenant = &policy->tenants[e->tenant];
	for (uint32_t q = 0; q < tenant->quota_count; q++) {
		const struct quota *quota = &policy->quotas[tenant->quotas[q]];
		wide each;
		if (quota->unlimited || !charge_unit(policy, quota, name, resource, scope, &each) ||
		    each != MEMORY_UNKNOWN)
			continue;
		bool slice = !resource && snapshot_role(policy, name) == ROLE_SLICE;
		if (decision_add_violation_about(
			e->decision, e->arena, REASON_NO_MODEL, policy->tenants[quota->tenant].enforcement, quota->name,
			name,
			slice ? "GPU quota \"" SHOW "\" of tenant \"" SHOW
				"\" measures memory, but no Accelerator of the "
				"policy offers " SHOW
				"; request another MIG profile, or ask the platform team to offer it"
			      : "GPU quota \"" SHOW "\" of tenant \"" SHOW
				"\" measures memory, but no Accelerator of the "
				"policy says how much " SHOW " has; ask the platform team to add that",
			SHOWN(quota->name), SHOWN(policy->tenants[quota->tenant].name), SHOWN(name)) < 0)
			return -1;
	}
	return 0;
}

static bool is_counted_by_name(const struct policy *policy, const struct tenant *tenant, struct str name)
{
	const struct scope all = {.unknown = false};
	wide each;
	for (uint32_t q = 0; q < tenant->quota_count; q++)
		if (charge_unit(policy, &policy->quotas[tenant->quotas[q]], name, NULL, &all, &each))
			return true;
	return false;
}

static const struct placement *place_once(struct evaluation *e, struct placements *placed,
					  const struct resource *resource)
{
	struct placement placement;
	if (!placements_get(placed, resource) &&
	    (placement_find(e->policy, resource, e->pod, e->arena, &placement) < 0 ||
	     placements_add(placed, e->arena, resource, &placement) < 0))
		return NULL;
	return placements_get(placed, resource);
}

static int check_resource(struct evaluation *e, struct placements *placed, struct str name,
			  const struct resource *resource)
{
	static const struct placement anywhere = {0};
	const struct placement *placement = place_once(e, placed, resource);
	if (!placement)
		return -1;
	if (placement->unknown && object_unknown(e, name, resource, placement) < 0)
		return -1;
	uint32_t uncovered = find_landing(e, name, resource, placement, false);
	if (uncovered == INDEX_NONE)
		return 0;
	uint32_t covered = find_landing(e, name, resource, placement, true);
	if (covered == INDEX_NONE)
		covered = find_landing(e, name, resource, &anywhere, true);
	return covered == INDEX_NONE ? object_uncovered(e, name, true)
				     : object_partly_covered(e, name, resource, uncovered, covered);
}

/*
 * Every resource must be measurable, and counted by some quota on the path on each model that the
 * Pod can run on.
 */
static int check_coverage(struct evaluation *e, const struct consumer *consumer)
{
	struct placements placed = {.count = 0};
	for (uint32_t d = 0; d < consumer->request_count; d++) {
		struct str name = consumer->requests[d].resource;
		const struct resource *resource = snapshot_resource(e->policy, name);
		struct scope scope = scope_of(e->policy, resource, consumer->models, consumer->model_count);
		if (check_memory(e, name, resource, &scope) < 0)
			return -1;
		if (resource && check_resource(e, &placed, name, resource) < 0)
			return -1;
		if (!resource && !is_counted_by_name(e->policy, &e->policy->tenants[e->tenant], name) &&
		    object_uncovered(e, name, false) < 0)
			return -1;
	}
	return 0;
}

static int check_tenancy(struct evaluation *e)
{
	const struct policy *policy = e->policy;
	if (e->tenant == NO_TENANT) {
		enum enforcement enforcement =
		    policy->untenanted > policy->enforcement ? policy->untenanted : policy->enforcement;
		return decision_add_violation(
		    e->decision, e->arena, REASON_UNTENANTED, enforcement, STR(""),
		    "namespace \"" SHOW "\" belongs to no tenant of the GPU policy, so its %s may not request "
		    "accelerators; use a namespace of a tenant, or ask the platform team to add this one to a tenant",
		    SHOWN(e->namespace), e->review->claim.present ? "claims" : "Pods");
	}
	if (e->other_tenant == NO_TENANT)
		return 0;
	return decision_add_violation(e->decision, e->arena, REASON_AMBIGUOUS, policy->enforcement, STR(""),
				      "namespace \"" SHOW "\" is claimed by two tenants of the GPU policy, \"" SHOW
				      "\" and \"" SHOW "\"; ask the "
				      "platform team to assign it to one of them",
				      SHOWN(e->namespace), SHOWN(policy->tenants[e->tenant].name),
				      SHOWN(policy->tenants[e->other_tenant].name));
}

/* Checks what the consumer requests, and decides whether the ledger has to decide about it. */
static int check_consumer(struct evaluation *e)
{
	struct consumer *consumer = &e->decision->consumer;
	if (check_tenancy(e) < 0)
		return -1;
	if (e->tenant == NO_TENANT || e->other_tenant != NO_TENANT)
		return 0;
	if (policy_place(e->policy, e->pod, e->arena, consumer) < 0 || check_coverage(e, consumer) < 0)
		return -1;
	e->decision->charged = consumer->request_count > 0 && !e->decision->denied;
	return 0;
}

int charges_check(struct evaluation *e)
{
	struct consumer *consumer = &e->decision->consumer;
	const struct working_pod *working = &e->working;
	struct resource_request *requests =
	    arena_zalloc(e->arena, working->name_count + COMPANIONS_MAX, sizeof *requests);
	if (!requests)
		return -1;
	for (uint32_t n = 0; n < working->name_count; n++)
		if (working->effective[n] > 0)
			requests[consumer->request_count++] =
			    (struct resource_request){.resource = working->names[n], .count = working->effective[n]};
	if (companions_add(e, requests, &consumer->request_count) < 0)
		return -1;
	if (consumer->request_count == 0)
		return 0;
	consumer->requests = requests;
	consumer->uid = e->pod->uid;
	consumer->namespace = e->namespace;
	consumer->name = e->pod->name;
	return check_consumer(e);
}

/* Whether some quota may count a resource that a claim requests. */
static bool claim_counts(const struct evaluation *e, struct str name)
{
	if (snapshot_is_accelerator(e->policy, name))
		return true;
	return e->tenant != NO_TENANT && companions_is_named(e->policy, &e->policy->tenants[e->tenant], name);
}

int charges_check_claim(struct evaluation *e, bool unknown)
{
	struct consumer *consumer = &e->decision->consumer;
	const struct resource_request *found;
	struct claim claim = e->review->claim;
	uint32_t count, kept = 0;
	bool begun = false; /* Some alternative of the group is kept. */
	/*
	 * It is not one of the scheduler, whatever it is marked as: claim_check has let these pass.
	 */
	claim.marked_extended = false;
	if (policy_claim_requests(&claim, e->arena, &found, &count) < 0 || unknown_check_claim(e, found, count) < 0)
		return -1;
	struct resource_request *requests = arena_alloc(e->arena, count * sizeof *requests);
	if (!requests)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		begun &= found[i].alternative;
		if (!claim_counts(e, found[i].resource))
			continue;
		requests[kept] = found[i];
		requests[kept++].alternative = begun;
		begun = true;
	}
	if (kept == 0 && !unknown)
		return 0;
	struct pod *placement = arena_zalloc(e->arena, 1, sizeof *placement);
	if (!placement || policy_claim_placement(&claim, e->arena, placement) < 0)
		return -1;
	/* From here on, a claim is placed as a Pod that requires such nodes. */
	e->pod = placement;
	consumer->kind = CONSUMER_CLAIM;
	consumer->requests = requests;
	consumer->request_count = kept;
	consumer->uid = claim.uid;
	consumer->namespace = e->namespace;
	consumer->name = claim.name;
	return check_consumer(e);
}
