#include "webhook/cmd/lint_trial.h"

#include "webhook/cmd/lint_place.h"
#include "webhook/simulate/admit.h"

/*
 * Whether the labels of a namespace could make it one of a tenant, and no file has its Namespace.
 * Then nothing is known about its tenant.
 */
static bool are_labels_missing(const struct trial *trial, struct str namespace)
{
	return policy_selects_namespaces(trial->policy) && !policy_has_namespace(trial->policy, namespace) &&
	       !simulation_has_namespace(trial->simulation, namespace);
}

/*
 * Copies the decision without what it says of a namespace that belongs to no tenant. Returns
 * whether the Pod is refused for another reason.
 */
static bool leave_out_untenanted(const struct decision *decision, struct decision *rest)
{
	uint32_t kept = 0;
	bool refused = false;
	*rest = *decision;
	for (uint32_t i = 0; i < decision->violation_count; i++) {
		if (decision->violations[i].reason == REASON_UNTENANTED)
			continue;
		refused |= decision->violations[i].enforcement == ENFORCEMENT_DENY;
		rest->violations[kept++] = decision->violations[i];
	}
	rest->violation_count = kept;
	return refused;
}

/*
 * Whether a Pod is refused only for an amount that is none, which the rules for manifests name.
 * They do not look at what claims request.
 */
static bool is_of_the_rules(const struct review *review, const struct decision *decision)
{
	uint32_t others = review->claim.present;
	for (uint32_t i = 0; i < decision->violation_count; i++) {
		const struct violation *violation = &decision->violations[i];
		others += violation->enforcement == ENFORCEMENT_DENY &&
			  (violation->reason != REASON_REQUEST || !str_present(violation->about));
	}
	return decision->violation_count > 0 && others == 0;
}

/* Keeps why a Pod is refused, without what missing labels of its namespace decide. */
static void take_refusal(const struct trial *trial, const struct manifest_object *object, const struct subject *subject,
			 const struct decision *decision, struct outcome *outcome)
{
	struct decision rest;
	if (are_labels_missing(trial, subject->review.namespace)) {
		outcome->unknown = !leave_out_untenanted(decision, &rest);
		decision = &rest;
	}
	outcome->unknown |= is_of_the_rules(&subject->review, decision);
	json_t *message = simulated_message(decision);
	const char *text = json_string_value(message);
	snprintf(outcome->message, sizeof outcome->message, "%s", text ? text : "");
	json_decref(message);
	for (uint32_t i = 0; i < decision->violation_count && !str_present(outcome->about); i++)
		if (decision->violations[i].enforcement == ENFORCEMENT_DENY)
			outcome->about = lint_place_violation(trial->policy, object, subject, &decision->violations[i]);
}

/* Keeps the first warning about a Pod that is admitted, unless missing labels could decide it. */
static void take_warning(const struct trial *trial, const struct manifest_object *object, const struct subject *subject,
			 const struct decision *decision, struct outcome *outcome)
{
	bool missing = are_labels_missing(trial, subject->review.namespace);
	for (uint32_t i = 0; i < decision->violation_count && !outcome->warned; i++) {
		const struct violation *violation = &decision->violations[i];
		if (violation->enforcement != ENFORCEMENT_WARN || (missing && violation->reason == REASON_UNTENANTED))
			continue;
		outcome->warned = true;
		outcome->about = lint_place_violation(trial->policy, object, subject, violation);
		snprintf(outcome->message, sizeof outcome->message, "%.*s", STR_ARG(violation->message));
	}
}

int trial_pod(struct trial *trial, const struct manifest_object *object, const struct subject *subject, int64_t number,
	      bool dry_run, struct outcome *outcome)
{
	struct review review;
	struct simulated simulated;
	arena_reset(&trial->decision);
	if (subject_member(subject, number, &trial->decision, &review) < 0)
		return -1;
	review.dry_run = dry_run;
	group_objects_own(simulation_groups(trial->simulation), &subject->group);
	simulation_admit(trial->simulation, &review, &trial->decision, NULL, &simulated);
	group_objects_own(simulation_groups(trial->simulation), NULL);
	*outcome = (struct outcome){
	    .admitted = simulated.admitted, .charged = simulated.charges.len > 0, .pod = review.object};
	snprintf(outcome->charges, sizeof outcome->charges, "%.*s", STR_ARG(buf_view(&simulated.charges)));
	if (!simulated.admitted && simulated.state == ADMISSION_DECIDED)
		take_refusal(trial, object, subject, simulated_decision(&simulated), outcome);
	if (simulated.admitted)
		take_warning(trial, object, subject, simulated_decision(&simulated), outcome);
	if (simulated.admitted && !dry_run)
		outcome->uid = arena_str(&trial->uids, review.claim.present ? review.claim.uid : review.object.uid);
	buf_release(&simulated.charges);
	return simulated.state == ADMISSION_DECIDED ? 0 : -1;
}
