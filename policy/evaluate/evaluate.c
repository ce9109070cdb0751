/* evaluate: decides about one Pod: what /mutate changes, and whether /validate admits it. */
#include <stdlib.h>

#include "gpugate/pod.h"
#include "policy/base/show.h"
#include "policy/evaluate/claim_check.h"
#include "policy/evaluate/coverage.h"
#include "policy/evaluate/exempt.h"
#include "policy/evaluate/gangs.h"
#include "policy/evaluate/guard.h"
#include "policy/evaluate/guard_env.h"
#include "policy/evaluate/reapply.h"
#include "policy/evaluate/rules.h"
#include "policy/evaluate/trace.h"
#include "policy/evaluate/unknown.h"
#include "policy/evaluate/violation.h"
#include "policy/model/catalog.h"

/*
 * A mirror Pod represents a static Pod that the kubelet already runs. Anyone can set the
 * annotation, so the user must also be a node.
 */
static bool is_mirror(const struct review *review)
{
	bool node = false, annotated = false;
	for (uint32_t i = 0; i < review->groups.count; i++)
		node |= str_eq(review->groups.items[i], STR("system:nodes"));
	for (uint32_t i = 0; node && i < review->object.annotations.count; i++)
		annotated |= str_eq(review->object.annotations.items[i].key, CATALOG_MIRROR_ANNOTATION);
	return node && annotated;
}

/* Whether the review creates a Pod or adds ephemeral containers to one. */
static bool concerns(const struct review *review)
{
	if (!review->object.present)
		return false;
	if (review->operation == OPERATION_CREATE)
		return review->subresource.len == 0;
	return review->operation == OPERATION_UPDATE && str_eq(review->subresource, STR("ephemeralcontainers"));
}

static bool creates_claim(const struct review *review)
{
	return review->claim.present && review->operation == OPERATION_CREATE && review->subresource.len == 0;
}

