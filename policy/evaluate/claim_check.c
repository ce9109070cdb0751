#include "policy/evaluate/claim_check.h"
#include "gpugate/policy.h"

#include <stdio.h>

#include "policy/base/show.h"
#include "policy/evaluate/coverage.h"
#include "policy/evaluate/exempt.h"
#include "policy/evaluate/violation.h"

/* --- The mark of the scheduler --- */

static bool is_scheduler(const struct review *review)
{
	return str_eq(review->user, STR("system:kube-scheduler"));
}

bool claim_is_of_scheduler(const struct review *review)
{
	const struct owner *owner = &review->claim.owner;
	return review->claim.marked_extended && is_scheduler(review) && str_eq(owner->kind, STR("Pod")) &&
	       str_eq(owner->api_version, STR("v1"));
}

bool claim_is_marked_later(const struct review *review)
{
	const struct claim *now = &review->claim, *old = &review->old_claim;
	return review->operation == OPERATION_UPDATE && str_eq(review->kind, STR("ResourceClaim")) &&
	       now->marked_extended && !(old->marked_extended && str_eq(old->extended_mark, now->extended_mark)) &&
	       !is_scheduler(review);
}

/* Whether quotas count what is requested in the namespace. */
static bool has_quotas(const struct evaluation *e)
{
	return e->tenant != NO_TENANT && e->other_tenant == NO_TENANT && e->policy->tenants[e->tenant].quota_count > 0;
}

/*
 * What cannot be counted is refused as the policy says, and not as the tenant says: a tenant in
 * audit may be below one whose quota denies.
 */
static int refuse(struct evaluation *e, struct str about, const char *before, struct str detail, const char *after)
{
	return decision_add_violation_about(e->decision, e->arena, REASON_REQUEST, e->policy->enforcement, STR(""),
					    about, "%s" SHOW "%s", before, SHOWN(detail), after);
}

int claim_check_mark(struct evaluation *e)
{
	/* Also where no quota counts the namespace, which it may later: the mark stays. */
	if (!policy_counts_claims(e->policy))
		return 0;
	return refuse(e, STR(CLAIM_EXTENDED_MARK), "the annotation ", STR(CLAIM_EXTENDED_MARK),
		      " is the scheduler's, for claims that it creates for the extended resources of a Pod; remove it");
}

/* --- What a claim requests --- */

/* Something in a request that keeps it from being counted. */
struct claim_problem {
	struct str about; /* The text of the claim. */
	const char *what, *remedy;
};

/* Returns the problem of an option; `what` is NULL: it has none. */
static struct claim_problem find_problem(const struct claim_option *option)
{
	if (option->device_class.len == 0)
		return (struct claim_problem){STR(""), "is of a form that this version of gpugate cannot count",
					      "use `exactly` or `firstAvailable`, with a device class"};
	if (option->mode == CLAIM_MODE_UNKNOWN)
		return (struct claim_problem){option->mode_text,
					      "has an allocationMode that this version of gpugate cannot count",
					      "use ExactCount or All"};
	if (option->mode == CLAIM_EXACT_COUNT && option->count <= 0)
		return (struct claim_problem){option->count_text, "has a count that is no number of devices",
					      "request at least 1"};
	return (struct claim_problem){.what = NULL};
}

_Static_assert(RESOURCE_REQUEST_MAX == 1000000000 && CLAIM_OPTIONS_MAX == 256, "the sentences name these");

/* Returns how many devices a request is for, at most one more than are allowed. */
static int64_t request_most(const struct claim_request *request)
{
	int64_t most = 0;
	for (uint32_t k = 0; k < request->option_count; k++)
		if (request->options[k].mode == CLAIM_EXACT_COUNT && request->options[k].count > most)
			most = request->options[k].count;
	return most > RESOURCE_REQUEST_MAX ? RESOURCE_REQUEST_MAX + 1 : most;
}

/* As for a Pod; this bounds what a quota is charged. */
static int check_total(struct evaluation *e, const struct claim *claim)
{
	int64_t total = 0;
	for (uint32_t i = 0; i < claim->request_count; i++)
		total += request_most(&claim->requests[i]);
	return total > RESOURCE_REQUEST_MAX
		   ? refuse(e, STR(""), "the claim requests more than 1000000000 devices", STR(""), "; request fewer")
		   : 0;
}

static int check_form(struct evaluation *e, const struct claim *claim)
{
	char after[200];
	for (uint32_t i = 0; i < claim->request_count; i++)
		for (uint32_t k = 0; k < claim->requests[i].option_count; k++) {
			struct claim_problem problem = find_problem(&claim->requests[i].options[k]);
			if (!problem.what)
				continue;
			snprintf(after, sizeof after, " %s; %s", problem.what, problem.remedy);
			return refuse(e, problem.about.len ? problem.about : claim->requests[i].name, "request ",
				      claim->requests[i].name, after);
		}
	return 0;
}

/* Whether a Guard that judges this review allows adminAccess. */
static bool admin_is_allowed(const struct evaluation *e)
{
	for (uint32_t g = 0; g < e->policy->guard_count; g++) {
		const struct guard *guard = &e->policy->guards[g];
		if (guard->admin_access && !exempt_match(&guard->exempt, e->review, e->namespace, NULL))
			return true;
	}
	return false;
}

/* Devices that are used with adminAccess are not charged, so the policy has to allow it. */
static int check_admin(struct evaluation *e, const struct claim *claim)
{
	for (uint32_t i = 0; i < claim->request_count; i++)
		for (uint32_t k = 0; k < claim->requests[i].option_count; k++) {
			const struct claim_option *option = &claim->requests[i].options[k];
			if (option->admin_access && !admin_is_allowed(e))
				return refuse(e, option->admin_text, "request ", claim->requests[i].name,
					      " has adminAccess, by which it uses devices that no quota counts; remove "
					      "adminAccess, or ask the platform team for a Guard that allows it");
		}
	return 0;
}

/* Whether some request is of a form that cannot be read. */
static bool has_unknown(const struct claim *claim)
{
	bool unknown = false;
	for (uint32_t i = 0; i < claim->request_count; i++)
		for (uint32_t k = 0; k < claim->requests[i].option_count; k++)
			unknown |= claim->requests[i].options[k].device_class.len == 0;
	return unknown;
}

int claim_check(struct evaluation *e)
{
	const struct claim *claim = &e->review->claim;
	if (claim_is_of_scheduler(e->review) || !policy_counts_claims(e->policy))
		return 0;
	/* The API server has refused it before; here, a part of it would not be charged. */
	if (!policy_claim_bounded(claim))
		return decision_add_violation(e->decision, e->arena, REASON_REQUEST, e->policy->enforcement, STR(""),
					      "the claim has more than 256 ways to meet its requests; request less");
	if (claim->marked_extended && claim_check_mark(e) < 0)
		return -1;
	if (has_quotas(e) && (check_form(e, claim) < 0 || check_total(e, claim) < 0 || check_admin(e, claim) < 0))
		return -1;
	return charges_check_claim(e, has_unknown(claim));
}
