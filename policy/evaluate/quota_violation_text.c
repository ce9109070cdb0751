/*
 * quota_violation_text: the messages about exceeded quotas, for users and for the programs that
 * wait on some of them.
 */
#include "policy/base/show.h"
#include "policy/evaluate/remedy.h"
#include "policy/evaluate/violation.h"

#define TEXT_MAX 2048 /* More than a message may have; it is then cut. */
/* Bytes of the sentence after which no further borrower is named, so that the rest fits. */
#define BORROWERS_BYTES_MAX 600

/* Whether the request exceeds what the limits ever allow, so that waiting does not help. */
static bool never_fits(const struct quota_violation *quota_violation)
{
	return quota_violation->requested > quota_violation->max;
}

static wide held_now(const struct quota_violation *quota_violation)
{
	return amount_sum(quota_violation->used, quota_violation->pending);
}

/*
 * Prints which part of the request is for the Pods of the same group that are still to come. Then
 * there is a Rule that decides the group.
 */
static void print_group(const struct policy *policy, const struct quota_violation *quota_violation, struct str rule,
			struct buf *out)
{
	enum measure measure = policy->quotas[quota_violation->quota].measure;
	if (quota_violation->of_group == 0)
		return;
	buf_text(out, " (");
	amount_print(quota_violation->requested - quota_violation->of_group, policy->unit, measure, out);
	buf_text(out, " by this Pod, ");
	amount_print(quota_violation->of_group, policy->unit, measure, out);
	buf_printf(out, " by the Pods of its group that are still to come; Rule \"" SHOW "\" admits all or none)",
		   SHOWN(rule));
}

/* Prints what is not used yet: by Pods that were admitted, and for Pods that are still to come. */
static void print_pending(const struct policy *policy, const struct quota_violation *quota_violation, struct buf *out)
{
	const struct {
		wide amount;
		const char *what;
	} parts[] = {{quota_violation->pending - quota_violation->reserved, " pending"},
		     {quota_violation->reserved, " reserved for groups of Pods"}};
	bool some = false;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (parts[i].amount <= 0)
			continue;
		buf_text(out, some ? ", +" : " (+");
		amount_print(parts[i].amount, policy->unit, policy->quotas[quota_violation->quota].measure, out);
		buf_text(out, parts[i].what);
		some = true;
	}
	if (some)
		buf_char(out, ')');
}

static void print_numbers(const struct policy *policy, const struct quota_violation *quota_violation,
			  struct str gang_rule, struct buf *out)
{
	const struct quota *quota = &policy->quotas[quota_violation->quota];
	buf_printf(out, "GPU quota \"" SHOW "\" of tenant \"" SHOW "\": requested ", SHOWN(quota->name),
		   SHOWN(policy->tenants[quota->tenant].name));
	amount_print(quota_violation->requested, policy->unit, quota->measure, out);
	print_group(policy, quota_violation, gang_rule, out);
	buf_text(out, ", used ");
	amount_print(quota_violation->used, policy->unit, quota->measure, out);
	print_pending(policy, quota_violation, out);
	buf_printf(out, ", limit %.*s", STR_ARG(quota->hard_text));
	if (quota->borrow > 0)
		buf_printf(out, " + up to %.*s borrowed", STR_ARG(quota->borrow_text));
}

/*
 * Says why the cohort has too little left: which tenants use more than their own limit, and what to
 * do.
 */
static void print_cohort(const struct policy *policy, const struct quota_violation *quota_violation, struct buf *out)
{
	const struct quota *quota = &policy->quotas[quota_violation->quota];
	buf_printf(out, ", but cohort \"" SHOW "\" has too little left", SHOWN(policy->pools[quota->pool].cohort));
	uint32_t named = 0;
	for (uint32_t i = 0; i < quota_violation->borrower_count && out->len < BORROWERS_BYTES_MAX; i++) {
		if (quota_violation->borrowers[i].quota == quota_violation->quota)
			continue;
		const struct quota *other = &policy->quotas[quota_violation->borrowers[i].quota];
		buf_printf(out, "%s tenant \"" SHOW "\" uses ", named++ ? "," : ":",
			   SHOWN(policy->tenants[other->tenant].name));
		amount_print(quota_violation->borrowers[i].amount, policy->unit, quota->measure, out);
		buf_text(out, " above its own limit");
	}
	buf_text(out, named ? "; wait until Pods there end, or ask for some of it back"
			    : "; wait until Pods of the cohort end");
}

static void print_never(const struct policy *policy, const struct quota_violation *quota_violation, struct buf *out)
{
	const struct quota *quota = &policy->quotas[quota_violation->quota];
	if (quota_violation->kind == QUOTA_VIOLATION_COHORT) {
		buf_printf(out, ", of which cohort \"" SHOW "\" can lend at most ",
			   SHOWN(policy->pools[quota->pool].cohort));
		amount_print(quota_violation->max - quota->hard, policy->unit, quota->measure, out);
	}
	buf_text(out, "; ");
	if (quota_violation->max > 0) {
		buf_text(out, "request at most ");
		remedy_print_amount(policy, quota, quota_violation->max, out);
		buf_text(out, quota_violation->of_group > 0 ? " with all Pods of the group, or " : ", or ");
	}
	buf_text(out, "ask the platform team to raise the limit");
}

