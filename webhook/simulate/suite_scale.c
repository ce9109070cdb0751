/* The step that changes how many Pods an object has, as its controller does. */
#include <stdio.h>

#include "webhook/object/review.h" /* REVIEW_PADDING */
#include "webhook/simulate/attempt.h"
#include "webhook/simulate/difference.h"
#include "webhook/simulate/suite_check.h"
#include "webhook/simulate/suite_names.h"

/* Objects that have the subresource `scale`. A Job has none, and stops at its completions. */
static bool has_scale(const struct workload_kind *kind)
{
	return *kind->template && kind->replicas && !kind->most;
}

static bool is_alive(const struct known_pod *known, const struct known_workload *workload)
{
	return known->workload == workload && !known->gone && !known->finished && !known->unstored_ms;
}

/* --- Which object --- */

static struct str namespace_of(const struct suite_scale *scale)
{
	return str_present(scale->namespace) ? scale->namespace : STR("default");
}

/* Returns what a message calls the object. `kind` of a claim is that of custom resources. */
static struct str kind_of(const struct known_workload *known)
{
	return known->subject->review.claim.present ? known->object.kind : str_of(known->kind->kind);
}

/* Returns NULL with an error. */
static const struct known_workload *find(const struct suite_state *state, const struct suite_scale *scale,
					 struct error *err)
{
	const struct known_workload *found = NULL, *other = NULL;
	for (const struct known_workload *known = state->workloads; known; known = known->next) {
		if (!str_eq(known->object.name, scale->name) ||
		    !str_eq(known->subject->review.namespace, namespace_of(scale)))
			continue;
		if (found && has_scale(found->kind) && has_scale(known->kind))
			other = known;
		else if (!found || has_scale(known->kind))
			found = known;
	}
	if (!found)
		suite_refuse_name(state, "scale", namespace_of(scale), scale->name, true, err);
	else if (!has_scale(found->kind))
		error_set(
		    err,
		    "scale: a %.*s has no replicas that could be changed; scale a Deployment, ReplicaSet, StatefulSet, "
		    "or ReplicationController",
		    STR_ARG(kind_of(found)));
	else if (other)
		error_set(err, "scale: there is a %.*s and a %.*s of this name; give one of them another name",
			  STR_ARG(kind_of(other)), STR_ARG(kind_of(found)));
	else
		return found;
	suite_error_at(state->manifest, scale->at, err);
	return NULL;
}

/* --- Fewer Pods --- */

/*
 * Controllers delete the newest Pods first, except that most of them prefer Pods without a node.
 * Here these are the newest anyway, because `bind` takes the oldest.
 */
static void shrink(struct suite_state *state, const struct known_workload *workload, int64_t surplus)
{
	for (uint32_t i = state->pod_count; i-- > 0 && surplus > 0;) {
		struct known_pod *known = &state->pods[i];
		if (!is_alive(known, workload))
			continue;
		known->gone = true;
		simulation_gone(state->simulation, known->pod.uid);
		surplus--;
	}
}

/* --- More Pods --- */

/* The object says the new number by then. */
static int grow(struct attempt *attempt, const struct known_workload *workload, int64_t replicas, int64_t more,
		struct error *err)
{
	char json[64 + REVIEW_PADDING] = "";
	struct subject scaled = *workload->subject;
	snprintf(json, sizeof json, "{\"spec\":{\"replicas\":%lld,\"template\":{}}}", (long long)replicas);
	if (str_present(scaled.group.json))
		scaled.group.json = str_of(json);
	return attempt_pods(attempt, &workload->object, &scaled, workload, more, err);
}

/* --- The step --- */

int state_scale(struct suite_state *state, const struct suite_step *step, struct step_report *report, struct error *err)
{
	struct attempt attempt = {.state = state, .report = report, .unstored = step->has_stored && !step->stored};
	const uint32_t first = state->pod_count;
	const struct known_workload *workload = find(state, &step->scale, err);
	int64_t wanted = suite_number(step->scale.replicas), alive = 0;
	int result = 0;
	if (!workload)
		return -1;
	report->outcome.allowed = true;
	for (uint32_t i = 0; i < state->pod_count; i++)
		alive += is_alive(&state->pods[i], workload);
	if (wanted == alive)
		difference_add(report->differences, "scale", json_string("another number of Pods than it has already"),
			       json_integer(alive));
	attempt.manifest = workload->manifest;
	if (wanted > alive)
		result = grow(&attempt, workload, wanted, wanted - alive, err);
	else if (!step->dry_run)
		shrink(state, workload, alive - wanted);
	if (step->dry_run)
		attempt_undo(state, first);
	return result;
}