static int name_order(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/*
 * On pods/ephemeralcontainers, Guards check only the containers that the Pod did not have before.
 */
static int find_judged(struct evaluation *e)
{
	const struct pod *pod = e->pod, *old = &e->review->old_object;
	if (e->review->operation == OPERATION_CREATE)
		return 0;
	bool *judged = arena_zalloc(e->arena, pod->container_count, sizeof *judged);
	struct str *names = arena_alloc(e->arena, old->container_count * sizeof *names);
	if (!judged || !names)
		return -1;
	uint32_t count = 0;
	for (uint32_t i = 0; i < old->container_count; i++)
		if (old->containers[i].list == CONTAINER_EPHEMERAL)
			names[count++] = old->containers[i].name;
	qsort(names, count, sizeof *names, name_order);
	for (uint32_t i = 0; i < pod->container_count; i++)
		judged[i] = pod->containers[i].list == CONTAINER_EPHEMERAL &&
			    !bsearch(&pod->containers[i].name, names, count, sizeof *names, name_order);
	e->judged = judged;
	return 0;
}

/* Fills in the namespace and the tenant. Returns false if the Pod is exempt. */
static bool identify(struct evaluation *e, const struct policy *policy, const struct review *review,
		     struct arena *arena, struct decision *decision, const struct trace *trace)
{
	struct exemption why;
	e->policy = policy;
	e->review = review;
	e->pod = &review->object;
	e->arena = arena;
	e->decision = decision;
	e->namespace = review->namespace;
	e->judged = NULL;
	e->trace = trace;
	e->marks = NULL;
	decision->exempt = exempt_match(&policy->exempt, review, e->namespace, &why);
	if (decision->exempt) {
		trace_exemption(e, &why);
		return false;
	}
	decision->mirror = is_mirror(review);
	e->namespace_labels = snapshot_namespace_labels(policy, e->namespace, &review->namespace_labels);
	e->tenant = snapshot_tenant(policy, e->namespace, &review->namespace_labels, &e->other_tenant);
	if (e->tenant != NO_TENANT)
		decision->tenant = policy->tenants[e->tenant].name;
	if (trace)
		trace_begin(e);
	return true;
}

static int object_problem(struct evaluation *e, const struct working_pod_problem *problem)
{
	bool of_container = str_present(problem->container);
	if (!str_present(problem->resource))
		return decision_add_violation(e->decision, e->arena, REASON_REQUEST, e->policy->enforcement, STR(""),
					      "the Pod requests %s; request %s", problem->what, problem->remedy);
	return decision_add_violation_about(
	    e->decision, e->arena, REASON_REQUEST, e->policy->enforcement, STR(""), problem->resource,
	    "%s" SHOW "%s requests " SHOW ": \"" SHOW "\" %s; request %s",
	    of_container ? "container \"" : "the Pod's overhead", SHOWN(problem->container), of_container ? "\"" : "",
	    SHOWN(problem->resource), SHOWN(problem->quantity), problem->what, problem->remedy);
}

/*
 * Fills in what both endpoints need. Returns 1 if there is something to decide, 0 if not, or -1 if
 * the arena is exhausted.
 */
static int begin(struct evaluation *e, const struct policy *policy, const struct review *review, struct arena *arena,
		 struct decision *decision, const struct trace *trace)
{
	*decision = (struct decision){0};
	if (!concerns(review) || !identify(e, policy, review, arena, decision, trace))
		return 0;
	struct working_pod_problem problem;
	if (find_judged(e) < 0 || working_pod_init(&e->working, policy, e->pod, arena, &problem) < 0)
		return -1;
	if (problem.what && object_problem(e, &problem) < 0)
		return -1;
	return decision->denied ? 0 : 1; /* An invalid request cannot be charged. */
}

struct void_edits {
	struct edit *edits;
	uint32_t count;
	const struct evaluation *e;
	const struct guard *guard; /* For the trace. NULL without one. */
};

static int count_void(void *context, uint32_t container, int32_t index, struct str variable)
{
	(void)container, (void)index, (void)variable;
	++*(uint32_t *)context;
	return 0;
}

static int edit_void(void *context, uint32_t container, int32_t index, struct str variable)
{
	struct void_edits *to = context;
	to->edits[to->count++] = (struct edit){
	    .kind = EDIT_ENV, .container = container, .env_index = index, .key = variable, .value = STR("void")};
	trace_void(to->e, to->guard, container, index, variable);
	return 0;
}

int policy_mutate(const struct policy *policy, const struct review *review, struct arena *arena,
		  struct decision *decision, const struct trace *trace)
{
	struct evaluation e;
	if (reapply_concerns(review)) {
		*decision = (struct decision){.exempt = exempt_match(&policy->exempt, review, review->namespace, NULL),
					      .mirror = is_mirror(review)};
		return decision->exempt || decision->mirror ? 0 : reapply_edits(policy, review, arena, decision);
	}
	int some = begin(&e, policy, review, arena, decision, trace);
	if (some <= 0 || decision->mirror || decision->denied)
		return some < 0 ? -1 : 0;
	if (review->operation == OPERATION_CREATE && rules_apply(&e, true) < 0)
		return -1;
	if (review->operation == OPERATION_CREATE)
		trace_rules(&e);
	uint32_t voids = 0, count;
	struct edit *edits;
	guards_void(&e, count_void, &voids);
	if (decision->denied)
		return 0;
	if (working_pod_edits(&e.working, voids, &edits, &count) < 0)
		return -1;
	struct void_edits to = {edits, count, &e, trace ? guards_voiding(&e) : NULL};
	guards_void(&e, edit_void, &to);
	decision->edits = edits;
	decision->edit_count = to.count;
	return 0;
}

/*
 * Decides about a ResourceClaim, or about a ResourceClaimTemplate, of which only Guards say
 * something: each claim that is created from it is charged.
 */
static int validate_claim(struct evaluation *e)
{
	if (e->review->operation != OPERATION_CREATE)
		return claim_check_mark(e);
	int result = guards_check_claim(e);
	trace_guards(e);
	if (result < 0 || !str_eq(e->review->kind, STR("ResourceClaim")))
		return result;
	return claim_check(e);
}

/* Says which Rule decides the group of a Pod that is charged; NULL: none does. */
static void note_gang(struct evaluation *e, const struct rule *rule)
{
	if (!rule || !e->decision->charged)
		return;
	e->decision->gang_rule = rule->name;
	e->decision->gang_seconds = rule->gang_seconds;
	trace_gang(e, rule);
}

int policy_validate(const struct policy *policy, const struct review *review, struct arena *arena,
		    struct decision *decision, const struct trace *trace)
{
	struct evaluation e;
	if (creates_claim(review) || claim_is_marked_later(review)) {
		*decision = (struct decision){0};
		return identify(&e, policy, review, arena, decision, trace) ? validate_claim(&e) : 0;
	}
	if (reapply_concerns(review)) {
		/*
		 * An existing Pod is changed. Its resource requests are immutable, but its
		 * annotations are not, so only Guards apply.
		 */
		*decision = (struct decision){0};
		if (!identify(&e, policy, review, arena, decision, trace))
			return 0;
		int result = guards_check(&e);
		trace_guards(&e);
		return result;
	}
	int some = begin(&e, policy, review, arena, decision, trace);
	if (some <= 0)
		return some;
	if (guards_check(&e) < 0 || guards_check_void(&e) < 0)
		return -1;
	trace_guards(&e);
	if (review->operation != OPERATION_CREATE)
		return 0;
	if (unknown_check(&e) < 0)
		return -1;
	/*
	 * Charges are for the Pod as it is, so they come before rules_apply, which changes the
	 * draft. So does the search for the Rule that decides its group.
	 */
	if (charges_check(&e) < 0)
		return -1;
	const struct rule *gang = decision->charged && !decision->mirror ? gangs_rule(&e) : NULL;
	if (!decision->mirror && rules_apply(&e, false) < 0)
		return -1;
	decision->charged &= !decision->denied;
	note_gang(&e, gang);
	return 0;
}