static void print_why(const struct policy *policy, const struct quota_violation *quota_violation, struct buf *out)
{
	const struct quota *quota = &policy->quotas[quota_violation->quota];
	if (never_fits(quota_violation)) {
		print_never(policy, quota_violation, out);
	} else if (quota_violation->kind == QUOTA_VIOLATION_COHORT) {
		print_cohort(policy, quota_violation, out);
	} else {
		buf_text(out, ", over by ");
		amount_print(amount_sum(held_now(quota_violation), quota_violation->requested) - quota->hard -
				 quota->borrow,
			     policy->unit, quota->measure, out);
	}
}

/* Appends a part unless the sentence would become longer than a message. */
static void add_part(const struct refused_request *request, const struct quota_violation *quota_violation,
		     void (*print)(const struct refused_request *, const struct quota_violation *, struct buf *),
		     struct buf *text)
{
	struct buf part;
	buf_init(&part, MESSAGE_MAX);
	print(request, quota_violation, &part);
	if (!part.failed && text->len + part.len <= MESSAGE_MAX)
		buf_str(text, buf_view(&part));
	buf_release(&part);
}

/*
 * Returns the beginning of the sentence. If the enforcement only warns or audits, the Pod is
 * admitted all the same.
 */
static const char *beginning(const struct quota_violation *quota_violation, bool denies, bool waiting_helps)
{
	if (never_fits(quota_violation))
		return denies ? "can never fit: " : "would never fit: ";
	return waiting_helps ? DECISION_WAIT : "";
}

static int object_one(const struct refused_request *request, const struct quota_violation *quota_violation,
		      bool waiting_helps, struct arena *arena, struct decision *decision)
{
	const struct policy *policy = request->policy;
	const struct quota *quota = &policy->quotas[quota_violation->quota];
	enum enforcement enforcement = policy->tenants[quota->tenant].enforcement;
	bool denies = enforcement == ENFORCEMENT_DENY && !decision->mirror;
	struct buf text;
	buf_init(&text, TEXT_MAX);
	buf_text(&text, beginning(quota_violation, denies, waiting_helps));
	print_numbers(policy, quota_violation, decision->gang_rule, &text);
	print_why(policy, quota_violation, &text);
	add_part(request, quota_violation, remedy_print_classes, &text);
	add_part(request, quota_violation, remedy_print_free, &text);
	add_part(request, quota_violation, remedy_print_model, &text);
	int result = decision_add_violation(decision, arena, REASON_QUOTA, enforcement, quota->name, "%.*s",
					    STR_ARG(buf_view(&text)));
	buf_release(&text);
	return result;
}

/*
 * Whether another sentence about the same quota makes this one redundant. The sentence about the
 * cohort is redundant if the cohort leaves no less than the own limit of the quota. If the request
 * can never fit, only the tighter limit is reported.
 */
static bool is_said(const struct refused_request *request, size_t at)
{
	const struct quota_violation *quota_violation = &request->denial->quota_violation[at];
	const struct quota *quota = &request->policy->quotas[quota_violation->quota];
	wide limit = amount_sum(quota->hard, quota->borrow), own = limit - held_now(quota_violation);
	bool again = at > 0 && request->denial->quota_violation[at - 1].quota == quota_violation->quota;
	if (never_fits(quota_violation))
		return quota_violation->kind == QUOTA_VIOLATION_HARD ? quota_violation->max < limit
								     : again && quota_violation->max == limit;
	return again && quota_violation->left == (own > 0 ? own : 0);
}

static int object_all(const struct refused_request *request, bool never, bool waiting_helps, struct arena *arena,
		      struct decision *decision)
{
	for (size_t i = 0; i < request->denial->quota_violation_count; i++)
		if (never_fits(&request->denial->quota_violation[i]) == never && !is_said(request, i) &&
		    object_one(request, &request->denial->quota_violation[i], waiting_helps, arena, decision) < 0)
			return -1;
	return 0;
}

/*
 * Whether the request would be admitted if nothing were used: no limit that denies is too small for
 * it.
 */
static bool would_fit(const struct refused_request *request)
{
	const struct policy *policy = request->policy;
	for (size_t i = 0; i < request->denial->quota_violation_count; i++) {
		const struct quota *quota = &policy->quotas[request->denial->quota_violation[i].quota];
		if (never_fits(&request->denial->quota_violation[i]) &&
		    policy->tenants[quota->tenant].enforcement == ENFORCEMENT_DENY)
			return false;
	}
	return true;
}

int policy_add_quota_violations(const struct policy *policy, const struct quota_denial *denial, struct arena *arena,
				struct decision *decision)
{
	struct refused_request request = {policy, &decision->consumer, denial};
	bool waiting_helps = !decision->denied && would_fit(&request);
	if (object_all(&request, true, waiting_helps, arena, decision) < 0)
		return -1;
	return object_all(&request, false, waiting_helps, arena, decision);
}
