#include "webhook/simulate/attempt.h"

#include "webhook/object/claim.h"
#include "webhook/simulate/admit.h"
#include "webhook/simulate/deciders.h"
#include "webhook/simulate/json_patch.h"

/* Receives the steps of a decision. */
struct listener {
	struct coverage *coverage;
	json_t *deciders;
};

static void on_event(void *context, const struct trace_event *event)
{
	const struct listener *listener = context;
	coverage_note(listener->coverage, event);
	deciders_note(listener->deciders, listener->coverage->policy, event);
}

/* --- The details of one Pod --- */

static void add_warnings(json_t *warnings, const struct decision *decision)
{
	for (uint32_t i = 0; i < decision->violation_count; i++)
		if (decision->violations[i].enforcement == ENFORCEMENT_WARN)
			json_array_append_new(warnings, json_stringn(decision->violations[i].message.ptr,
								     decision->violations[i].message.len));
}

/* "tenant/quota=amount, ..." by quota. */
static json_t *charges_of(struct str text)
{
	json_t *charges = json_object();
	while (text.len) {
		const char *comma = memchr(text.ptr, ',', text.len);
		struct str item = {text.ptr, comma ? (size_t)(comma - text.ptr) : text.len};
		const char *equals = memchr(item.ptr, '=', item.len);
		size_t key = equals ? (size_t)(equals - item.ptr) : 0;
		if (key)
			json_object_setn_new(charges, item.ptr, key, json_stringn(equals + 1, item.len - key - 1));
		text = str_tail(text, item.len < text.len ? item.len + 2 : item.len);
	}
	return charges;
}

static json_t *object_of(struct str json, const json_t *patch)
{
	json_t *object = str_present(json) ? json_loadb(json.ptr, json.len, 0, NULL) : NULL;
	if (object && json_patch_apply(object, patch) == 0)
		return object;
	json_decref(object);
	return json_null();
}

static void describe(struct attempt *a, const struct subject *subject, const struct simulated *simulated,
		     json_t *deciders)
{
	struct outcome *outcome = &a->report->outcome;
	bool allowed = outcome->allowed;
	int64_t admitted = outcome->admitted;
	outcome_release(outcome);
	*outcome = (struct outcome){.allowed = allowed,
				    .admitted = admitted,
				    .message = simulated_message(simulated_decision(simulated)),
				    .warnings = json_array(),
				    .patch = simulated_patch(simulated)};
	add_warnings(outcome->warnings, &simulated->mutation);
	add_warnings(outcome->warnings, &simulated->validation);
	outcome->object = object_of(subject->pod, outcome->patch);
	outcome->charges = charges_of(simulated->admitted ? buf_view(&simulated->charges) : STR(""));
	json_decref(a->report->deciders);
	a->report->deciders = json_incref(deciders);
	a->described = true;
}

/* --- Pods --- */

/* The Pod is admitted again, so its first admission no longer ends what it holds. */
static void forget_unstored(struct suite_state *state, struct str uid)
{
	for (uint32_t i = 0; i < state->pod_count; i++)
		if (state->pods[i].unstored_ms && str_eq(state->pods[i].pod.uid, uid))
			state->pods[i].gone = true;
}

/* A claim is remembered as a ledger sees it. Returns 0, or -1 without memory. */
static int remember_claim(struct attempt *a, const struct manifest_object *object, const struct review *review,
			  struct error *err)
{
	struct claim *claim = arena_alloc(&a->state->arena, sizeof *claim);
	if (!claim)
		return state_no_memory(err);
	*claim = review->claim;
	const struct known_pod known = {.made_from = object->name.len ? object->name : claim->name,
					.pod = {.present = true,
						.as_claim = claim,
						.name = claim->name,
						.namespace = review->namespace,
						.uid = claim->uid},
					.unstored_ms = a->unstored ? simulation_now(a->state->simulation) : 0};
	return state_remember(a->state, &known, err);
}

static int remember(struct attempt *a, const struct manifest_object *object, const struct review *review,
		    const struct known_workload *workload, struct error *err)
{
	if (review->operation != OPERATION_CREATE || review->dry_run || review->subresource.len)
		return 0;
	if (claim_is_claim(review->group, review->kind) && review->claim.present)
		return remember_claim(a, object, review, err);
	if (!review->object.present)
		return 0;
	const struct known_pod pod = {.made_from = workload ? object->name : review->name,
				      .workload = workload,
				      .pod = review->object,
				      .unstored_ms = a->unstored ? simulation_now(a->state->simulation) : 0};
	if (!workload)
		forget_unstored(a->state, pod.pod.uid);
	return state_remember(a->state, &pod, err);
}

/* `number` of its Pods were created before. */
static int try_pod(struct attempt *a, const struct manifest_object *object, const struct subject *subject,
		   const struct known_workload *workload, int64_t number, bool counts, struct error *err)
{
	struct outcome *outcome = &a->report->outcome;
	struct listener listener = {a->state->means->coverage, json_array()};
	const struct trace trace = {on_event, &listener};
	struct review review;
	struct simulated simulated = {.state = ADMISSION_NO_MEMORY};
	int result = 0;
	bool made = subject_member(subject, number, &a->state->arena, &review) == 0;
	if (workload) /* A recorded review says itself whether it is a dry run. */
		review.dry_run = !counts;
	if (made)
		simulation_admit(a->state->simulation, &review, &a->state->arena, &trace, &simulated);
	if (simulated.state != ADMISSION_DECIDED) {
		error_set(err, "the Pod needs more memory than one suite may use");
		result = suite_error_at(a->manifest, object->json.ptr, err);
	} else {
		bool first_denial = outcome->allowed && !simulated.admitted;
		outcome->allowed = outcome->allowed && simulated.admitted;
		outcome->admitted += simulated.admitted && counts;
		a->refused |= !simulated.admitted;
		if (!a->described || first_denial)
			describe(a, subject, &simulated, listener.deciders);
		if (simulated.admitted)
			result = remember(a, object, &review, workload, err);
	}
	json_decref(listener.deciders);
	buf_release(&simulated.charges);
	return result;
}

int attempt_pods(struct attempt *a, const struct manifest_object *object, const struct subject *subject,
		 const struct known_workload *workload, int64_t count, struct error *err)
{
	int result = 0;
	a->refused = false;
	simulation_store_pods(a->state->simulation, !a->unstored);
	group_objects_own(simulation_groups(a->state->simulation), &subject->group);
	/* Without replicas one Pod is decided, as a dry run. */
	for (int64_t i = 0; result == 0 && (i == 0 || (i < count && !a->refused)); i++)
		result = try_pod(a, object, subject, workload, i, count > 0, err);
	group_objects_own(simulation_groups(a->state->simulation), NULL);
	return result;
}

void attempt_undo(struct suite_state *state, uint32_t first)
{
	while (state->pod_count > first)
		simulation_gone(state->simulation, state->pods[--state->pod_count].pod.uid);
}
