/* The steps that create Pods: what the webhook makes of them. */
#include "webhook/simulate/admit.h"
#include "webhook/simulate/deciders.h"
#include "webhook/simulate/json_patch.h"
#include "webhook/simulate/subject.h"
#include "webhook/simulate/suite_state.h"
#include "webhook/simulate/usage.h"

#define STEP_PODS_MAX 1000

struct creating {
	struct suite_state *state;
	const struct suite_step *step;
	struct manifest *manifest; /* Of the object. */
	struct subject_creator creator;
	struct step_report *report;
	bool described; /* report->outcome has the details of a Pod. */
	bool refused;   /* A Pod of the object that is tried. */
};

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

static void describe(struct creating *c, const struct subject *subject, const struct simulated *simulated,
		     json_t *deciders)
{
	struct outcome *outcome = &c->report->outcome;
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
	json_decref(c->report->deciders);
	c->report->deciders = json_incref(deciders);
	c->described = true;
}

/* --- Pods --- */

static int remember(struct creating *c, const struct manifest_object *object, const struct review *review,
		    struct error *err)
{
	if (review->operation != OPERATION_CREATE || review->dry_run || !review->object.present ||
	    review->subresource.len)
		return 0;
	return state_remember(c->state, subject_is_review(object) ? review->name : object->name, &review->object, err);
}

static int try_pod(struct creating *c, const struct manifest_object *object, const struct subject *subject,
		   struct error *err)
{
	struct outcome *outcome = &c->report->outcome;
	struct listener listener = {c->state->means->coverage, json_array()};
	const struct trace trace = {on_event, &listener};
	struct review review = subject->review;
	struct simulated simulated;
	int result = 0;
	simulation_admit(c->state->simulation, c->state->means->coverage->policy, &review, &c->state->arena, &trace,
			 &simulated);
	if (simulated.state != ADMISSION_DECIDED) {
		error_set(err, "the Pod needs more memory than one suite may use");
		result = suite_error_at(c->manifest, object->json.ptr, err);
	} else {
		bool first_denial = outcome->allowed && !simulated.admitted;
		outcome->allowed = outcome->allowed && simulated.admitted;
		outcome->admitted += simulated.admitted && subject->pods > 0;
		c->refused |= !simulated.admitted;
		if (!c->described || first_denial)
			describe(c, subject, &simulated, listener.deciders);
		if (simulated.admitted)
			result = remember(c, object, &review, err);
	}
	json_decref(listener.deciders);
	buf_release(&simulated.charges);
	return result;
}

/* An AdmissionReview says itself what the step could say. */
static int check_review(const struct creating *c, const struct manifest_object *object, struct error *err)
{
	if (str_present(c->creator.user))
		error_set(err, "an AdmissionReview says itself who sends it; remove `as`");
	else if (str_present(c->step->namespace))
		error_set(err, "an AdmissionReview says itself which namespace it is about; remove `namespace`");
	else
		return 0;
	return suite_error_at(c->manifest, object->json.ptr, err);
}

/* Returns 1, 0 if the object makes no Pods, or -1. */
static int try_object(struct creating *c, const struct manifest_object *object, struct error *err)
{
	struct subject *subject = arena_zalloc(&c->state->arena, 1, sizeof *subject);
	if (!subject)
		return state_no_memory(err);
	int found = subject_read(subject, c->manifest, object, &c->creator, &c->state->arena, err);
	if (found <= 0)
		return found;
	if (subject_is_review(object) && check_review(c, object, err) < 0)
		return -1;
	if (subject->pods > STEP_PODS_MAX) {
		error_set(err, "a step of a test makes at most %d Pods; lower the number", STEP_PODS_MAX);
		return suite_error_at(c->manifest, object->json.ptr, err);
	}
	/* Pods of other objects count until the step ends, because they may be several. */
	subject->review.dry_run |= c->step->dry_run && subject_is_review(object);
	c->refused = false;
	/* Without replicas one Pod is decided, as a dry run. */
	for (int64_t i = 0; i == 0 || (i < subject->pods && !c->refused); i++)
		if (try_pod(c, object, subject, err) < 0)
			return -1;
	return 1;
}

static int try_file(struct creating *c, struct error *err)
{
	int found = 0;
	for (uint32_t i = 0; i < c->manifest->count; i++)
		if (simulation_labels(c->state->simulation, c->manifest, &c->manifest->objects[i], err) < 0)
			return -1;
	for (uint32_t i = 0; i < c->manifest->count; i++) {
		int result = try_object(c, &c->manifest->objects[i], err);
		if (result < 0)
			return -1;
		found |= result;
	}
	return found;
}

/* Releases what the Pods from `first` on hold, as if they had not been created. */
static void undo(struct suite_state *state, uint32_t first)
{
	while (state->pod_count > first)
		simulation_gone(state->simulation, state->pods[--state->pod_count].pod.uid);
}

int state_create(struct suite_state *state, const struct suite_step *step, struct step_report *report,
		 struct error *err)
{
	struct manifest_object object;
	struct creating c = {
	    .state = state,
	    .step = step,
	    .manifest = state->manifest,
	    .creator = {str_present(step->namespace) ? step->namespace : STR("default"), step->as.user,
			step->as.groups},
	    .report = report,
	};
	const uint32_t first = state->pod_count;
	report->outcome.allowed = true;
	if (step->as.groups.count && !str_present(step->as.user)) {
		error_set(err, "as: `groups` are those of a user; add `user`");
		return suite_error_at(state->manifest, step->at, err);
	}
	int found;
	if (suite_verb(step) == STEP_FILE) {
		c.manifest = state_read(state, step->file, err);
		found = c.manifest ? try_file(&c, err) : -1;
	} else {
		found =
		    manifest_describe(c.manifest, step->create, &object, err) < 0 ? -1 : try_object(&c, &object, err);
	}
	if (step->dry_run)
		undo(state, first);
	if (found != 0)
		return found < 0 ? -1 : 0;
	error_set(err,
		  "no Pods come from what this step creates; `gpugate explain --help` lists the kinds that make Pods");
	return suite_error_at(state->manifest, step->at, err);
}
